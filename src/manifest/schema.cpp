// The JSON Schema of version 2, from the tables that reading uses.

#include "app/json.hpp"
#include "manifest/fields.hpp"
#include "manifest/manifest.hpp"

#include <fmt/format.h>

#include <vector>

namespace whorl::manifest {
namespace {

using app::Value;

/// One form of a value: a type as in Field::type, or a table with these fields.
struct Form {
  std::string_view type{};
  std::vector<Fields> tables{};  ///< their fields together
};
/// What "#Name" stands for.
struct Shape {
  std::string_view name;
  std::string_view doc;
  std::vector<Form> forms;
  bool is_open = false;  ///< further keys are allowed
};

std::vector<Shape> shapes() {
  const auto type = [](std::string_view name) { return Form{.type = name}; };
  const auto table = [](const auto&... fields) { return Form{.tables = {Fields(fields)...}}; };
  return {
      {"Application", "`[application]`", {table(kApplicationFields)}},
      {"Build", "How a component is built", {table(kBuildFields)}},
      {"Commands", "One command or several, run in order", {type("string"), type("[string]")}},
      {"Component", "`[component.<id>]`", {table(kComponentFields)}},
      {"ComponentRef", "A component's id, or a component in place", {type("id"), type("#Component")}
      },
      {"ComponentRefs", "One component or several", {type("#ComponentRef"), type("[#ComponentRef]")}
      },
      {"Dependency",
       "What satisfies an import: a version from the default registry, a package, a file, a "
       "download, another component",
       {type("string"),
        table(kRegistryDependencyFields),
        table(kLocalDependencyFields),
        table(kRemoteDependencyFields),
        table(kAppDependencyFields)}},
      {"Executor", "How a component is called", {table(kExecutorFields)}},
      {"Files",
       "A pattern, or a folder or file with its place",
       {type("string"), table(kMountFields)}},
      {"HttpTrigger", "`[[trigger.http]]`", {table(kTriggerFields, kHttpTriggerFields)}},
      {"Inherit", "All grants, none, or those that are named", {type("boolean"), type("[string]")}},
      {"Profile", "What is different in a build profile", {table(kProfileFields)}},
      {"ProfileBuild", "How a component is built in a profile", {table(kProfileBuildFields)}},
      {"RedisTrigger",
       "`[[trigger.redis]]`: a channel, or a stream",
       {table(kTriggerFields, kRedisTriggerFields), table(kTriggerFields, kRedisStreamTriggerFields)
       }},
      {"Route",
       "A pattern of paths, or a private route",
       {type("string"), table(kPrivateRouteFields)}},
      {"Source",
       "A path, a download, a package",
       {type("string"), table(kRemoteSourceFields), table(kPackageSourceFields)}},
      {"StaticResponse", "An answer that no component gives", {table(kStaticResponseFields)}, true},
      {"Target",
       "A host, by its name in the catalogue, by URL, by file",
       {type("string"), table(kTargetUrlFields), table(kTargetPathFields)}},
      {"TriggerDependency",
       "What stands before a component: a package, a file, a download, another component",
       {table(kRegistryPlayerFields),
        table(kLocalPlayerFields),
        table(kRemotePlayerFields),
        table(kAppPlayerFields)}},
      {"Variable", "`[variables]`", {table(kVariableFields)}},
  };
}

Value text(std::string_view value) {
  return Value(std::string(value));
}

Value object() {
  return Value(Value::Table{});
}

Value type_schema(std::string_view type) {
  Value out = object();
  const auto inner = [&] { return type_schema(type.substr(1, type.size() - 2)); };
  if (type.starts_with('[')) {
    out.set("type", text("array"));
    out.set("items", inner());
  } else if (type.starts_with('{')) {
    out.set("type", text("object"));
    out.set("additionalProperties", inner());
  } else if (type.starts_with('#')) {
    out.set("$ref", Value(fmt::format("#/$defs/{}", type.substr(1))));
  } else if (type == "id") {
    out.set("type", text("string"));
    out.set("pattern", text("^[a-zA-Z][a-zA-Z0-9]*(-[a-zA-Z][a-zA-Z0-9]*)*$"));
  } else {
    out.set("type", text(type));
  }
  return out;
}

Value table_schema(const std::vector<Fields>& tables, bool is_open) {
  Value properties = object();
  Value::Array required;
  for (const Fields& fields : tables) {
    for (const Field& field : fields) {
      Value property = object();
      property.set("description", text(field.doc));
      // A reference stands alone in older readers, so beside it nothing but the description.
      const Value type = type_schema(field.type);
      for (const app::Member& member : *type.as_table()) {
        property.set(member.name, member.value);
      }
      if (field.doc.starts_with("Deprecated")) {
        property.set("deprecated", Value(true));
      }
      properties.set(std::string(field.name), std::move(property));
      if (field.need == Field::Need::Required) {
        required.push_back(text(field.name));
      }
    }
  }
  Value out = object();
  out.set("type", text("object"));
  out.set("properties", std::move(properties));
  if (!is_open) {
    out.set("additionalProperties", Value(false));
  }
  if (!required.empty()) {
    out.set("required", Value(std::move(required)));
  }
  return out;
}

Value form_schema(const Form& form, bool is_open) {
  return form.tables.empty() ? type_schema(form.type) : table_schema(form.tables, is_open);
}

Value shape_schema(const Shape& shape) {
  Value out = object();
  out.set("description", text(shape.doc));
  if (shape.forms.size() > 1) {
    Value::Array forms;
    for (const Form& form : shape.forms) {
      forms.push_back(form_schema(form, shape.is_open));
    }
    out.set("anyOf", Value(std::move(forms)));
    return out;
  }
  const Value only = form_schema(shape.forms.front(), shape.is_open);
  for (const app::Member& member : *only.as_table()) {
    out.set(member.name, member.value);
  }
  return out;
}

/// Triggers of other types are known to their plugins only.
Value triggers_schema() {
  Value properties = object();
  properties.set("http", type_schema("[#HttpTrigger]"));
  properties.set("redis", type_schema("[#RedisTrigger]"));
  Value out = object();
  out.set("description", text("`[[trigger.<type>]]`: what makes components run"));
  out.set("type", text("object"));
  out.set("properties", std::move(properties));
  out.set("additionalProperties", type_schema("[object]"));
  return out;
}

Value version_schema() {
  Value out = object();
  out.set("description", text("`spin_manifest_version = 2`"));
  out.set("type", text("integer"));
  out.set("minimum", Value(std::int64_t{2}));
  out.set("maximum", Value(std::int64_t{2}));
  return out;
}

}  // namespace

std::string manifest_schema() {
  Value defs = object();
  for (const Shape& shape : shapes()) {
    defs.set(std::string(shape.name), shape_schema(shape));
  }
  defs.set("Triggers", triggers_schema());
  defs.set("Version", version_schema());
  Value out = object();
  out.set("$schema", text("https://json-schema.org/draft/2020-12/schema"));
  out.set("title", text("AppManifest"));
  out.set("description", text("A spin.toml, version 2"));
  const Value root = table_schema({Fields(kRootFields)}, false);
  for (const app::Member& member : *root.as_table()) {
    out.set(member.name, member.value);
  }
  out.set("$defs", std::move(defs));
  return app::to_json(out, app::JsonStyle::Pretty) + "\n";
}

}  // namespace whorl::manifest
