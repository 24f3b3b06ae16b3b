#include "http/connection_balance.hpp"

#include "http/server_test_support.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <deque>
#include <utility>
#include <vector>

namespace whorl::http {
namespace {

using namespace std::chrono_literals;

struct Keeper final : ConnectionBalance::Member {
  Keeper(ConnectionBalance& balance, unsigned index)
      : shard(index), seat(balance.join(shard, *this)) {}
  void adopt(fs::Fd socket, const net::SocketAddress&) override { take(std::move(socket)); }
  void take(fs::Fd socket) {
    kept.push_back(std::move(socket));
    seat.set_load(kept.size());
  }

  async::Shard shard;
  ConnectionBalance::Seat& seat;
  std::vector<fs::Fd> kept;
};

TEST_CASE("a few connections that all come to one shard are shared out, many nearly so") {
  ConnectionBalance balance;
  std::deque<Keeper> keepers;
  for (unsigned i = 0; i < 3; ++i) {
    keepers.emplace_back(balance, i);
  }
  for (std::size_t count = 1; count <= 300; ++count) {
    fs::Fd socket(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!balance.try_pass_on(keepers[0].seat, socket, {})) {
      keepers[0].take(std::move(socket));
    }
    for (Keeper& keeper : keepers) {
      keeper.shard.poll();
      CHECK(keeper.kept.size() <= (count + 2) / 3 + count / 12);
    }
  }
}

TEST_CASE("nothing is passed on to who is closed, and what is on its way still comes") {
  ConnectionBalance balance;
  Keeper full(balance, 0);
  Keeper idle(balance, 1);
  full.seat.set_load(5);
  fs::Fd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(balance.try_pass_on(full.seat, first, {}));
  CHECK_FALSE(first.is_open());
  CHECK(idle.seat.is_expecting());
  idle.seat.close();
  fs::Fd second(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK_FALSE(balance.try_pass_on(full.seat, second, {}));
  CHECK(second.is_open());
  CHECK(idle.seat.is_expecting());
  idle.shard.poll();
  CHECK(idle.kept.size() == 1);
  CHECK_FALSE(idle.seat.is_expecting());
}

TEST_CASE("a server that drains waits for what is on its way to it") {
  ServerOptions options;
  options.balance = std::make_shared<ConnectionBalance>();
  options.linger_timeout = 40ms;
  test::Site from(options);
  test::Site to(options);
  test::Client stays(from.address);
  REQUIRE(from.run_until([&] { return from.server.connection_count() == 1; }));
  test::Client goes(from.address);
  goes.send("GET /none HTTP/1.1\r\nhost: a\r\n\r\n");
  // Its message has not been looked at yet.
  for (int i = 0; i < 50; ++i) {
    from.shard.poll();
  }
  CHECK(from.server.connection_count() == 1);
  to.server.drain(async::Deadline::after(1h));
  CHECK_FALSE(to.server.is_empty());
  to.receive_all(goes);
  CHECK(goes.received.starts_with("HTTP/1.1 404 Not Found\r\nconnection: close\r\n"));
  CHECK(to.run_until([&] { return to.server.is_empty(); }));
  // Nothing is passed on any more.
  test::Client late(from.address);
  REQUIRE(from.run_until([&] { return from.server.connection_count() == 2; }));
}

}  // namespace
}  // namespace whorl::http
