// JSON → LockedApp. Every function takes the place it reads, for the message: "components[0].id".

#include "app/allowed_hosts.hpp"
#include "app/file_url.hpp"
#include "app/json.hpp"
#include "app/lock_file.hpp"
#include "base/base64.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <span>
#include <utility>

namespace whorl::app {
namespace {

constexpr std::int64_t kNewestVersion = 1;
constexpr std::string_view kRequired = "required";
constexpr std::array<std::string_view, 2> kUnderstood{
    "host_requirements", "component_host_requirements"
};
constexpr std::array<std::string_view, 2> kFeatures{"local_service_chaining", "middleware"};

Error wrong(
    const std::string& place,
    std::string_view expected,
    std::source_location where = std::source_location::current()
) {
  return Error(
      ErrorKind::InvalidInput,
      fmt::format("`{}` of the lock file is not {}", place, expected),
      where
  );
}

Result<std::string> read_text(const Value& value, const std::string& place) {
  if (const std::string* found = value.as_string()) {
    return *found;
  }
  return wrong(place, "a string");
}

Result<std::vector<std::string>> read_texts(const Value& value, const std::string& place) {
  const Value::Array* items = value.as_array();
  if (items == nullptr) {
    return wrong(place, "a list of strings");
  }
  std::vector<std::string> out;
  for (const Value& item : *items) {
    WHORL_TRY(std::string found, read_text(item, place));
    out.push_back(std::move(found));
  }
  return out;
}

Result<std::map<std::string, std::string>> read_map(const Value& value, const std::string& place) {
  const Value::Table* members = value.as_table();
  if (members == nullptr) {
    return wrong(place, "an object of strings");
  }
  std::map<std::string, std::string> out;
  for (const Member& member : *members) {
    WHORL_TRY(out[member.name], read_text(member.value, place + "." + member.name));
  }
  return out;
}

/// The text of a member that may be absent or null.
Result<std::string> read_optional(const Value& table, const char* name, const std::string& place) {
  const Value* found = table.find(name);
  if (found == nullptr || found->is_null()) {
    return std::string();
  }
  return read_text(*found, fmt::format("{}.{}", place, name));
}

/// Runs `read` over the items of a member that may be absent.
template <class Read>
Result<void> each_item(const Value& table, const char* name, const std::string& place, Read read) {
  const Value* list = table.find(name);
  if (list == nullptr || list->is_null()) {
    return {};
  }
  const std::string list_place = place.empty() ? name : fmt::format("{}.{}", place, name);
  const Value::Array* items = list->as_array();
  if (items == nullptr) {
    return wrong(list_place, "a list");
  }
  for (std::size_t i = 0; i < items->size(); ++i) {
    WHORL_CHECKED(read((*items)[i], fmt::format("{}[{}]", list_place, i)));
  }
  return {};
}

/// Runs `read` over the members of a member that may be absent.
template <class Read>
Result<void> each_member(
    const Value& table, const char* name, const std::string& place, Read read
) {
  const Value* found = table.find(name);
  if (found == nullptr || found->is_null()) {
    return {};
  }
  const std::string members_place = place.empty() ? name : fmt::format("{}.{}", place, name);
  const Value::Table* members = found->as_table();
  if (members == nullptr) {
    return wrong(members_place, "an object");
  }
  for (const Member& member : *members) {
    WHORL_CHECKED(read(member, fmt::format("{}.{}", members_place, member.name)));
  }
  return {};
}

Result<ContentRef> read_content(const Value& value, const std::string& place) {
  if (value.as_table() == nullptr) {
    return wrong(place, "an object");
  }
  ContentRef out;
  WHORL_TRY(out.url, read_optional(value, "source", place));
  WHORL_TRY(out.digest, read_optional(value, "digest", place));
  WHORL_TRY(const std::string encoded, read_optional(value, "inline", place));
  if (const Value* given = value.find("inline"); given != nullptr && !given->is_null()) {
    const auto bytes = from_base64(encoded);
    if (!bytes) {
      return wrong(place + ".inline", "base64");
    }
    out.inline_bytes = std::string(as_text(*bytes));
  }
  if (out == ContentRef()) {
    return wrong(place, "a content reference: it has neither `source` nor `digest` nor `inline`");
  }
  return out;
}

Result<Inherit> read_inherit(const Value& value, const std::string& place) {
  if (const std::string* all = value.as_string(); all != nullptr && *all == "All") {
    return Inherit{.kind = Inherit::Kind::All};
  }
  const Value* some = value.find("Some");
  if (some == nullptr) {
    return wrong(place, "\"All\" or {\"Some\": […]}");
  }
  Inherit out{.kind = Inherit::Kind::Some};
  WHORL_TRY(out.grants, read_texts(*some, place + ".Some"));
  return out;
}

Result<Dependency> read_dependency(const Value& value, const std::string& place) {
  const Value* source = value.find("source");
  if (source == nullptr) {
    return wrong(place, "a dependency: it has no `source`");
  }
  Dependency out;
  WHORL_TRY(out.source, read_content(*source, place + ".source"));
  WHORL_TRY(out.content_type, read_optional(*source, "content_type", place + ".source"));
  if (const Value* name = value.find("export"); name != nullptr && !name->is_null()) {
    WHORL_TRY(out.export_name, read_text(*name, place + ".export"));
  }
  if (const Value* inherit = value.find("inherit"); inherit != nullptr && !inherit->is_null()) {
    WHORL_TRY(out.inherit, read_inherit(*inherit, place + ".inherit"));
  }
  return out;
}

/// The members of other names.
Value without(const Value::Table& members, std::span<const std::string_view> names) {
  Value::Table out;
  std::ranges::copy_if(members, std::back_inserter(out), [&](const Member& member) {
    return std::ranges::find(names, member.name) == names.end();
  });
  return Value(std::move(out));
}

Result<void> read_hosts(const Value& metadata, const std::string& place, Component& out) {
  if (const Value* hosts = metadata.find("allowed_outbound_hosts")) {
    WHORL_TRY(out.allowed_outbound_hosts, read_texts(*hosts, place + ".allowed_outbound_hosts"));
  }
  if (const Value* older = metadata.find("allowed_http_hosts")) {
    WHORL_TRY(
        const std::vector<std::string> hosts, read_texts(*older, place + ".allowed_http_hosts")
    );
    WHORL_TRY(const std::vector<std::string> patterns, from_allowed_http_hosts(hosts));
    out.allowed_outbound_hosts.insert(
        out.allowed_outbound_hosts.end(), patterns.begin(), patterns.end()
    );
  }
  return {};
}

Result<void> read_component_metadata(
    const Value& metadata, const std::string& place, Component& out
) {
  static constexpr std::array<std::string_view, 6> kTyped{
      "description",
      "allowed_outbound_hosts",
      "allowed_http_hosts",
      "key_value_stores",
      "databases",
      "ai_models"
  };
  const Value::Table* members = metadata.as_table();
  if (members == nullptr) {
    return wrong(place, "an object");
  }
  WHORL_TRY(out.description, read_optional(metadata, "description", place));
  WHORL_CHECKED(read_hosts(metadata, place, out));
  if (const Value* stores = metadata.find("key_value_stores")) {
    WHORL_TRY(out.key_value_stores, read_texts(*stores, place + ".key_value_stores"));
  }
  if (const Value* databases = metadata.find("databases")) {
    WHORL_TRY(out.sqlite_databases, read_texts(*databases, place + ".databases"));
  }
  if (const Value* models = metadata.find("ai_models")) {
    WHORL_TRY(out.ai_models, read_texts(*models, place + ".ai_models"));
  }
  out.metadata = without(*members, kTyped);
  return {};
}

Result<void> read_source(const Value& value, const std::string& place, Component& out) {
  const Value* source = value.find("source");
  if (source == nullptr) {
    return wrong(place, "a component: it has no `source`");
  }
  WHORL_TRY(out.source, read_content(*source, place + ".source"));
  WHORL_TRY(out.content_type, read_optional(*source, "content_type", place + ".source"));
  out.source_path = from_file_url(out.source.url).value_or("");
  return {};
}

Result<void> read_files(const Value& value, const std::string& place, Component& out) {
  return each_item(value, "files", place, [&](const Value& file, const std::string& at) {
    FileEntry entry;
    auto read = [&]() -> Result<void> {
      WHORL_TRY(entry.content, read_content(file, at));
      WHORL_TRY(entry.path, read_optional(file, "path", at));
      return {};
    }();
    out.files.push_back(std::move(entry));
    return read;
  });
}

Result<void> read_component_dependencies(
    const Value& value, const std::string& place, Component& out
) {
  WHORL_CHECKED(each_member(
      value,
      "dependencies",
      place,
      [&](const Member& member, const std::string& at) -> Result<void> {
        WHORL_TRY(out.dependencies[member.name], read_dependency(member.value, at));
        return {};
      }
  ));
  return each_member(
      value,
      "trigger_dependencies",
      place,
      [&](const Member& role, const std::string& at) -> Result<void> {
        if (role.value.as_array() == nullptr) {
          return wrong(at, "a list");
        }
        auto& players = out.trigger_dependencies[role.name];
        for (const Value& player : *role.value.as_array()) {
          WHORL_TRY(Dependency read, read_dependency(player, at));
          players.push_back(std::move(read));
        }
        return {};
      }
  );
}

/// Folders and log files are named after components.
bool is_component_name(std::string_view id) {
  return id != "." && id != ".." && std::ranges::none_of(id, [](char c) {
           return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == '\x7F';
         });
}

Result<void> read_component(const Value& value, const std::string& place, LockedApp& app) {
  Component out;
  out.metadata = Value(Value::Table{});
  WHORL_TRY(out.id, read_optional(value, "id", place));
  if (out.id.empty()) {
    return wrong(place, "a component: it has no `id`");
  }
  if (!is_component_name(out.id)) {
    return wrong(place + ".id", "a name that files can have");
  }
  WHORL_CHECKED(read_source(value, place, out));
  if (const Value* metadata = value.find("metadata")) {
    WHORL_CHECKED(read_component_metadata(*metadata, place + ".metadata", out));
  }
  if (const Value* environment = value.find("env")) {
    WHORL_TRY(out.environment, read_map(*environment, place + ".env"));
  }
  if (const Value* variables = value.find("config")) {
    WHORL_TRY(out.variables, read_map(*variables, place + ".config"));
  }
  if (const Value* required = value.find("host_requirements")) {
    WHORL_TRY(out.host_requirements, read_map(*required, place + ".host_requirements"));
  }
  WHORL_CHECKED(read_files(value, place, out));
  WHORL_CHECKED(read_component_dependencies(value, place, out));
  app.components.push_back(std::move(out));
  return {};
}

Result<void> read_trigger(const Value& value, const std::string& place, LockedApp& app) {
  Trigger out;
  WHORL_TRY(out.id, read_optional(value, "id", place));
  WHORL_TRY(out.type, read_optional(value, "trigger_type", place));
  const Value* config = value.find("trigger_config");
  if (out.type.empty() || config == nullptr) {
    return wrong(place, "a trigger: it needs `trigger_type` and `trigger_config`");
  }
  out.config = *config;
  if (const Value* dependencies = value.find("trigger_dependencies")) {
    out.dependencies = *dependencies;
  }
  app.triggers.push_back(std::move(out));
  return {};
}

/// Lock files from before there were several trigger types have their settings in `trigger` only.
void read_trigger_globals(const Value& metadata, LockedApp& app) {
  const Value* all = metadata.find("triggers");
  if (all != nullptr && all->as_table() != nullptr) {
    app.trigger_globals = *all;
    return;
  }
  const Value* single = metadata.find("trigger");
  const Value* type = single == nullptr ? nullptr : single->find("type");
  if (type == nullptr || type->as_string() == nullptr) {
    return;
  }
  Value::Table settings = *single->as_table();
  std::erase_if(settings, [](const Member& member) { return member.name == "type"; });
  app.trigger_globals.set(*type->as_string(), Value(std::move(settings)));
}

Result<void> read_metadata(const Value& metadata, LockedApp& app) {
  static constexpr std::array<std::string_view, 8> kTyped{
      "name", "version", "description", "authors", "origin", "profile", "trigger", "triggers"
  };
  const std::string place = "metadata";
  const Value::Table* members = metadata.as_table();
  if (members == nullptr) {
    return wrong(place, "an object");
  }
  WHORL_TRY(app.name, read_optional(metadata, "name", place));
  WHORL_TRY(app.version, read_optional(metadata, "version", place));
  WHORL_TRY(app.description, read_optional(metadata, "description", place));
  WHORL_TRY(app.origin, read_optional(metadata, "origin", place));
  WHORL_TRY(app.profile, read_optional(metadata, "profile", place));
  if (const Value* authors = metadata.find("authors")) {
    WHORL_TRY(app.authors, read_texts(*authors, "metadata.authors"));
  }
  read_trigger_globals(metadata, app);
  app.metadata = without(*members, kTyped);
  return {};
}

Result<void> read_variable(const Member& member, const std::string& place, LockedApp& app) {
  Variable out;
  const Value* description = member.value.find("description");
  out.has_description = description != nullptr && !description->is_null();
  WHORL_TRY(out.description, read_optional(member.value, "description", place));
  if (const Value* value = member.value.find("default"); value != nullptr && !value->is_null()) {
    WHORL_TRY(out.default_value, read_text(*value, place + ".default"));
  }
  if (const Value* secret = member.value.find("secret")) {
    if (secret->as_bool() == nullptr) {
      return wrong(place + ".secret", "a boolean");
    }
    out.is_secret = *secret->as_bool();
  }
  app.variables[member.name] = std::move(out);
  return {};
}

void add_unknown_features(
    const std::map<std::string, std::string>& required, std::vector<std::string>& out
) {
  for (const auto& [feature, need] : required) {
    if (need == kRequired && std::ranges::find(kFeatures, feature) == kFeatures.end()) {
      out.push_back(feature);
    }
  }
}

Result<void> check_requirements(const Value& root, const LockedApp& app) {
  std::vector<std::string> unknown;
  if (const Value* list = root.find("must_understand")) {
    WHORL_TRY(unknown, read_texts(*list, "must_understand"));
    std::erase_if(unknown, [](const std::string& name) {
      return std::ranges::find(kUnderstood, name) != kUnderstood.end();
    });
  }
  add_unknown_features(app.host_requirements, unknown);
  for (const Component& component : app.components) {
    add_unknown_features(component.host_requirements, unknown);
  }
  if (unknown.empty()) {
    return {};
  }
  return fail(
      ErrorKind::Unsupported,
      "This version of Spin does not support the following features required by this application: "
      "{}",
      fmt::join(unknown, ", ")
  );
}

Result<void> check_ids(const LockedApp& app) {
  std::set<std::string_view> seen;
  for (const Component& component : app.components) {
    if (!seen.insert(component.id).second) {
      return fail(
          ErrorKind::InvalidInput, "component \"{}\" is in the lock file twice", component.id
      );
    }
  }
  return {};
}

Result<void> check_version(const Value& root) {
  const Value* version = root.find("spin_lock_version");
  const std::int64_t* number = version == nullptr ? nullptr : version->as_integer();
  if (number == nullptr) {
    return wrong("spin_lock_version", "an integer");
  }
  if (*number < 0 || *number > kNewestVersion) {
    return fail(
        ErrorKind::Unsupported,
        "lock files of version {} are not known, only those up to {}",
        *number,
        kNewestVersion
    );
  }
  return {};
}

}  // namespace

Result<LockedApp> read_lock(std::string_view json) {
  WHORL_TRY(const Value root, parse_json(json, kMaxLockBytes).context("reading the lock file"));
  WHORL_CHECKED(check_version(root));
  LockedApp out;
  out.trigger_globals = Value(Value::Table{});
  out.metadata = Value(Value::Table{});
  if (const Value* metadata = root.find("metadata")) {
    WHORL_CHECKED(read_metadata(*metadata, out));
  }
  if (const Value* required = root.find("host_requirements")) {
    WHORL_TRY(out.host_requirements, read_map(*required, "host_requirements"));
  }
  WHORL_CHECKED(each_member(root, "variables", "", [&](const Member& member, const auto& place) {
    return read_variable(member, place, out);
  }));
  WHORL_CHECKED(each_item(root, "triggers", "", [&](const Value& trigger, const auto& place) {
    return read_trigger(trigger, place, out);
  }));
  WHORL_CHECKED(each_item(root, "components", "", [&](const Value& component, const auto& place) {
    return read_component(component, place, out);
  }));
  WHORL_CHECKED(check_requirements(root, out));
  WHORL_CHECKED(check_ids(out));
  return out;
}

}  // namespace whorl::app
