/// What tests of capabilities share: a shard of the test's own thread, a fiber that runs its loop
/// while parked, and the call a host method is given.
#pragma once

#include "async/shard.hpp"
#include "component/component.hpp"
#include "component/host.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>

namespace whorl::host::test {

/// Stands for a guest's fiber.
class PollFiber final : public async::Parkable {
 public:
  explicit PollFiber(async::Shard& shard) noexcept : shard_(shard) {}
  [[nodiscard]] Result<> park(async::Cancellable* operation = nullptr) override {
    while (!unparked_) {
      if (is_cancelled) {
        if (operation == nullptr) {
          break;
        }
        operation->cancel();
      }
      if (!shard_.poll()) {
        std::this_thread::yield();
      }
    }
    unparked_ = false;
    if (is_cancelled) {
      return fail(ErrorKind::Cancelled, "ended");
    }
    return {};
  }
  void unpark() noexcept override { unparked_ = true; }
  [[nodiscard]] bool cancelled() const noexcept override { return is_cancelled; }

  std::atomic<bool> is_cancelled = false;

 private:
  async::Shard& shard_;
  bool unparked_ = false;
};

/// The world of host calls on the thread that makes it. The instance and the store are only
/// referred to: no capability's method touches them.
struct Scene {
  alignas(component::ComponentInstance) std::byte instance[sizeof(component::ComponentInstance)];
  alignas(engine::Store) std::byte store[sizeof(engine::Store)];
  async::Shard shard{0};
  PollFiber fiber{shard};
  component::Call call{
      *reinterpret_cast<component::ComponentInstance*>(instance),
      *reinterpret_cast<engine::Store*>(store),
      &fiber,
  };

  /// Runs `body` as work of the shard.
  template <class F>
  void run(F body) {
    shard.post([&body] { body(); });
    while (!shard.poll()) {
    }
  }
};

}  // namespace whorl::host::test
