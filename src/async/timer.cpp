#include "async/timer.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>

namespace whorl::async {

struct Timer::State {
  explicit State(boost::asio::io_context& io) : timer(io) {}

  boost::asio::basic_waitable_timer<
      Clock,
      boost::asio::wait_traits<Clock>,
      boost::asio::io_context::executor_type>
      timer;
  Event event;
  // A wake-up already queued by the loop cannot be recalled; it is recognised by its number.
  std::uint64_t generation = 0;
  bool fired = false;
};

Timer::Timer(Shard& shard) : state_(std::make_shared<State>(shard.io())) {}

Timer::~Timer() {
  cancel();
}

void Timer::start(Deadline deadline) {
  State& state = *state_;
  ++state.generation;
  state.fired = false;
  state.timer.expires_at(deadline.time_point());
  if (deadline.is_never()) {
    return;
  }
  state.timer.async_wait([weak = std::weak_ptr(state_),
                          generation = state.generation](const boost::system::error_code& code) {
    const auto self = weak.lock();
    if (!code && self != nullptr && self->generation == generation) {
      self->fired = true;
      self->event.notify();
    }
  });
}

void Timer::cancel() {
  ++state_->generation;
  state_->timer.cancel();
}

bool Timer::has_fired() const noexcept {
  return state_->fired;
}

Event& Timer::event() noexcept {
  return state_->event;
}

Result<> wait_on(Shard& shard, Parkable& fiber, Event& event, Deadline deadline) {
  if (deadline.is_never()) {
    return wait_on(fiber, event);
  }
  Timer timer(shard);
  timer.start(deadline);
  const FiberWaiter on_change(fiber, event);
  const FiberWaiter on_time(fiber, timer.event());
  WHORL_CHECKED(fiber.park());
  if (timer.has_fired() && on_change.is_linked()) {
    return fail(ErrorKind::DeadlineExceeded, "the deadline came first");
  }
  return {};
}

Result<> park_until(Shard& shard, Parkable& fiber, Deadline deadline) {
  Timer timer(shard);
  timer.start(deadline);
  while (!timer.has_fired()) {
    WHORL_CHECKED(wait_on(fiber, timer.event()));
  }
  return {};
}

}  // namespace whorl::async
