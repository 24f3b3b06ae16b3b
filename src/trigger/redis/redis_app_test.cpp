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
  REQUIRE(made->size() == 2);
  CHECK((*made)[0].channels.at("one").services[1] == services["b"]);
  CHECK(
      active_channels(*made) ==
      "Active Channels on redis://h:\n\tredis://h/one: [a,b]\n\tredis://h/two: [a]\n"
      "Active Channels on redis://other:7:\n\tredis://other:7/one: [a]\n"
  );
  const auto wrong = make_redis_app({{"t", "a", "c", "redis://u:secret@h:x"}}, nullptr, services);
  CHECK(wrong.error().to_line().find("secret") == std::string::npos);
}

}  // namespace
}  // namespace whorl::trigger
