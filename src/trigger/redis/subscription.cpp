#include "trigger/redis/subscription.hpp"

#include "async/timer.hpp"
#include "log/log.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace whorl::trigger {
namespace {

constexpr std::string_view kLogTarget = "whorl::trigger";
constexpr std::chrono::milliseconds kFirstPause{100};
/// So that a server that is back is found within a second.
constexpr std::chrono::milliseconds kLongestPause{800};

}  // namespace

Subscription::Subscription(host::net_policy::Network& network, host::redis::RedisAddress address)
    : network_(network),
      address_(std::move(address)),
      place_(address_.url.to_destination()),
      pause_(kFirstPause) {}

Subscription::~Subscription() {
  stop();
}

Result<> Subscription::start() {
  return thread_.submit([this](async::BlockingPool::Fate fate) {
    if (fate == async::BlockingPool::Fate::Run) {
      run();
    }
  });
}

void Subscription::drain(std::move_only_function<void()> on_idle) {
  loop_->waiting.shard().post([weak = std::weak_ptr(loop_),
                               on_idle = std::move(on_idle)]() mutable {
    if (const auto alive = weak.lock()) {
      alive->is_draining = true;
      alive->on_idle = std::move(on_idle);
      alive->changed.notify();
    }
  });
}

void Subscription::stop() {
  if (!is_stopping_.exchange(true)) {
    loop_->waiting.cancel();
    thread_.stop();
  }
}

void Subscription::run() {
  const host::Caller caller = loop_->waiting.caller();
  while (true) {
    is_connected_ = false;
    const Result<> ended = serve(caller);
    if (is_stopping_) {
      return;
    }
    if (ended || (loop_->is_draining && has_drained())) {
      is_idle_ = true;
      loop_->on_idle();
      return;
    }
    log::error(
        kLogTarget,
        "{} {}: {}; trying again",
        is_connected_ ? "disconnected from" : "Redis trigger failed to connect to",
        place_,
        ended.error().to_line()
    );
    rest(caller);
  }
}

void Subscription::rest(host::Caller caller) {
  const auto until = async::Deadline::after(pause_);
  pause_ = std::min(pause_ * 2, kLongestPause);
  while (!until.is_expired() && !(loop_->is_draining && has_drained())) {
    if (!wait(caller, nullptr, until)) {
      return;
    }
  }
}

Result<Subscription::Connection> Subscription::connect(host::Caller caller) {
  return host::redis::RedisConnection::open(
      caller, network_, address_, async::Deadline::after(kPatience)
  );
}

void Subscription::note_connected() {
  is_connected_ = true;
  pause_ = kFirstPause;
}

Result<> Subscription::wait(
    host::Caller caller, host::redis::RedisConnection* connection, async::Deadline deadline
) {
  async::FiberWaiter waiter(caller.fiber);
  if (connection != nullptr) {
    connection->changed().add(waiter);
  }
  auto waited = async::wait_on(caller.shard, caller.fiber, loop_->changed, deadline);
  if (!waited && waited.error().kind() != ErrorKind::DeadlineExceeded) {
    return waited;
  }
  return {};
}

}  // namespace whorl::trigger
