/// Relay: passes an event on to another one, so that a coroutine can wait for several.
/// @thread shard
#pragma once

#include "async/event.hpp"

namespace whorl::http {

class Relay final : public async::Waiter {
 public:
  explicit Relay(async::Event& to) noexcept : to_(to) {}
  void on_event() noexcept override { to_.notify(); }
  void listen(async::Event& from) noexcept {
    unlink();
    from.add(*this);
  }
  void stop() noexcept { unlink(); }

 private:
  async::Event& to_;
};

}  // namespace whorl::http
