/// For tests: PollFiber, a Parkable without a stack of its own.
#pragma once

#include "async/parkable.hpp"
#include "async/shard.hpp"

#include <atomic>
#include <thread>

namespace whorl::async {

/// Stands for a fiber: parking runs the shard's loop until unparked.
class PollFiber final : public Parkable {
 public:
  explicit PollFiber(Shard& shard) : shard_(shard) {}
  Result<> park(Cancellable* = nullptr) override {
    while (!unparked_ && !is_cancelled) {
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
  Shard& shard_;
  bool unparked_ = false;
};

}  // namespace whorl::async
