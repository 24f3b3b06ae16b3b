#include "host/redis/fake_server.hpp"
#include "host/redis/redis_capability.hpp"
#include "host/test_support.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace whorl::host::redis {
namespace {

namespace v1 = wit::fermyon_spin_redis_v1;
namespace v2 = wit::fermyon_spin_redis;

/// A component that was granted the server, which answers what `reply` holds.
struct World : host::test::Scene {
  World()
      : server(shard, [this](const std::string&) { return std::optional(reply); }),
        client(std::make_shared<RedisClient>(
            network,
            net_policy::PoolOptions{.limits = {std::make_shared<http::ConnectionLimit>(8)}},
            RedisTimes{.connect = std::chrono::milliseconds(300)}
        )) {
    capability.link(registry);
    hosts.resize(registry.size());
    app::Component component;
    component.id = "c";
    component.allowed_outbound_hosts = {fmt::format("redis://127.0.0.1:{}", server.port())};
    auto granted = AppRedisCapability(capability, client, app, nullptr).grant(component);
    REQUIRE(granted);
    grant = *std::move(granted);
    own = grant->prepare(hosts);
  }
  template <class Host>
  Host& host(const component::HostInterface& interface) {
    const auto match = registry.find(interface.name, interface.version);
    REQUIRE(match);
    return *static_cast<Host*>(hosts[match->host_slot]);
  }

  std::string reply = "+OK\r\n";
  test::FakeServer server;
  net_policy::Network network{{}};
  std::shared_ptr<RedisClient> client;
  app::LockedApp app;
  component::HostRegistry registry;
  RedisCapability capability;
  std::vector<void*> hosts;
  std::unique_ptr<const Grant> grant;
  std::unique_ptr<InstanceHosts> own;
};

Bytes bytes_of(std::string_view text) {
  return {as_bytes(text).begin(), as_bytes(text).end()};
}

TEST_CASE("what was not granted is refused before any packet") {
  World world;
  world.run([&] {
    auto& host = world.host<v2::Host>(v2::kInterface);
    const std::string port = std::to_string(world.server.port());
    for (const std::string& address : std::vector<std::string>{
             "redis://localhost:" + port,
             "redis://127.0.0.1:1",
             "rediss://127.0.0.1:" + port,
             "redis://127.0.0.1:" + port + "@evil:1",
             "redis://2130706433:" + port,
             "http://127.0.0.1:" + port,
             "nonsense://",
             "",
         }) {
      CAPTURE(address);
      CHECK((*host.connection_open(world.call, address)).error() == v2::Error::invalid_address());
      CHECK(
          (*world.host<v1::Host>(v1::kInterface).get(world.call, address, "k")).error() ==
          v1::Error::Error
      );
    }
    CHECK(world.server.accepted == 0);
  });
}

TEST_CASE("fermyon:spin/redis@2.0.0") {
  World world;
  world.run([&] {
    auto& host = world.host<v2::Host>(v2::kInterface);
    auto opened = host.connection_open(world.call, world.server.address());
    v2::Connection& connection = ***opened;
    const auto sent = [&](std::string_view command) {
      return std::exchange(world.server.seen, {}) == command;
    };
    CHECK((*connection.set(world.call, "k", as_bytes("v"))).has_value());
    CHECK(sent("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"));
    CHECK(**connection.get(world.call, "k") == bytes_of("OK"));
    CHECK(sent("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"));
    world.reply = "$-1\r\n";
    CHECK(**connection.get(world.call, "k") == std::nullopt);
    world.reply = ":7\r\n";
    sent("");
    CHECK(**connection.incr(world.call, "k") == 7);
    CHECK(sent("*3\r\n$6\r\nINCRBY\r\n$1\r\nk\r\n$1\r\n1\r\n"));
    CHECK(**connection.del(world.call, {"a", "b"}) == 7);
    CHECK(sent("*3\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n"));
    CHECK(**connection.sadd(world.call, "s", {"a"}) == 7);
    CHECK(sent("*3\r\n$4\r\nSADD\r\n$1\r\ns\r\n$1\r\na\r\n"));
    CHECK(**connection.srem(world.call, "s", {}) == 7);
    CHECK(sent("*2\r\n$4\r\nSREM\r\n$1\r\ns\r\n"));
    CHECK((*connection.publish(world.call, "c", as_bytes("m"))).has_value());
    CHECK(sent("*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$1\r\nm\r\n"));
    world.reply = "*2\r\n$1\r\na\r\n$1\r\nb\r\n";
    CHECK(**connection.smembers(world.call, "s") == std::vector<std::string>{"a", "b"});
    world.reply = "*1\r\n$1\r\n\xff\r\n";
    CHECK_FALSE((*connection.smembers(world.call, "s")).has_value());
    world.reply = "+OK\r\n";
    CHECK((*connection.sadd(world.call, "s", {"a"})).error() == v2::Error::type_error());
    world.reply = "-ERR no\r\n";
    CHECK(
        (*connection.incr(world.call, "k")).error() ==
        v2::Error::other("An error was signalled by the server - ResponseError: no")
    );
  });
}

TEST_CASE("any command, its answer as one list") {
  World world;
  world.run([&] {
    auto& host = world.host<v2::Host>(v2::kInterface);
    auto opened = host.connection_open(world.call, world.server.address());
    world.reply = "*4\r\n:-1\r\n*2\r\n+OK\r\n$-1\r\n$1\r\nx\r\n*0\r\n";
    const auto answered = (***opened).execute(
        world.call,
        "EVAL",
        {v2::RedisParameter::int64(-5), v2::RedisParameter::binary(bytes_of("b"))}
    );
    CHECK(world.server.seen == "*3\r\n$4\r\nEVAL\r\n$2\r\n-5\r\n$1\r\nb\r\n");
    const std::vector<v2::RedisResult> expected{
        v2::RedisResult::int64(-1),
        v2::RedisResult::status("OK"),
        v2::RedisResult::nil(),
        v2::RedisResult::binary(bytes_of("x")),
    };
    CHECK(**answered == expected);
  });
}

TEST_CASE("fermyon:spin/redis without version") {
  World world;
  world.run([&] {
    auto& host = world.host<v1::Host>(v1::kInterface);
    const std::string address = world.server.address();
    CHECK(**host.get(world.call, address, "k") == bytes_of("OK"));
    world.reply = "$-1\r\n";
    CHECK((**host.get(world.call, address, "k")).empty());
    world.reply = ":-3\r\n";
    CHECK(**host.del(world.call, address, {"k"}) == -3);
    world.reply = "$3\r\nabc\r\n";
    const std::vector<v1::RedisResult> expected{v1::RedisResult::binary(bytes_of("abc"))};
    CHECK(**host.execute(world.call, address, "GET", {}) == expected);
    world.reply = "-ERR no\r\n";
    CHECK((*host.incr(world.call, address, "k")).error() == v1::Error::Error);
    CHECK(world.server.accepted == 1);
  });
}

TEST_CASE("a guest holds so many connections and no more") {
  World world;
  world.run([&] {
    auto& host = world.host<v2::Host>(v2::kInterface);
    std::vector<component::Own<v2::Connection>> open;
    for (std::size_t i = 0; i < kMaxConnections; ++i) {
      auto opened = host.connection_open(world.call, world.server.address());
      REQUIRE((*opened).has_value());
      open.push_back(**std::move(opened));
    }
    CHECK(
        (*host.connection_open(world.call, world.server.address())).error() ==
        v2::Error::too_many_connections()
    );
    open.pop_back();
    CHECK((*host.connection_open(world.call, world.server.address())).has_value());
    CHECK(world.server.accepted <= 1);
  });
}

}  // namespace
}  // namespace whorl::host::redis
