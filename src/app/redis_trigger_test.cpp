#include "app/redis_trigger.hpp"

#include <doctest/doctest.h>

namespace whorl::app {
namespace {

using Texts = std::vector<std::pair<std::string, std::string>>;

Value table(const Texts& texts) {
  Value::Table made;
  for (const auto& [name, text] : texts) {
    made.push_back({name, Value(text)});
  }
  return Value(std::move(made));
}

std::string read(const Texts& globals, const Texts& trigger) {
  LockedApp app;
  app.components.emplace_back().id = "c";
  app.trigger_globals = Value(Value::Table{{"redis", table(globals)}});
  app.triggers.push_back({.id = "t", .type = "redis", .config = table(trigger)});
  app.triggers.push_back({.id = "h", .type = "http", .config = table({})});
  const auto triggers = redis_triggers(app);
  if (!triggers) {
    return triggers.error().to_line();
  }
  REQUIRE(triggers->size() == 1);
  const RedisTrigger& only = triggers->front();
  return fmt::format("{} {} {} {}", only.id, only.component, only.channel, only.address);
}

TEST_CASE("settings of redis triggers") {
  const Texts whole{{"component", "c"}, {"channel", "x"}, {"address", "redis://b"}};
  const Texts bare{{"component", "c"}, {"channel", "x"}};
  CHECK(read({{"address", "redis://a"}}, whole) == "t c x redis://b");
  CHECK(read({{"address", "redis://a"}}, bare) == "t c x redis://a");
  CHECK(read({}, whole) == "t c x redis://b");
  CHECK(read({}, bare) == "redis trigger \"t\": missing field `address`");
  CHECK(
      read({{"address", "a"}}, {{"component", "c"}}) ==
      "redis trigger \"t\": missing field `channel`"
  );
  CHECK(
      read({{"nope", "a"}}, whole) ==
      "settings of redis triggers: unknown field `nope` of a redis trigger"
  );
  CHECK(
      read({}, {{"component", "c"}, {"queue", "x"}}) ==
      "redis trigger \"t\": unknown field `queue` of a redis trigger"
  );
  CHECK(
      read({}, {{"component", "d"}, {"channel", "x"}, {"address", "a"}}) ==
      "no such component \"d\""
  );
}

}  // namespace
}  // namespace whorl::app
