#include "cli/inspect.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace whorl::cli {
namespace {

namespace json = boost::json;
using component::Inspection;

json::object to_json(const Inspection::Import& import) {
  json::object out;
  out["name"] = import.name;
  switch (import.standing) {
    case Inspection::Import::Standing::Offered:
      out["standing"] = "offered";
      out["as"] = import.offered;
      break;
    case Inspection::Import::Standing::TypesOnly:
      out["standing"] = "types-only";
      break;
    case Inspection::Import::Standing::Announced:
      out["standing"] = "answers-with-error";
      break;
    case Inspection::Import::Standing::Missing:
      out["standing"] = "missing";
      out["versions_offered"] = import.offered;
      break;
  }
  return out;
}

json::array modules(const Inspection& found) {
  json::array out;
  for (const Inspection::Module& module : found.modules) {
    out.push_back(json::object{
        {"name", module.name},
        {"bytes", module.bytes},
        {"code_bytes", module.code_bytes},
        {"data_bytes", module.data_bytes},
        {"custom_bytes", module.custom_bytes},
    });
  }
  return out;
}

}  // namespace

std::string inspection_json(std::string_view file, const Inspection& found) {
  json::object out;
  out["file"] = file;
  out["kind"] = found.kind == component::BinaryKind::Component ? "component" : "core-module";
  out["bytes"] = found.bytes;
  out["core_modules"] = modules(found);
  out["nested_components"] = found.nested_components;
  json::array customs;
  for (const Inspection::Custom& custom : found.customs) {
    customs.push_back(
        json::object{{"name", custom.name}, {"bytes", custom.bytes}, {"count", custom.count}}
    );
  }
  out["custom_sections"] = std::move(customs);
  json::array producers;
  for (const auto& [field, name, version] : found.producers) {
    producers.push_back(json::object{{"field", field}, {"name", name}, {"version", version}});
  }
  out["producers"] = std::move(producers);
  json::array imports;
  for (const Inspection::Import& import : found.imports) {
    imports.push_back(to_json(import));
  }
  out["imports"] = std::move(imports);
  out["exports"] = json::array(found.exports.begin(), found.exports.end());
  out["wit"] = found.wit.empty() ? json::value() : json::value(found.wit);
  out["runs"] = !found.refusal.has_value();
  if (found.refusal) {
    out["reason"] = found.refusal->to_line();
    out["help"] = found.refusal->help();
  }
  return json::serialize(out) + "\n";
}

}  // namespace whorl::cli
