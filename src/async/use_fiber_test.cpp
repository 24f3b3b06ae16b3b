#include "async/use_fiber.hpp"

#include "async/blocking_pool.hpp"
#include "async/error_code.hpp"
#include "async/timer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <array>

namespace whorl::async {
namespace {

using namespace std::chrono_literals;

/// Stands for a fiber: parking runs the shard's loop on the same stack until unparked.
class LoopFiber final : public Parkable {
 public:
  explicit LoopFiber(Shard& shard) : shard_(shard) {}
  Result<> park(Cancellable* operation = nullptr) override {
    while (!unparked_) {
      if (cancelled_ && operation == nullptr) {
        break;
      }
      if (cancelled_) {
        operation->cancel();
      }
      if (shard_.io().stopped()) {
        shard_.io().restart();
      }
      shard_.io().run_one();
    }
    unparked_ = false;
    if (cancelled_) {
      return fail(ErrorKind::Cancelled, "ended");
    }
    return {};
  }
  void unpark() noexcept override { unparked_ = true; }
  bool cancelled() const noexcept override { return cancelled_; }
  void cancel_later() {
    shard_.post([this] { cancelled_ = true; });
  }

 private:
  Shard& shard_;
  bool unparked_ = false;
  bool cancelled_ = false;
};

using Socket = boost::asio::local::stream_protocol::socket;

struct Pair {
  explicit Pair(Shard& shard) : a(shard.io()), b(shard.io()) {
    boost::asio::local::connect_pair(a, b);
  }
  Socket a;
  Socket b;
};

TEST_CASE("a fiber reads what comes later") {
  Shard shard(0);
  LoopFiber fiber(shard);
  Pair pair(shard);
  shard.post([&] { boost::asio::write(pair.b, boost::asio::buffer("hello", 5)); });
  std::array<char, 16> buffer{};
  auto [code, count] = pair.a.async_read_some(boost::asio::buffer(buffer), use_fiber(fiber));
  CHECK_FALSE(code);
  CHECK(std::string_view(buffer.data(), count) == "hello");
}

TEST_CASE("an early unpark does not end the operation") {
  Shard shard(0);
  LoopFiber fiber(shard);
  fiber.unpark();
  boost::asio::steady_timer timer(shard.io(), 1ms);
  auto [code] = timer.async_wait(use_fiber(fiber));
  CHECK_FALSE(code);
  CHECK(timer.expiry() <= std::chrono::steady_clock::now());
}

TEST_CASE("a cancelled fiber's operation ends, and none begins afterwards") {
  Shard shard(0);
  LoopFiber fiber(shard);
  Pair pair(shard);
  std::array<char, 16> buffer{};
  fiber.cancel_later();
  auto [code, count] = pair.a.async_read_some(boost::asio::buffer(buffer), use_fiber(fiber));
  CHECK(code == boost::asio::error::operation_aborted);
  CHECK(to_kind(code) == ErrorKind::Cancelled);
  CHECK(count == 0);
  auto [again, none] = pair.a.async_read_some(boost::asio::buffer(buffer), use_fiber(fiber));
  CHECK(again == boost::asio::error::operation_aborted);
}

/// Returns from park() at once when cancelled, whatever is in flight.
class ImpatientFiber final : public Parkable {
 public:
  Result<> park(Cancellable*) override {
    cancelled_ = true;
    return fail(ErrorKind::Cancelled, "ended");
  }
  void unpark() noexcept override { ++unparked; }
  bool cancelled() const noexcept override { return cancelled_; }
  int unparked = 0;

 private:
  bool cancelled_ = false;
};

TEST_CASE("an operation that outlives its fiber's frame touches it no more") {
  Shard shard(0);
  ImpatientFiber fiber;
  Pair pair(shard);
  {
    std::array<char, 16> buffer{};
    auto [code, count] = pair.a.async_read_some(boost::asio::buffer(buffer), use_fiber(fiber));
    CHECK(code == boost::asio::error::operation_aborted);
  }
  boost::asio::write(pair.b, boost::asio::buffer("x", 1));
  shard.poll();
  CHECK(fiber.unparked == 0);
}

TEST_CASE("waits with a deadline") {
  Shard shard(0);
  LoopFiber fiber(shard);
  Event event;
  const auto late = wait_on(shard, fiber, event, Deadline::after(1ms));
  REQUIRE_FALSE(late);
  CHECK(late.error().kind() == ErrorKind::DeadlineExceeded);
  shard.post([&] { event.notify(); });
  CHECK(wait_on(shard, fiber, event, Deadline::after(1h)));
  CHECK(park_until(shard, fiber, Deadline::after(1ms)));
  fiber.cancel_later();
  CHECK(park_until(shard, fiber, Deadline::after(1h)).error().kind() == ErrorKind::Cancelled);
}

TEST_CASE("a timer can be armed anew and cancelled") {
  Shard shard(0);
  LoopFiber fiber(shard);
  Timer timer(shard);
  timer.start(Deadline(Clock::time_point()));
  timer.start(Deadline::after(1h));
  shard.poll();
  CHECK_FALSE(timer.has_fired());
  timer.start(Deadline(Clock::time_point()));
  while (!timer.has_fired()) {
    shard.poll();
  }
  timer.cancel();
}

TEST_CASE("a fiber awaits blocking work") {
  Shard shard(0);
  LoopFiber fiber(shard);
  BlockingPool pool(1);
  CHECK(pool.run(shard, fiber, [] { return std::string("done"); }).value() == "done");
  const auto failed =
      pool.run(shard, fiber, []() -> Result<int> { return fail(ErrorKind::NotFound, "none"); });
  CHECK(failed.error().kind() == ErrorKind::NotFound);
  pool.stop();
  CHECK(pool.run(shard, fiber, [] {}).error().kind() == ErrorKind::Cancelled);
}

}  // namespace
}  // namespace whorl::async
