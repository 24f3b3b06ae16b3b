#include "async/awaitable.hpp"
#include "async/timer.hpp"
#include "base/check.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>

#include <cstdio>
#include <exception>

namespace whorl::async {
namespace {

using AwaitTimer =
    boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;

/// Ends a timer's wait when an event fires. The timer owns the waiting coroutine, so a loop that is
/// destroyed takes the coroutine with it.
class TimerWaiter final : public Waiter {
 public:
  TimerWaiter(AwaitTimer& timer, Event& event) noexcept : timer_(timer) { event.add(*this); }
  void on_event() noexcept override {
    fired_ = true;
    timer_.cancel();
  }
  [[nodiscard]] bool fired() const noexcept { return fired_; }

 private:
  AwaitTimer& timer_;
  bool fired_ = false;
};

}  // namespace

Awaitable<Result<>> wait_event(Shard& shard, Event& event, Deadline deadline) {
  AwaitTimer timer(shard.io(), deadline.time_point());
  const TimerWaiter waiter(timer, event);
  auto [code] = co_await timer.async_wait(kAwait);
  if (waiter.fired()) {
    co_return Result<>();
  }
  if (code) {
    co_return fail(ErrorKind::Cancelled, "the wait was cancelled");
  }
  co_return fail(ErrorKind::DeadlineExceeded, "the deadline came first");
}

void spawn(Shard& shard, Awaitable<> task) {
  boost::asio::co_spawn(
      shard.io().get_executor(),
      std::move(task),
      [](const std::exception_ptr& escaped) {
        if (escaped) {
          // The loop of Shard::run() reports it and goes on.
          std::rethrow_exception(escaped);
        }
      }
  );
}

}  // namespace whorl::async
