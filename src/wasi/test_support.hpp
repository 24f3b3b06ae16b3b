/// What tests of the wasi room share: a fiber that runs a script when it parks, a manual clock, and
/// the call a host method is given.
#pragma once

#include "component/component.hpp"
#include "component/host.hpp"
#include "wasi/context.hpp"
#include "wasi/host_memory.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wasi/timers.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <utility>

namespace whorl::wasi::test {

/// Each park() runs the steps of the script, one after another, until one of them unparks it. A
/// park() with no step left would be a hang: it is answered as if the guest were being ended.
class ScriptedFiber final : public async::Parkable {
 public:
  void then(std::move_only_function<void()> step) { script_.push_back(std::move(step)); }
  [[nodiscard]] Result<> park(async::Cancellable* = nullptr) override {
    ++parks_;
    while (!unparked_) {
      if (!run_step()) {
        cancelled_ = true;
        return fail(ErrorKind::Cancelled, "nothing left to wait for");
      }
    }
    unparked_ = false;
    return {};
  }
  void unpark() noexcept override { unparked_ = true; }
  [[nodiscard]] bool cancelled() const noexcept override { return cancelled_; }

  [[nodiscard]] bool run_step() {
    if (script_.empty()) {
      return false;
    }
    auto step = std::move(script_.front());
    script_.pop_front();
    step();
    return true;
  }
  /// Whether park() would return at once.
  [[nodiscard]] bool is_unparked() const noexcept { return unparked_; }
  /// Whether it was unparked; forgets it.
  [[nodiscard]] bool take_unparked() { return std::exchange(unparked_, false); }
  [[nodiscard]] int parks() const noexcept { return parks_; }
  void count_park() noexcept { ++parks_; }
  [[nodiscard]] bool script_is_done() const noexcept { return script_.empty(); }

 private:
  std::deque<std::move_only_function<void()>> script_;
  bool unparked_ = false;
  bool cancelled_ = false;
  int parks_ = 0;
};

/// Time stands still until somebody waits for it and nothing else is left to happen.
class ManualTimers final : public Timers {
 public:
  explicit ManualTimers(ScriptedFiber& fiber) noexcept : fiber_(fiber) {}
  [[nodiscard]] Instant now() const noexcept override { return now_; }
  [[nodiscard]] std::chrono::system_clock::time_point wall_now() const noexcept override {
    return wall_;
  }
  [[nodiscard]] Result<> park_until(async::Parkable&, Instant deadline) override {
    fiber_.count_park();
    while (!fiber_.take_unparked()) {
      if (!fiber_.run_step()) {
        now_ = deadline;
        break;
      }
    }
    return {};
  }
  void advance(std::chrono::nanoseconds by) noexcept { now_ += by; }
  void set_wall(std::chrono::system_clock::time_point wall) noexcept { wall_ = wall; }

 private:
  ScriptedFiber& fiber_;
  Instant now_{std::chrono::seconds(1000)};
  std::chrono::system_clock::time_point wall_{};
};

/// An output that keeps what it gets, up to a capacity.
class MemorySink final : public OutputSink {
 public:
  [[nodiscard]] std::size_t room() const noexcept override { return capacity - text.size(); }
  void write(ByteView bytes) override { text += as_text(bytes); }
  [[nodiscard]] async::Event* room_event() noexcept override { return &event; }

  std::string text;
  std::size_t capacity = std::size_t{1} << 20;
  async::Event event;
};

/// The world of one host call. The instance and the store are only referred to: no host method of
/// WASI 0.2 touches them, but those that make many random bytes on a fiber.
struct Scene {
  alignas(component::ComponentInstance) std::byte instance[sizeof(component::ComponentInstance)];
  alignas(engine::Store) std::byte store[sizeof(engine::Store)];
  ScriptedFiber fiber;
  ManualTimers timers{fiber};
  HostMemory memory;
  MemorySink out;
  MemorySink err;
  p2::Surroundings around{timers, memory};
  component::Call call{
      *reinterpret_cast<component::ComponentInstance*>(instance),
      *reinterpret_cast<engine::Store*>(store),
      &fiber,
  };
  /// A call made by a start function, off the fibers.
  component::Call start_call{call.instance, call.store, nullptr};
};

}  // namespace whorl::wasi::test
