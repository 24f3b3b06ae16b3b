/// MainCaller: lets a thread that is no shard's use what guests use: it runs a loop of its own
/// while it waits. For the main thread before anything is served, and for threads of a pool.
/// @thread the one that waits, all but cancel()
#pragma once

#include "async/shard.hpp"
#include "host/caller.hpp"

#include <utility>

namespace whorl::host {

class MainCaller {
 public:
  [[nodiscard]] Caller caller() noexcept { return {shard_, fiber_}; }
  /// Its loop, for completions. @thread any
  [[nodiscard]] async::Shard& shard() noexcept { return shard_; }
  /// Ends what it waits for, and all that comes. @thread any
  void cancel() {
    shard_.post([this] { fiber_.cancel(); });
  }

 private:
  class Fiber final : public async::Parkable {
   public:
    explicit Fiber(async::Shard& shard) noexcept : shard_(shard) {}
    [[nodiscard]] Result<> park(async::Cancellable* operation = nullptr) override {
      bool is_asked = false;
      while (!unparked_) {
        if (cancelled_ && (operation == nullptr || !std::exchange(is_asked, true))) {
          if (operation == nullptr) {
            break;
          }
          operation->cancel();
        }
        shard_.poll();  // lets a loop that was stopped run again
        if (!unparked_ && (!cancelled_ || is_asked)) {
          shard_.run();
        }
      }
      unparked_ = false;
      return cancelled_ ? Result<>(fail(ErrorKind::Cancelled, "the wait was ended")) : Result<>();
    }
    void cancel() noexcept {
      cancelled_ = true;
      shard_.stop();
    }
    void unpark() noexcept override {
      unparked_ = true;
      shard_.stop();
    }
    [[nodiscard]] bool cancelled() const noexcept override { return cancelled_; }

   private:
    async::Shard& shard_;
    bool unparked_ = false;
    bool cancelled_ = false;
  };

  async::Shard shard_{0};
  Fiber fiber_{shard_};
};

}  // namespace whorl::host
