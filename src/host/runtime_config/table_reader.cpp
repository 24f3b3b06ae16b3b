#include "host/runtime_config/table_reader.hpp"

#include "manifest/nearest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace whorl::host::runtime_config {
namespace {

using Kind = manifest::Node::Kind;

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::String:
      return "string";
    case Kind::Integer:
      return "integer";
    case Kind::Float:
      return "floating point";
    case Kind::Boolean:
      return "boolean";
    case Kind::Array:
      return "sequence";
    default:
      return "map";
  }
}

}  // namespace

TableReader::TableReader(const manifest::Node& table, std::string path)
    : table_(table), path_(std::move(path)) {
  if (!table.is(Kind::Table)) {
    fail_with(fmt::format("invalid type: {}, expected a table", name_of(table.kind)));
  }
}

const manifest::Node* TableReader::node(std::string_view name) {
  if (std::ranges::find(known_, name) == known_.end()) {
    known_.emplace_back(name);
  }
  const manifest::Entry* entry = table_.find(name);
  return entry != nullptr ? &entry->value : nullptr;
}

const manifest::Node* TableReader::typed(
    std::string_view name, Kind kind, std::string_view expected
) {
  const manifest::Node* found = node(name);
  if (found != nullptr && !found->is(kind)) {
    fail_with(
        fmt::format("invalid type for `{}`: {}, expected {}", name, name_of(found->kind), expected)
    );
    return nullptr;
  }
  return found;
}

std::optional<std::string> TableReader::text(std::string_view name) {
  const manifest::Node* found = typed(name, Kind::String, "a string");
  return found != nullptr ? std::optional(found->text) : std::nullopt;
}

std::optional<bool> TableReader::boolean(std::string_view name) {
  const manifest::Node* found = typed(name, Kind::Boolean, "a boolean");
  return found != nullptr ? std::optional(found->boolean) : std::nullopt;
}

std::optional<std::uint64_t> TableReader::number(std::string_view name) {
  const manifest::Node* found = typed(name, Kind::Integer, "a number");
  if (found == nullptr) {
    return std::nullopt;
  }
  if (found->integer < 0) {
    fail_with(fmt::format(
        "invalid value for `{}`: integer `{}`, expected one that is not negative",
        name,
        found->integer
    ));
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(found->integer);
}

std::vector<std::string> TableReader::texts(std::string_view name) {
  std::vector<std::string> out;
  if (const manifest::Node* found = typed(name, Kind::Array, "a sequence")) {
    for (const manifest::Node& item : found->items) {
      if (!item.is(Kind::String)) {
        fail_with(
            fmt::format("invalid type in `{}`: {}, expected a string", name, name_of(item.kind))
        );
        return {};
      }
      out.push_back(item.text);
    }
  }
  return out;
}

std::map<std::string, std::string, std::less<>> TableReader::text_table(std::string_view name) {
  std::map<std::string, std::string, std::less<>> out;
  if (const manifest::Node* found = typed(name, Kind::Table, "a table")) {
    for (const manifest::Entry& entry : found->entries) {
      if (!entry.value.is(Kind::String)) {
        fail_with(fmt::format(
            "invalid type for `{}.{}`: {}, expected a string",
            name,
            entry.name,
            name_of(entry.value.kind)
        ));
        return {};
      }
      out.emplace(entry.name, entry.value.text);
    }
  }
  return out;
}

std::string TableReader::required(std::string_view name) {
  if (auto found = text(name)) {
    return *std::move(found);
  }
  if (!error_) {
    fail_with(fmt::format("missing field `{}`", name));
  }
  return {};
}

std::vector<std::string> TableReader::unread() const {
  std::vector<std::string> out;
  for (const manifest::Entry& entry : table_.entries) {
    if (std::ranges::find(known_, entry.name) == known_.end()) {
      out.push_back(entry.name);
    }
  }
  return out;
}

std::string TableReader::advice_for(std::string_view name) const {
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  const auto near = manifest::nearest(name, known);
  return near ? fmt::format(" (did you mean `{}`?)", *near) : std::string();
}

void TableReader::refuse_unread() {
  for (const std::string& name : unread()) {
    fail_with(fmt::format(
        "unknown field `{}`, expected one of `{}`{}",
        manifest::printable(name),
        fmt::join(known_, "`, `"),
        advice_for(name)
    ));
  }
}

void TableReader::warn_of_unread(std::vector<std::string>& warnings) const {
  for (const std::string& name : unread()) {
    warnings.push_back(fmt::format(
        "`{}` in `[{}]` is not known and has no effect{}",
        manifest::printable(name),
        path_,
        advice_for(name)
    ));
  }
}

void TableReader::fail_with(std::string message) {
  if (!error_) {
    error_ = Error(ErrorKind::InvalidInput, std::move(message));
    if (!path_.empty()) {
      error_->add_context(fmt::format("in [{}]", path_));
    }
  }
}

Result<> TableReader::finish() {
  if (error_) {
    return *std::exchange(error_, std::nullopt);
  }
  return {};
}

}  // namespace whorl::host::runtime_config
