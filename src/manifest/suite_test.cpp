// Spin's own manifests and what Spin makes of them, where its suite lies beside the tree. Each of
// its cases has a twin of ours in the tables of the other tests; here they are read as they are.

#include "app/json.hpp"
#include "manifest/test_support.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace whorl::manifest {
namespace {

using app::Value;
namespace fs = std::filesystem;

const fs::path kSuite =
    fs::path(WHORL_SOURCE_DIR) / "../shared/suites/spin/crates/manifest/tests/ui";

bool has_suite() {
  std::error_code none;
  if (fs::is_directory(kSuite, none)) {
    return true;
  }
  MESSAGE("skipped: no suite of Spin's beside the tree");
  return false;
}

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// A manifest as Spin's serialisation has it. What is empty or false is left out there, but for a
// dependency's own fields.

void put(Value& out, const char* name, const std::string& text) {
  if (!text.empty()) {
    out.set(name, Value(text));
  }
}
void put(Value& out, const char* name, bool flag) {
  if (flag) {
    out.set(name, Value(true));
  }
}
Value list(const std::vector<std::string>& texts) {
  Value::Array out;
  for (const std::string& text : texts) {
    out.emplace_back(text);
  }
  return Value(std::move(out));
}
void put(Value& out, const char* name, const std::vector<std::string>& texts) {
  if (!texts.empty()) {
    out.set(name, list(texts));
  }
}
void put(Value& out, const char* name, const Value& value) {
  const bool is_empty =
      value.is_null() || (value.as_table() != nullptr && value.as_table()->empty());
  if (!is_empty) {
    out.set(name, value);
  }
}
Value object() {
  return Value(Value::Table{});
}
Value map(const std::map<std::string, std::string>& texts) {
  Value out = object();
  for (const auto& [name, text] : texts) {
    out.set(name, Value(text));
  }
  return out;
}

Value dump(const ComponentSource& source) {
  if (const auto* local = std::get_if<LocalSource>(&source)) {
    return Value(local->path);
  }
  const auto& remote = std::get<RemoteSource>(source);
  return map({{"url", remote.url}, {"digest", remote.digest}});
}

Value dump(const Dependency& dependency, bool is_short) {
  const auto optional = [](const std::string& text) {
    return text.empty() ? Value() : Value(text);
  };
  Value out = object();
  if (const auto* package = std::get_if<PackageSource>(&dependency.source)) {
    if (is_short) {
      return Value(package->version);
    }
    out.set("version", Value(package->version));
    out.set("registry", optional(package->registry));
    out.set("package", optional(package->package));
    out.set("inherit_configuration", Value());
  } else {
    out.set("path", Value(std::get<LocalSource>(dependency.source).path));
  }
  out.set("export", optional(dependency.export_name.value_or("")));
  if (dependency.inherit) {
    using Kind = app::Inherit::Kind;
    out.set(
        "inherit_configuration",
        dependency.inherit->kind == Kind::Some ? list(dependency.inherit->grants)
                                               : Value(dependency.inherit->kind == Kind::All)
    );
  }
  return out;
}

Value dump(const BuildConfig& build) {
  Value out = object();
  out.set("command", build.is_list ? list(build.commands) : Value(build.commands.at(0)));
  put(out, "workdir", build.workdir);
  put(out, "watch", build.watch);
  return out;
}

Value dump(const Component& component) {
  Value out = object();
  out.set("source", dump(component.source));
  put(out, "description", component.description);
  put(out, "variables", map(component.variables));
  put(out, "environment", map(component.environment));
  Value::Array files;
  for (const FileGrant& grant : component.files) {
    files.push_back(
        grant.destination ? map({{"source", grant.source}, {"destination", *grant.destination}})
                          : Value(grant.source)
    );
  }
  put(out, "files", files.empty() ? Value() : Value(std::move(files)));
  put(out, "exclude_files", component.exclude_files);
  put(out, "allowed_outbound_hosts", component.allowed_outbound_hosts);
  put(out, "key_value_stores", component.key_value_stores);
  put(out, "sqlite_databases", component.sqlite_databases);
  put(out, "ai_models", component.ai_models);
  put(out, "build", component.build ? dump(*component.build) : Value());
  put(out, "tool", component.tools);
  if (component.dependencies_inherit_configuration) {
    out.set(
        "dependencies_inherit_configuration", Value(*component.dependencies_inherit_configuration)
    );
  }
  Value dependencies = object();
  for (const NamedDependency& named : component.dependencies) {
    dependencies.set(named.name.text, dump(named.dependency, named.name.text == "fizz:buzz"));
  }
  put(out, "dependencies", dependencies);
  return out;
}

Value dump(const ComponentRef& ref) {
  const auto* id = std::get_if<std::string>(&ref);
  return id != nullptr ? Value(*id) : dump(std::get<Component>(ref));
}

Value dump(const Trigger& trigger) {
  Value out = object();
  put(out, "id", trigger.id);
  put(out, "component", trigger.component ? dump(*trigger.component) : Value());
  Value components = object();
  for (const ComponentRefs& named : trigger.components) {
    components.set(named.name, dump(named.refs.at(0)));
  }
  put(out, "components", components);
  for (const app::Member& member : *trigger.config.as_table()) {
    out.set(member.name, member.value);
  }
  return out;
}

Value dump(const Variable& variable) {
  Value out = object();
  put(out, "description", variable.description.value_or(""));
  put(out, "required", variable.is_required);
  put(out, "default", variable.default_value.value_or(""));
  put(out, "secret", variable.is_secret);
  return out;
}

Value dump(const Manifest& manifest) {
  Value application = object();
  put(application, "name", manifest.name);
  put(application, "version", manifest.app_version);
  put(application, "description", manifest.description);
  put(application, "authors", manifest.authors);
  put(application, "trigger", manifest.trigger_globals);
  put(application, "tool", manifest.tools);
  Value out = object();
  out.set("spin_manifest_version", Value(std::int64_t{2}));
  out.set("application", application);
  Value variables = object();
  for (const Variable& variable : manifest.variables) {
    variables.set(variable.name, dump(variable));
  }
  put(out, "variables", variables);
  std::map<std::string, Value::Array> by_type;
  for (const Trigger& trigger : manifest.triggers) {
    by_type[trigger.type].push_back(dump(trigger));
  }
  Value triggers = object();
  for (auto& [type, list] : by_type) {
    triggers.set(type, Value(std::move(list)));
  }
  out.set("trigger", triggers);
  Value components = object();
  for (const Component& component : manifest.components) {
    components.set(component.id, dump(component));
  }
  put(out, "component", components);
  return app::sorted(out);
}

std::string shown(const Value& value) {
  return app::to_json(value, app::JsonStyle::Pretty);
}

TEST_CASE("Spin's manifests mean what Spin says they mean") {
  if (!has_suite()) {
    return;
  }
  for (const std::string name :
       {"maximal",
        "minimal",
        "normalization",
        "v1/maximal",
        "v1/minimal",
        "v1/old_version",
        "v1/update_component_ids"}) {
    CAPTURE(name);
    const auto json = app::parse_json(text_of(kSuite / (name + ".json")), 1'000'000);
    REQUIRE(json);
    CHECK(shown(dump(good(text_of(kSuite / (name + ".toml"))))) == shown(app::sorted(*json)));
  }
}

TEST_CASE("Spin's conversions of version 1, and its normalisation") {
  if (!has_suite()) {
    return;
  }
  for (const std::string name : {"maximal", "update_component_ids"}) {
    CAPTURE(name);
    CHECK(
        shown(dump(good(text_of(kSuite / "v1" / (name + ".toml"))))) ==
        shown(dump(good(text_of(kSuite / "v1" / (name + ".toml.v2")))))
    );
  }
  Manifest manifest = good(text_of(kSuite / "normalization.toml"));
  REQUIRE(normalise(manifest));
  CHECK(shown(dump(manifest)) == shown(dump(good(text_of(kSuite / "normalization.toml.norm")))));
}

TEST_CASE("Spin's invalid manifests are refused in its words") {
  if (!has_suite()) {
    return;
  }
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(kSuite / "invalid")) {
    if (entry.path().extension() == ".toml") {
      CAPTURE(entry.path().string());
      const Error error = bad(text_of(entry.path()));
      CHECK(error.message() == text_of(fs::path(entry.path()).replace_extension(".err")));
      ++count;
    }
  }
  CHECK(count >= 5);
}

}  // namespace
}  // namespace whorl::manifest
