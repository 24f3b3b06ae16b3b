#include "cli/variable_flags.hpp"

#include "app/json.hpp"
#include "fs/file.hpp"
#include "manifest/document.hpp"

#include <fmt/format.h>

namespace whorl::cli {
namespace {

/// The longest file that is read, bytes.
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{4} * 1024 * 1024;

using Values = host::variables::StaticProvider::Values;

Result<std::string> read_text(std::string_view path) {
  auto bytes = fs::read_file(std::string(path), kMaxFileBytes);
  if (bytes) {
    return std::string(as_text(*bytes));
  }
  // The step's own context would repeat the path.
  const Error& why = bytes.error();
  return Error(why.kind(), why.message(), why.where())
      .context(fmt::format("Failed to read {}.", fs::quote_path(path)));
}

/// The value itself is not shown: it may be a secret.
Error not_text(std::string_view name) {
  return fail(ErrorKind::InvalidInput, "the value of `{}` is not a string", name);
}

Result<void> read_json(std::string_view text, Values& out) {
  WHORL_TRY(const app::Value parsed, app::parse_json(text, kMaxFileBytes));
  const app::Value::Table* table = parsed.as_table();
  if (table == nullptr) {
    return fail(ErrorKind::InvalidInput, "the file does not hold a map");
  }
  for (const app::Member& member : *table) {
    const std::string* content = member.value.as_string();
    if (content == nullptr) {
      return not_text(member.name);
    }
    out.insert_or_assign(member.name, *content);
  }
  return {};
}

Result<void> read_toml(std::string_view text, const std::string& path, Values& out) {
  auto parsed = manifest::parse_document(text, path);
  if (!parsed) {
    // Below the place, the message shows the line, which may hold a secret.
    const std::string& message = parsed.error().message();
    return fail(ErrorKind::InvalidInput, "{}", message.substr(0, message.find('\n')));
  }
  for (const manifest::Entry& entry : parsed->entries) {
    if (!entry.value.is(manifest::Node::Kind::String)) {
      return not_text(entry.name);
    }
    out.insert_or_assign(entry.name, entry.value.text);
  }
  return {};
}

Result<void> read_file(std::string_view path, Values& out) {
  WHORL_TRY(const std::string text, read_text(path));
  return fs::extension(path) == "json"
             ? read_json(text, out).context("Failed to parse JSON from {}.", fs::quote_path(path))
             : read_toml(text, std::string(path), out)
                   .context("Failed to parse TOML from {}.", fs::quote_path(path));
}

}  // namespace

Result<void> check_variable(std::string_view text) {
  if (text.starts_with('@')) {
    const std::string_view extension = fs::extension(text.substr(1));
    return extension == "json" || extension == "toml"
               ? Result<void>()
               : fail(ErrorKind::InvalidInput, "variable files must end in .json or .toml");
  }
  return text.contains('=')
             ? Result<void>()
             : fail(
                   ErrorKind::InvalidInput, "variables must be in the form 'key=value' or '@file'"
               );
}

Result<Values> read_variables(std::span<const std::string> texts) {
  Values out;
  for (const std::string_view text : texts) {
    if (text.starts_with('@')) {
      WHORL_CHECKED(read_file(text.substr(1), out));
      continue;
    }
    const auto equals = text.find('=');
    std::string name(text.substr(0, equals));
    const std::string_view value = text.substr(equals + 1);
    if (value.starts_with('@')) {
      WHORL_TRY(out[std::move(name)], read_text(value.substr(1)));
    } else {
      out.insert_or_assign(std::move(name), std::string(value));
    }
  }
  return out;
}

}  // namespace whorl::cli
