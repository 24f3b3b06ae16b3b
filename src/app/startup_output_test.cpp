#include "app/startup_output.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace whorl::app {
namespace {

Value text(std::string value) {
  return Value(std::move(value));
}

Trigger http(std::string id, Value::Table config) {
  return {.id = std::move(id), .type = "http", .config = Value(std::move(config))};
}

/// The application of the reference's start-up transcripts.
LockedApp shop() {
  LockedApp app;
  app.name = "shop";
  app.triggers.push_back(http("f", {{"component", text("front")}, {"route", text("/...")}}));
  app.triggers.push_back(http("a", {{"component", text("api")}, {"route", text("/api/:id/...")}}));
  app.triggers.push_back(http(
      "w", {{"component", text("worker")}, {"route", Value(Value::Table{{"private", Value(true)}})}}
  ));
  app.triggers.push_back(http(
      "robots",
      {{"route", text("/robots.txt")},
       {"static_response", Value(Value::Table{{"body", text("none")}})}}
  ));
  app.components.push_back({.id = "front", .description = "Shows the shop"});
  app.components.push_back({.id = "api"});
  app.components.push_back({.id = "worker"});
  return app;
}

struct Prepared {
  std::vector<HttpTrigger> triggers;
  RouteTable table;
  std::vector<RouteListing> listing;
};

Prepared prepare(const LockedApp& app) {
  Prepared out;
  auto triggers = http_triggers(app);
  REQUIRE(triggers);
  out.triggers = *std::move(triggers);
  auto table = RouteTable::build(out.triggers);
  REQUIRE(table);
  out.table = *std::move(table);
  out.listing = list_routes(app, out.triggers, out.table);
  return out;
}

TEST_CASE("plain") {
  const Prepared app = prepare(shop());
  CHECK(
      startup_plain("http://127.0.0.1:3000", app.listing, Colour::Never) ==
      R"(
Serving http://127.0.0.1:3000
Available Routes:
  robots: http://127.0.0.1:3000/robots.txt
  api: http://127.0.0.1:3000/api/:id (wildcard)
  front: http://127.0.0.1:3000 (wildcard)
    Shows the shop
)"
  );
  CHECK(
      startup_plain("http://[::1]:80", {}, Colour::Ansi) ==
      "\n\x1b[1;32mServing\x1b[0m http://[::1]:80\nAvailable Routes:\n"
  );
}

TEST_CASE("JSON") {
  const Prepared app = prepare(shop());
  CHECK(
      startup_json("http://127.0.0.1:3000", app.listing) ==
      R"({
  "base_url": "http://127.0.0.1:3000",
  "routes": [
    {
      "id": "robots",
      "route": "/robots.txt",
      "wildcard": false
    },
    {
      "id": "api",
      "route": "/api/:id",
      "wildcard": true
    },
    {
      "id": "front",
      "route": "/",
      "wildcard": true,
      "description": "Shows the shop"
    }
  ]
}
)"
  );
  CHECK(startup_json("b", {}) == "{\n  \"base_url\": \"b\",\n  \"routes\": []\n}\n");
  const std::vector<RouteListing> odd = {
      {.id = "a\"\\", .prefix = "/\n\x01", .is_wildcard = false, .description = "\xC3\xA9\t"}
  };
  CHECK(
      startup_json("b", odd) ==
      "{\n  \"base_url\": \"b\",\n  \"routes\": [\n    {\n      \"id\": \"a\\\"\\\\\",\n"
      "      \"route\": \"/\\n\\u0001\",\n      \"wildcard\": false,\n"
      "      \"description\": \"\xC3\xA9\\t\"\n    }\n  ]\n}\n"
  );
}

TEST_CASE("lines on stderr") {
  CHECK(logging_line(".spin/logs") == "Logging component stdio to \".spin/logs/\"\n");
  CHECK(logging_line("/x/") == "Logging component stdio to \"/x/\"\n");
  LockedApp app = shop();
  CHECK(wagi_warnings(prepare(app).triggers, Colour::Never) == "");
  const Value wagi(Value::Table{{"type", text("wagi")}});
  app.triggers[0].config.set("executor", wagi);
  app.triggers[2].config.set("executor", wagi);
  CHECK(
      wagi_warnings(prepare(app).triggers, Colour::Never) ==
      "Warning: HTTP route /... uses the WAGI executor.\n"
      "Warning: HTTP private endpoint for worker uses the WAGI executor.\n"
      "Warning: WAGI will be deprecated in a future version of Spin.\n"
      "To provide feedback, please visit https://github.com/spinframework/spin/issues/3520.\n\n"
  );
}

TEST_CASE("route problems") {
  LockedApp app = shop();
  CHECK(route_problems(prepare(app).table).empty());
  app.triggers.push_back(http("d", {{"component", text("worker")}, {"route", text("/...")}}));
  app.triggers.push_back(
      http("k", {{"component", text("worker")}, {"route", text("/.well-known/spin/x")}})
  );
  CHECK(
      route_problems(prepare(app).table) ==
      std::vector<std::string>{
          "The following component routes are duplicates and will never be used:",
          "  front: /... (duplicate of worker)",
          "Routes under /.well-known/spin/ are handled by the Spin runtime and will never be "
          "reached",
      }
  );
}

}  // namespace
}  // namespace whorl::app
