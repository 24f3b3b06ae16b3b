#include "host/redis/redis_client.hpp"

#include "host/redis/fake_server.hpp"
#include "host/test_support.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace whorl::host::redis {
namespace {

using test::FakeServer;

struct World : host::test::Scene {
  explicit World(FakeServer::Answer answer, std::uint64_t most = 8)
      : client(
            network,
            {.limits = {std::make_shared<http::ConnectionLimit>(most)}},
            {.connect = std::chrono::milliseconds(300), .answer = std::chrono::milliseconds(100)}
        ),
        server(shard, std::move(answer)) {}

  RedisAddress address(std::string_view user = "") const {
    auto parsed = parse_redis_address(server.address(user));
    REQUIRE(parsed);
    return *std::move(parsed);
  }
  /// The reply's text, or the error's line.
  std::string say(RedisSession& session, std::vector<std::string_view> words) {
    const auto reply = session.run({shard, fiber}, words);
    return reply ? reply->text : reply.error().to_line();
  }

  net_policy::Network network{{}};
  RedisClient client;
  FakeServer server;
};

std::optional<std::string> say_ok(const std::string&) {
  return "+OK\r\n";
}

TEST_CASE("addresses") {
  const struct {
    std::string_view text;
    std::string_view parts;
  } cases[] = {
      {"redis://h", "h 6379 0 plain"},
      {"redis://h:1/", "h 1 0 plain"},
      {"rediss://u:p@h/2", "h 6379 2 tls"},
      {"h:1/3/", "h 1 3 plain"},
      {"redis://h/x", "no"},
      {"redis://h/-1", "no"},
      {"redis://h/1/2", "no"},
      {"http://h", "no"},
      {"unix:///tmp/socket", "no"},
      {"", "no"},
  };
  for (const auto& [text, parts] : cases) {
    CAPTURE(text);
    const auto read = parse_redis_address(text);
    CHECK(
        (read ? fmt::format(
                    "{} {} {} {}",
                    read->url.host,
                    read->url.port,
                    read->database,
                    read->is_tls ? "tls" : "plain"
                )
              : "no") == parts
    );
  }
}

TEST_CASE("which commands need a connection of their own") {
  for (const char* name : {"MULTI", "multi", "Select", "SUBSCRIBE", "client"}) {
    const std::array<std::string_view, 1> words{name};
    CHECK(Command(words).changes_connection());
  }
  for (const char* name : {"GET", "", "MULT", "MULTIS", "EVAL"}) {
    const std::array<std::string_view, 1> words{name};
    CHECK_FALSE(Command(words).changes_connection());
  }
  const std::array<std::string_view, 1> blocking{"blpop"};
  CHECK(Command(blocking).may_block());
}

TEST_CASE("sessions share a connection, until one changes its state") {
  World world(say_ok);
  world.run([&] {
    RedisSession first(world.client, world.address());
    RedisSession second(world.client, world.address());
    CHECK(first.check({world.shard, world.fiber}));
    CHECK(world.say(first, {"GET", "a"}) == "OK");
    CHECK(world.say(second, {"GET", "b"}) == "OK");
    CHECK(world.server.accepted == 1);
    CHECK(world.say(first, {"MULTI"}) == "OK");
    CHECK(world.server.accepted == 1);
    CHECK(world.say(second, {"GET", "b"}) == "OK");
    CHECK(world.say(first, {"SET", "a", "1"}) == "OK");
    CHECK(world.server.accepted == 2);
    {
      RedisSession third(world.client, world.address());
      CHECK(world.say(third, {"SELECT", "1"}) == "OK");
      CHECK(world.server.accepted == 2);  // the second's, idle by then
    }
    RedisSession fourth(world.client, world.address());
    CHECK(world.say(fourth, {"GET", "a"}) == "OK");
    CHECK(world.server.accepted == 3);  // what the third changed is not seen by others
  });
}

TEST_CASE("user, password and database come first, and are kept apart") {
  World world(say_ok);
  world.run([&] {
    auto address = world.address("me:secret@");
    address.database = 3;
    RedisSession session(world.client, address);
    CHECK(world.say(session, {"PING"}) == "OK");
    CHECK(
        world.server.seen ==
        "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\nsecret\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
        "*1\r\n$4\r\nPING\r\n"
    );
    RedisSession other(world.client, world.address("me:other@"));
    CHECK(world.say(other, {"PING"}) == "OK");
    CHECK(world.server.accepted == 2);
  });
}

TEST_CASE("what servers say instead") {
  std::string reply;
  World world([&](const std::string&) -> std::optional<std::string> {
    return reply.empty() ? std::nullopt : std::optional(reply);
  });
  const struct {
    std::string_view reply;
    std::string_view text;
  } cases[] = {
      {"-ERR unknown command\r\n",
       "An error was signalled by the server - ResponseError: unknown command"},
      {"-WRONGTYPE Operation\r\n", "WRONGTYPE: Operation"},
      {"-NOAUTH Authentication required.\r\n", "NOAUTH: Authentication required."},
      {"-X\r\n", "X: "},
      {"-X \xff\xc3\r\n", "X: \xEF\xBF\xBD\xEF\xBF\xBD"},
      {"", "the server closed the connection"},
      {"nonsense\r\n", "the server's answer is no Redis protocol: an unknown type"},
      {"%1\r\n", "Redis Map type is not supported"},
      {"+O", "the server did not answer in time"},
      {"$134217729\r\n", "query result exceeds limit of 134217728 bytes"},
  };
  world.run([&] {
    RedisSession session(world.client, world.address());
    for (const auto& [said, text] : cases) {
      CAPTURE(said);
      reply = said;
      CHECK(world.say(session, {"GET", "a"}) == text);
    }
    reply = "+fine\r\n";
    CHECK(world.say(session, {"GET", "a"}) == "fine");
  });
}

TEST_CASE("a connection that went away while idle is replaced; a transaction is not") {
  World world(say_ok);
  world.run([&] {
    RedisSession session(world.client, world.address());
    CHECK(world.say(session, {"GET", "a"}) == "OK");
    world.server.close_all();
    CHECK(world.say(session, {"GET", "a"}) == "OK");
    CHECK(world.server.accepted == 2);
    CHECK(world.say(session, {"MULTI"}) == "OK");
    world.server.close_all();
    CHECK(world.say(session, {"GET", "a"}) == "the server closed the connection");
    CHECK(world.say(session, {"EXEC"}) == "the connection to the server is broken");
  });
}

TEST_CASE("connections stay bounded, whatever fails") {
  World world([](const std::string&) -> std::optional<std::string> { return "garbage\r\n"; }, 2);
  world.run([&] {
    RedisSession session(world.client, world.address("u:secret@"));
    for (int i = 0; i < 200; ++i) {
      const std::string line = world.say(session, {"GET", "a"});
      CHECK(line == "the server's answer is no Redis protocol: an unknown type");
    }
    std::vector<std::unique_ptr<RedisSession>> sessions;
    auto address = world.address();
    std::vector<RedisClient::Lease> held;
    for (int i = 0; i < 2; ++i) {
      auto lease = world.client.lease({world.shard, world.fiber}, address);
      REQUIRE(lease);
      held.push_back(*std::move(lease));
    }
    const auto third = world.client.lease({world.shard, world.fiber}, address);
    CHECK(third.error().to_line() == "too many connections");
  });
}

TEST_CASE("a guest that is ended leaves no connection behind that is in the middle of something") {
  World world([](const std::string&) -> std::optional<std::string> { return ""; });
  world.run([&] {
    RedisSession session(world.client, world.address());
    CHECK(session.check({world.shard, world.fiber}));
    world.fiber.is_cancelled = true;
    const std::array<std::string_view, 2> words{"GET", "a"};
    CHECK(session.run({world.shard, world.fiber}, words).error().kind() == ErrorKind::Cancelled);
    world.fiber.is_cancelled = false;
    CHECK(session.check({world.shard, world.fiber}));
    CHECK(world.server.accepted <= 2);
  });
}

}  // namespace
}  // namespace whorl::host::redis
