#include "app/lock_file.hpp"

#include "app/file_url.hpp"
#include "app/json.hpp"
#include "base/base64.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace whorl::app {
namespace {

constexpr std::string_view kWasm = "application/wasm";

Value text(std::string_view value) {
  return Value(std::string(value));
}

/// A table under construction: members in the order in which they are added.
class Object {
 public:
  void add(std::string name, Value value) {
    members_.push_back({std::move(name), std::move(value)});
  }
  void add_text(std::string name, const std::string& value) {
    if (!value.empty()) {
      add(std::move(name), Value(value));
    }
  }
  void add_texts(std::string name, const std::vector<std::string>& values) {
    if (values.empty()) {
      return;
    }
    Value::Array items;
    for (const std::string& value : values) {
      items.emplace_back(value);
    }
    add(std::move(name), Value(std::move(items)));
  }
  void add_map(std::string name, const std::map<std::string, std::string>& values) {
    if (values.empty()) {
      return;
    }
    Object out;
    for (const auto& [key, value] : values) {
      out.add(key, Value(value));
    }
    add(std::move(name), out.take());
  }
  void add_members(const Value& table) {
    if (const Value::Table* members = table.as_table()) {
      members_.insert(members_.end(), members->begin(), members->end());
    }
  }
  [[nodiscard]] bool is_empty() const noexcept { return members_.empty(); }
  [[nodiscard]] Value take() { return Value(std::move(members_)); }

 private:
  Value::Table members_;
};

void add_content(Object& out, const ContentRef& content) {
  out.add_text("source", content.url);
  if (content.inline_bytes) {
    out.add("inline", Value(to_base64(as_bytes(*content.inline_bytes))));
  }
  out.add_text("digest", content.digest);
}

Value source_value(const ContentRef& content, const std::string& type) {
  Object out;
  out.add("content_type", text(type.empty() ? kWasm : std::string_view(type)));
  add_content(out, content);
  return out.take();
}

Value dependency_value(const Dependency& dependency) {
  Object out;
  out.add("source", source_value(dependency.source, dependency.content_type));
  out.add("export", dependency.export_name ? Value(*dependency.export_name) : Value());
  if (dependency.inherit.kind == Inherit::Kind::All) {
    out.add("inherit", text("All"));
  } else if (dependency.inherit.kind == Inherit::Kind::Some) {
    Value::Array grants;
    for (const std::string& grant : dependency.inherit.grants) {
      grants.emplace_back(grant);
    }
    Object some;
    some.add("Some", Value(std::move(grants)));
    out.add("inherit", some.take());
  }
  return out.take();
}

Value component_metadata(const Component& component) {
  Object out;
  out.add_text("description", component.description);
  out.add_texts("allowed_outbound_hosts", component.allowed_outbound_hosts);
  out.add_texts("key_value_stores", component.key_value_stores);
  out.add_texts("databases", component.sqlite_databases);
  out.add_texts("ai_models", component.ai_models);
  out.add_members(component.metadata);
  return sorted(out.take());
}

ContentRef source_of(const Component& component) {
  if (component.source == ContentRef() && !component.source_path.empty()) {
    return {.url = to_file_url(component.source_path), .inline_bytes = {}};
  }
  return component.source;
}

void add_files(Object& out, const Component& component) {
  if (component.files.empty()) {
    return;
  }
  Value::Array files;
  for (const FileEntry& file : component.files) {
    Object entry;
    add_content(entry, file.content);
    entry.add("path", Value(file.path));
    files.push_back(entry.take());
  }
  out.add("files", Value(std::move(files)));
}

/// Where Spin puts a dependency among the others: plain names first, then packages by namespace,
/// name, version and interface.
struct DependencyOrder {
  bool is_package = false;
  std::string_view package{};
  std::array<std::uint64_t, 3> version{};
  std::string_view rest{};  ///< of the version
  bool has_version = false;
  std::string_view interface{};

  explicit DependencyOrder(std::string_view name)
      : is_package(name.contains(':')), has_version(name.contains('@')) {
    const auto at = std::min(name.find('@'), name.size());
    const std::string_view path = name.substr(0, at);
    const auto slash = std::min(path.find('/'), path.size());
    package = path.substr(0, slash);
    interface = path.substr(slash);
    rest = name.substr(at);
    for (std::uint64_t& number : version) {
      rest.remove_prefix(std::min<std::size_t>(1, rest.size()));
      const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), number);
      rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
    }
  }
  [[nodiscard]] bool operator<(const DependencyOrder& other) const {
    const auto key = [](const DependencyOrder& of) {
      // A colon sorts after the dash of a longer namespace.
      const auto colon = std::min(of.package.find(':'), of.package.size());
      return std::
          tuple(of.is_package, of.package.substr(0, colon), of.package.substr(colon), of.has_version, of.version, of.rest, of.interface);
    };
    return key(*this) < key(other);
  }
};

void add_dependencies(Object& out, const Component& component) {
  if (!component.dependencies.empty()) {
    std::vector<std::pair<DependencyOrder, std::string>> names;
    for (const auto& [name, dependency] : component.dependencies) {
      names.emplace_back(DependencyOrder(name), name);
    }
    std::ranges::sort(names, [](const auto& a, const auto& b) {
      return a.first < b.first || (!(b.first < a.first) && a.second < b.second);
    });
    Object dependencies;
    for (const auto& [order, name] : names) {
      dependencies.add(name, dependency_value(component.dependencies.at(name)));
    }
    out.add("dependencies", dependencies.take());
  }
  if (!component.trigger_dependencies.empty()) {
    Object roles;
    for (const auto& [role, players] : component.trigger_dependencies) {
      Value::Array list;
      for (const Dependency& player : players) {
        list.push_back(dependency_value(player));
      }
      roles.add(role, Value(std::move(list)));
    }
    out.add("trigger_dependencies", roles.take());
  }
}

Value component_value(const Component& component) {
  Object out;
  out.add("id", Value(component.id));
  Value metadata = component_metadata(component);
  if (!metadata.as_table()->empty()) {
    out.add("metadata", std::move(metadata));
  }
  out.add("source", source_value(source_of(component), component.content_type));
  out.add_map("env", component.environment);
  add_files(out, component);
  out.add_map("config", component.variables);
  add_dependencies(out, component);
  out.add_map("host_requirements", component.host_requirements);
  return out.take();
}

Value trigger_value(const Trigger& trigger) {
  Object out;
  out.add("id", Value(trigger.id));
  out.add("trigger_type", Value(trigger.type));
  out.add("trigger_config", sorted(trigger.config));
  if (!trigger.dependencies.is_null()) {
    out.add("trigger_dependencies", sorted(trigger.dependencies));
  }
  return out.take();
}

Value app_metadata(const LockedApp& app) {
  Object out;
  out.add("name", Value(app.name));
  out.add_text("version", app.version);
  out.add_text("description", app.description);
  out.add_texts("authors", app.authors);
  out.add_text("origin", app.origin);
  out.add_text("profile", app.profile);
  std::set<std::string> types;
  for (const Trigger& trigger : app.triggers) {
    types.insert(trigger.type);
  }
  // Readers from before there were several trigger types look here.
  if (types.size() == 1) {
    Object trigger;
    trigger.add("type", Value(*types.begin()));
    if (const Value* globals = app.trigger_globals.find(*types.begin())) {
      trigger.add_members(*globals);
    }
    out.add("trigger", trigger.take());
  }
  out.add(
      "triggers",
      app.trigger_globals.as_table() != nullptr ? app.trigger_globals : Value(Value::Table{})
  );
  out.add_members(app.metadata);
  return sorted(out.take());
}

Value variables_value(const std::map<std::string, Variable>& variables) {
  Object out;
  for (const auto& [name, variable] : variables) {
    Object entry;
    if (variable.has_description || !variable.description.empty()) {
      entry.add("description", Value(variable.description));
    }
    if (variable.default_value) {
      entry.add("default", Value(*variable.default_value));
    }
    if (variable.is_secret) {
      entry.add("secret", Value(true));
    }
    out.add(name, entry.take());
  }
  return out.take();
}

std::vector<std::string> must_understand(const LockedApp& app) {
  std::vector<std::string> out;
  if (!app.host_requirements.empty()) {
    out.emplace_back("host_requirements");
  }
  for (const Component& component : app.components) {
    if (!component.host_requirements.empty()) {
      out.emplace_back("component_host_requirements");
      break;
    }
  }
  return out;
}

}  // namespace

std::string write_lock(const LockedApp& app) {
  Object out;
  const std::vector<std::string> required = must_understand(app);
  out.add("spin_lock_version", Value(std::int64_t{required.empty() ? 0 : 1}));
  out.add_texts("must_understand", required);
  out.add("metadata", app_metadata(app));
  out.add_map("host_requirements", app.host_requirements);
  if (!app.variables.empty()) {
    out.add("variables", variables_value(app.variables));
  }
  Value::Array triggers;
  for (const Trigger& trigger : app.triggers) {
    triggers.push_back(trigger_value(trigger));
  }
  out.add("triggers", Value(std::move(triggers)));
  Value::Array components;
  for (const Component& component : app.components) {
    components.push_back(component_value(component));
  }
  out.add("components", Value(std::move(components)));
  return to_json(out.take(), JsonStyle::Pretty);
}

}  // namespace whorl::app
