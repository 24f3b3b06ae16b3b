#include "app/static_files.hpp"

#include <algorithm>
#include <string_view>

namespace whorl::app {
namespace {

constexpr std::string_view kTable = "static_files";

/// Absolute, without empty and dot segments.
bool is_plain_path(std::string_view path) {
  if (!path.starts_with('/')) {
    return false;
  }
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    if (segment.empty() || segment == "." || segment == ".." ||
        segment.find('\0') != std::string_view::npos) {
      return false;
    }
    path.remove_prefix(end);
  }
  return true;
}

/// May stand in a header line.
bool is_field_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

bool covers(std::string_view mount, std::string_view path) {
  return mount == "/" || path == mount ||
         (path.starts_with(mount) && path.substr(mount.size()).starts_with('/'));
}

Result<std::string> text_of(const Member& member) {
  const std::string* text = member.value.as_string();
  if (text == nullptr) {
    return fail(
        ErrorKind::InvalidInput, "`{}` is {}, not a string", member.name, member.value.describe()
    );
  }
  return *text;
}

Result<void> set(StaticFiles& to, const Member& member) {
  WHORL_TRY(std::string text, text_of(member));
  if (member.name == "path") {
    if (text != "/" && !is_plain_path(text)) {
      return fail(ErrorKind::InvalidInput, "`path` is no absolute path: \"{}\"", text);
    }
    to.path = std::move(text);
  } else if (member.name == "index") {
    if (!text.empty() && !is_plain_path("/" + text)) {
      return fail(ErrorKind::InvalidInput, "`index` is no name of a file: \"{}\"", text);
    }
    to.index = std::move(text);
  } else if (member.name == "missing") {
    if (text == "component") {
      to.missing = StaticFiles::Missing::Component;
    } else if (text == "404") {
      to.missing = StaticFiles::Missing::NotFound;
    } else if (is_plain_path(text)) {
      to.missing = StaticFiles::Missing::File;
      to.missing_file = std::move(text);
    } else {
      return fail(
          ErrorKind::InvalidInput,
          "`missing` is none of \"component\", \"404\" and the absolute path of a file"
      );
    }
  } else if (member.name == "cache_control") {
    if (!is_field_text(text)) {
      return fail(ErrorKind::InvalidInput, "`cache_control` cannot stand in a header");
    }
    to.cache_control = std::move(text);
  } else {
    return fail(
        ErrorKind::InvalidInput,
        "unknown key `{}`, expected one of `path`, `index`, `missing`, `cache_control`",
        member.name
    );
  }
  return {};
}

Result<std::optional<StaticFiles>> read(const Component& component) {
  const Value* own = component.metadata.find(kOwnTool);
  if (own == nullptr) {
    return std::optional<StaticFiles>();
  }
  const Value::Table* tables = own->as_table();
  if (tables == nullptr || std::ranges::any_of(*tables, [](const Member& member) {
        return member.name != kTable || member.value.as_table() == nullptr;
      })) {
    return fail(ErrorKind::InvalidInput, "`tool.whorl` has tables only: `static_files`");
  }
  if (tables->empty()) {
    return std::optional<StaticFiles>();
  }
  StaticFiles out;
  for (const Member& member : *tables->front().value.as_table()) {
    WHORL_CHECKED(set(out, member));
  }
  const bool is_mounted = std::ranges::any_of(component.mounts, [&](const Mount& mount) {
    return covers(mount.guest_path, out.path);
  });
  if (!is_mounted) {
    return fail(
        ErrorKind::InvalidInput, "the folder \"{}\" is in none of the component's `files`", out.path
    );
  }
  return std::optional(std::move(out));
}

}  // namespace

Result<std::optional<StaticFiles>> static_files(const Component& component) {
  return read(component).context("component \"{}\", static_files", component.id);
}

}  // namespace whorl::app
