#include "runtime/turns.hpp"

#include "async/shard.hpp"
#include "net/watched_socket.hpp"
#include "runtime/guest_run.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace whorl::runtime {
namespace {

/// Lets the loop run until it has nothing to do at once.
void settle(async::Shard& shard) {
  while (shard.poll()) {
  }
}

TEST_CASE("events that give way begin one after the other, each behind a look at the sockets") {
  async::Shard shard(0);
  Turns turns(shard);
  std::string order;
  turns.begin_later([&](bool is_open) {
    CHECK(is_open);
    order += 'a';
    // Found by the loop before the next one may begin.
    shard.post([&] { order += '1'; });
  });
  turns.begin_later([&](bool is_open) {
    CHECK(is_open);
    order += 'b';
  });
  shard.post([&] { order += '0'; });
  CHECK(turns.beginnings() == 2);
  settle(shard);
  CHECK(order == "0a1b");
  CHECK(turns.beginnings() == 0);
}

/// Computes for so many slices.
class Runner final : public GuestRun, public EnableLocalFromThis<Runner> {
 public:
  /// @param during  is called in each slice
  Runner(
      Turns& turns, std::string& order, int slices, std::move_only_function<void()> during = [] {}
  ) noexcept
      : turns_(turns), order_(order), left_(slices), during_(std::move(during)) {}
  void step() override {
    order_ += 's';
    during_();
    if (--left_ > 0) {
      turns_.add(shared_from_this());
    }
  }
  void cancel(engine::TrapKind /*kind*/, std::string /*reason*/) override {}
  bool check_deadline(Clock::time_point /*now*/) override { return false; }

 private:
  Turns& turns_;
  std::string& order_;
  int left_;
  std::move_only_function<void()> during_;
};

/// A request that arrives while somebody computes.
class Arrival final : public async::Waiter {
 public:
  Arrival(async::Shard& shard, Turns& turns, std::string& order) : turns_(turns), order_(order) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    client_ = fs::Fd(ends[0]);
    socket_.emplace(shard, fs::Fd(ends[1]));
    socket_->changed().add(*this);
    socket_->watch_readable();
  }
  void arrive() { CHECK(::send(client_.get(), "x", 1, 0) == 1); }
  void on_event() noexcept override {
    turns_.note_short_work();
    order_ += 'r';
  }

 private:
  Turns& turns_;
  std::string& order_;
  fs::Fd client_;
  std::optional<net::WatchedSocket> socket_;
};

TEST_CASE("a request that arrived during a slice runs before the next slice") {
  async::Shard shard(0);
  Turns turns(shard);
  std::string order;
  Arrival request(shard, turns, order);
  turns.add(make_local<Runner>(turns, order, 2, [&] {
    if (order == "s") {
      request.arrive();
    }
  }));
  settle(shard);
  CHECK(order == "srs");
}

TEST_CASE("where nothing else happens, slices of long runners and beginnings take turns") {
  async::Shard shard(0);
  Turns turns(shard);
  std::string order;
  turns.add(make_local<Runner>(turns, order, 5));
  for (int i = 0; i < 3; ++i) {
    turns.begin_later([&](bool) { order += 'b'; });
  }
  settle(shard);
  CHECK(order == "sbsbsbss");
}

TEST_CASE("slices of a long runner are not kept away by beginnings that follow each other") {
  async::Shard shard(0);
  Turns turns(shard);
  std::string order;
  turns.add(make_local<Runner>(turns, order, 3));
  // Each brings the next one, and others want something all the time.
  int left = 100'000'000;
  std::move_only_function<void(bool)> begin = [&](bool) {
    turns.note_short_work();
    if (--left > 0 && order.size() < 3) {
      turns.begin_later([&](bool is_open) { begin(is_open); });
    }
  };
  turns.begin_later([&](bool is_open) { begin(is_open); });
  settle(shard);
  CHECK(order == "sss");
  CHECK(left > 0);
}

TEST_CASE("an event that waits for its beginning is refused when the shard ends") {
  async::Shard shard(0);
  Turns turns(shard);
  int refused = 0;
  for (int i = 0; i < 3; ++i) {
    turns.begin_later([&](bool is_open) { refused += is_open ? 0 : 1; });
  }
  turns.refuse_beginnings();
  CHECK(refused == 3);
  settle(shard);
  CHECK(refused == 3);
}

TEST_CASE("several components are active when their events take turns") {
  async::Shard shard(0);
  Turns turns(shard);
  const int one = 0;
  const int other = 0;
  CHECK_FALSE(turns.note_component(&one));
  CHECK_FALSE(turns.note_component(&one));
  CHECK(turns.note_component(&other));
  CHECK(turns.note_component(&one));
}

}  // namespace
}  // namespace whorl::runtime
