#include "app/json.hpp"
#include "manifest/fields.hpp"
#include "manifest/test_support.hpp"

namespace whorl::manifest {
namespace {

/// Every "#/$defs/…" in a schema must be defined.
void check_references(const app::Value& schema, const app::Value& defs) {
  if (const auto* items = schema.as_array()) {
    for (const app::Value& item : *items) {
      check_references(item, defs);
    }
  } else if (const auto* members = schema.as_table()) {
    for (const app::Member& member : *members) {
      if (member.name == "$ref") {
        const std::string name = member.value.as_string()->substr(8);
        CAPTURE(name);
        CHECK(defs.find(name) != nullptr);
      }
      check_references(member.value, defs);
    }
  }
}

TEST_CASE("the schema says of every table what reading says") {
  const auto schema = app::parse_json(manifest_schema(), 1'000'000);
  REQUIRE(schema);
  CHECK(*schema->find("$schema")->as_string() == "https://json-schema.org/draft/2020-12/schema");
  CHECK(schema->find("required")->as_array()->size() == 3);
  const app::Value& defs = *schema->find("$defs");
  check_references(*schema, defs);
  const app::Value& component = *defs.find("Component");
  CHECK(component.find("additionalProperties")->as_bool() != nullptr);
  for (const Field& field : kComponentFields) {
    CAPTURE(field.name);
    const app::Value* property = component.find("properties")->find(field.name);
    REQUIRE(property != nullptr);
    CHECK(*property->find("description")->as_string() == field.doc);
  }
  CHECK(component.find("properties")->as_table()->size() == kComponentFields.size());
  CHECK(*component.find("properties")->find("allowed_http_hosts")->find("deprecated")->as_bool());
  CHECK(defs.find("Dependency")->find("anyOf")->as_array()->size() == 5);
  CHECK(defs.find("Source")->find("anyOf")->as_array()->size() == 3);
  const app::Value& http = *defs.find("HttpTrigger");
  CHECK(http.find("properties")->find("component") != nullptr);
  CHECK(http.find("properties")->find("route") != nullptr);
  const auto& redis = *defs.find("RedisTrigger")->find("anyOf")->as_array();
  REQUIRE(redis.size() == 2);
  CHECK(redis[0].find("properties")->find("channel") != nullptr);
  CHECK(redis[0].find("properties")->find("group") == nullptr);
  CHECK(redis[1].find("properties")->find("group") != nullptr);
}

}  // namespace
}  // namespace whorl::manifest
