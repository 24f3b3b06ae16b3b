#include "app/http_trigger.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace whorl::app {
namespace {

Value text(std::string value) {
  return Value(std::move(value));
}
Value number(std::int64_t value) {
  return Value(value);
}
Value table(Value::Table members = {}) {
  return Value(std::move(members));
}

LockedApp app_with(Value config) {
  LockedApp app;
  app.components.push_back({.id = "r"});
  app.triggers.push_back({.id = "t1", .type = "http", .config = std::move(config)});
  app.triggers.push_back({.id = "t2", .type = "redis", .config = table()});
  return app;
}

/// "contexts: message", outermost first, or "good".
std::string outcome(Value config) {
  auto triggers = http_triggers(app_with(std::move(config)));
  return triggers ? "good" : triggers.error().to_line();
}

std::string json_error(const std::string& reason) {
  return "json error: " + reason + ": " + reason;
}

TEST_CASE("a whole trigger") {
  auto triggers = http_triggers(app_with(table(
      {{"component", text("r")},
       {"route", text("/x/...")},
       {"executor", table({{"type", text("wagi")}, {"argv", text("a b")}})}}
  )));
  REQUIRE(triggers);
  REQUIRE(triggers->size() == 1);
  const HttpTrigger& trigger = triggers->front();
  CHECK(trigger.id == "t1");
  CHECK(trigger.component == "r");
  CHECK(trigger.listing_id() == "r");
  CHECK(trigger.route == "/x/...");
  CHECK(trigger.visibility == HttpTrigger::Visibility::Public);
  REQUIRE(trigger.wagi);
  CHECK(trigger.wagi->argv == "a b");
}

TEST_CASE("a static response") {
  auto triggers = http_triggers(app_with(table(
      {{"route", text("/x")},
       {"static_response",
        table(
            {{"status_code", number(404)},
             {"body", text("gone")},
             {"headers", table({{"x-a", text("1")}})},
             {"other", number(1)}}
        )}}
  )));
  REQUIRE(triggers);
  const HttpTrigger& trigger = triggers->front();
  CHECK(trigger.listing_id() == "t1");
  REQUIRE(trigger.static_response);
  CHECK(trigger.static_response->status == 404);
  CHECK(trigger.static_response->body == "gone");
  REQUIRE(trigger.static_response->headers.size() == 1);
  CHECK(trigger.static_response->headers[0].first == "x-a");
}

TEST_CASE("private, and executors without settings") {
  auto triggers = http_triggers(app_with(table(
      {{"component", text("r")},
       {"route", table({{"private", Value(true)}})},
       {"executor", table({{"type", text("spin")}, {"x", number(1)}})}}
  )));
  REQUIRE(triggers);
  CHECK(triggers->front().visibility == HttpTrigger::Visibility::Private);
  CHECK_FALSE(triggers->front().wagi);
}

/// A good trigger with one more setting.
Value with(std::string key, Value value) {
  return table({{"component", text("r")}, {"route", text("/")}, {std::move(key), std::move(value)}}
  );
}

TEST_CASE("what is wrong with a trigger") {
  CHECK(outcome(with("executor", table({{"type", text("http")}}))) == "good");
  CHECK(
      outcome(with("bogus", number(1))) ==
      json_error("unknown field `bogus`, expected one of `component`, `static_response`, `route`, "
                 "`executor`")
  );
  CHECK(outcome(table({{"component", text("r")}})) == json_error("missing field `route`"));
  CHECK(
      outcome(with("executor", text("x"))) ==
      json_error("invalid type: string \"x\", expected internally tagged enum HttpExecutorType")
  );
  CHECK(
      outcome(with("executor", table({{"type", text("zzz")}}))) ==
      json_error("unknown variant `zzz`, expected one of `http`, `spin`, `wagi`")
  );
  CHECK(outcome(with("executor", table())) == json_error("missing field `type`"));
  CHECK(
      outcome(with("executor", table({{"type", text("wagi")}, {"x", number(1)}}))) ==
      json_error("unknown field `x`, expected `entrypoint` or `argv`")
  );
  CHECK(
      outcome(with("executor", table({{"type", text("wagi")}, {"argv", number(1)}}))) ==
      json_error("invalid type: integer `1`, expected a string")
  );
  CHECK(
      outcome(with("executor", table({{"type", text("wagi")}, {"entrypoint", text("x")}}))) ==
      "Wagi component 'r' cannot use deprecated 'entrypoint' field"
  );
  CHECK(
      outcome(with("executor", table({{"type", text("wagi")}, {"entrypoint", text("_start")}}))) ==
      "good"
  );
}

TEST_CASE("what is wrong with a static response, a route or a target") {
  CHECK(
      outcome(with("static_response", number(1))) ==
      json_error("invalid type: integer `1`, expected struct StaticResponse")
  );
  CHECK(
      outcome(with("static_response", table({{"status_code", number(70000)}}))) ==
      json_error("invalid value: integer `70000`, expected u16")
  );
  CHECK(
      outcome(with("static_response", table({{"headers", number(1)}}))) ==
      json_error("invalid type: integer `1`, expected a map")
  );
  CHECK(
      outcome(with("static_response", table())) ==
      "Triggers must specify either component or static_response - t1 has both"
  );
  CHECK(
      outcome(table({{"route", text("/")}})) ==
      "Triggers must specify either component or static_response - t1 has neither"
  );
  CHECK(
      outcome(table({{"component", text("nope")}, {"route", text("/")}})) ==
      "no such component \"nope\""
  );
  const auto routed = [](Value route) {
    return table({{"component", text("r")}, {"route", std::move(route)}});
  };
  CHECK(
      outcome(routed(table({{"private", Value(false)}}))) ==
      "route must be a string pattern or '{ private = true }': 'r' has { private = false }"
  );
  const std::string no_variant =
      json_error("data did not match any variant of untagged enum HttpTriggerRouteConfig");
  CHECK(outcome(routed(number(7))) == no_variant);
  CHECK(outcome(routed(table({{"privat", Value(true)}}))) == no_variant);
  CHECK(outcome(routed(table({{"private", Value(true)}, {"x", number(1)}}))) == no_variant);
}

TEST_CASE("application-wide settings") {
  const auto check = [](Value globals) {
    LockedApp app;
    app.trigger_globals = table({{"http", std::move(globals)}});
    auto result = check_http_globals(app);
    return result ? "good" : result.error().to_line();
  };
  CHECK(check_http_globals(LockedApp{}));
  CHECK(check(table()) == "good");
  CHECK(check(table({{"base", text("/")}})) == "good");
  CHECK(
      check(table({{"base", text("/x")}})) ==
      "This application is using the deprecated trigger 'base' field. The base must be prepended "
      "to each [[trigger.http]]'s 'route'."
  );
  CHECK(
      check(table({{"bas", text("/")}})) ==
      "metadata error: invalid metadata value for \"http\": Error(\"unknown field `bas`, expected "
      "`base`\", line: 0, column: 0)"
  );
  CHECK(
      check(table({{"base", number(1)}})) ==
      "metadata error: invalid metadata value for \"http\": Error(\"invalid type: integer `1`, "
      "expected a string\", line: 0, column: 0)"
  );
}

TEST_CASE("values") {
  Value value = table({{"a", number(1)}});
  value.set("b", Value(2.5));
  value.set("a", Value(true));
  CHECK(value == table({{"a", Value(true)}, {"b", Value(2.5)}}));
  CHECK(value.find("c") == nullptr);
  CHECK(value.find("b")->describe() == "floating point `2.5`");
  CHECK(Value(-7.0).describe() == "floating point `-7.0`");
  CHECK(Value().describe() == "null");
  CHECK(Value(Value::Array{}).describe() == "sequence");
  CHECK(value.describe() == "map");
  CHECK(text("x").find("a") == nullptr);
}

}  // namespace
}  // namespace whorl::app
