#include "trigger/redis/redis_app.hpp"

#include <doctest/doctest.h>

namespace whorl::trigger {
namespace {

TEST_CASE("triggers by server and channel") {
  const std::vector<app::RedisTrigger> triggers{
      {"t1", "a", "one", "redis://u:secret@h"},
      {"t2", "b", "one", "redis://u:secret@h:6379"},
      {"t3", "a", "two", "redis://u:secret@h"},
      {"t4", "a", "one", "redis://other:7"},
  };
  CHECK(redis_components(triggers) == std::vector<std::string>{"a", "b"});
  runtime::Services services;
  services["a"] = std::make_shared<runtime::ServiceSlot>();
  CHECK(make_redis_app(triggers, nullptr, services).error().to_line() == "no such component \"b\"");
  services["b"] = std::make_shared<runtime::ServiceSlot>();
  const auto made = make_redis_app(triggers, nullptr, services);
  REQUIRE(made);
  REQUIRE(made->sources.size() == 2);
  CHECK(made->sources[0].channels.at("one").services[1] == services["b"]);
  CHECK(
      active_channels(*made) ==
      "Active Channels on redis://h:\n\tredis://h/one: [a,b]\n\tredis://h/two: [a]\n"
      "Active Channels on redis://other:7:\n\tredis://other:7/one: [a]\n"
  );
  const auto wrong = make_redis_app({{"t", "a", "c", "redis://u:secret@h:x"}}, nullptr, services);
  CHECK(wrong.error().to_line().find("secret") == std::string::npos);
}

TEST_CASE("ordered channels have connections of their own; streams") {
  const std::vector<app::RedisTrigger> triggers{
      {"t1", "a", "one", "redis://h"},
      {"t2", "a", "two", "redis://h"},
      {"t3", "a", "one", "redis://h", true},
      {"t4", "b", "one", "redis://h", true},
      {"t5", "a", "two", "redis://h", true},
      {"t6", "b", "", "redis://h", false, app::RedisStream{.name = "s", .group = "g"}},
      {"t7", "a", "", "redis://u:secret@h", true, app::RedisStream{.name = "s", .group = "g"}},
  };
  runtime::Services services;
  services["a"] = std::make_shared<runtime::ServiceSlot>();
  services["b"] = std::make_shared<runtime::ServiceSlot>();
  const auto made = make_redis_app(triggers, nullptr, services);
  REQUIRE(made);
  CHECK(made->services().size() == 7);
  REQUIRE(made->sources.size() == 3);
  CHECK_FALSE(made->sources[0].is_ordered);
  CHECK(made->sources[1].is_ordered);
  CHECK(made->sources[1].channels.at("one").components == std::vector<std::string>{"a", "b"});
  REQUIRE(made->streams.size() == 2);
  CHECK(made->streams[1].is_ordered);
  CHECK(
      active_channels(*made) ==
      "Active Channels on redis://h:\n\tredis://h/one: [a,a,b]\n\tredis://h/two: [a,a]\n"
      "Active Streams on redis://h:\n\tredis://h/s: [b,a]\n"
  );
}

}  // namespace
}  // namespace whorl::trigger
