#include "app/redis_trigger.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::app {
namespace {

using Texts = std::vector<std::pair<std::string, std::string>>;

/// Texts; "true", "false" and numbers are what they look like.
Value table(const Texts& texts) {
  Value::Table made;
  for (const auto& [name, text] : texts) {
    if (text == "true" || text == "false") {
      made.push_back({name, Value(text == "true")});
    } else if (!text.empty() && text.find_first_not_of("-0123456789") == std::string::npos) {
      made.push_back({name, Value(std::int64_t{std::stoll(text)})});
    } else {
      made.push_back({name, Value(text)});
    }
  }
  return Value(std::move(made));
}

std::string read(const Texts& globals, const Texts& trigger) {
  LockedApp app;
  app.name = "app";
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
  std::string text =
      fmt::format("{} {} {} {}", only.id, only.component, only.channel, only.address);
  if (only.is_ordered) {
    text += " ordered";
  }
  if (only.stream) {
    text += fmt::format(
        " {} {} '{}' {} {} '{}'",
        only.stream->name,
        only.stream->group,
        only.stream->field,
        only.stream->max_attempts,
        only.stream->lease.count(),
        only.stream->dead_letter
    );
  }
  return text;
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

TEST_CASE("settings of triggers with streams, and of order") {
  const Texts base{{"component", "c"}, {"address", "a"}};
  const auto with = [&](Texts more) {
    more.insert(more.begin(), base.begin(), base.end());
    return read({}, more);
  };
  const std::string wrong = "redis trigger \"t\": ";
  const struct {
    Texts trigger;
    std::string result;
  } cases[] = {
      {{{"channel", "x"}, {"ordered", "true"}}, "t c x a ordered"},
      {{{"stream", "s"}}, "t c  a s app-c '' 10 30 's:dead'"},
      {{{"stream", "s"},
        {"ordered", "true"},
        {"group", "g"},
        {"field", "f"},
        {"max_attempts", "3"},
        {"lease_seconds", "1"},
        {"dead_letter", ""}},
       "t c  a ordered s g 'f' 3 1 ''"},
      {{{"stream", "s"}, {"dead_letter", "d"}}, "t c  a s app-c '' 10 30 'd'"},
      {{{"stream", "s"}, {"channel", "x"}}, wrong + "`channel` and `stream` exclude each other"},
      {{{"channel", "x"}, {"group", "g"}},
       wrong + "`group`, `field`, `max_attempts`, `lease_seconds` and `dead_letter` are for a "
               "`stream`"},
      {{{"channel", "x"}, {"ordered", "1"}},
       wrong + "invalid type for `ordered`: integer `1`, expected a boolean"},
      {{{"stream", "s"}, {"max_attempts", "0"}},
       wrong + "`max_attempts` is to be from 1 to 1000, not 0"},
      {{{"stream", "s"}, {"lease_seconds", "x"}},
       wrong + "invalid type for `lease_seconds`: string \"x\", expected an integer"},
      {{{"stream", ""}}, wrong + "`stream` is empty"},
      {{{"stream", "s"}, {"group", ""}}, wrong + "`group` is empty"},
      {{}, wrong + "missing field `channel`"},
  };
  for (const auto& [trigger, result] : cases) {
    CAPTURE(result);
    CHECK(with(trigger) == result);
  }
}

}  // namespace
}  // namespace whorl::app
