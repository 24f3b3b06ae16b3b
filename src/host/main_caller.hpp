/// MainCaller: lets the main thread use what guests use, before anything is served: it runs a loop
/// of its own while it waits. @thread main
#pragma once

#include "async/shard.hpp"
#include "host/caller.hpp"

namespace whorl::host {

class MainCaller {
 public:
  [[nodiscard]] Caller caller() noexcept { return {shard_, fiber_}; }

 private:
  class Fiber final : public async::Parkable {
   public:
    explicit Fiber(async::Shard& shard) noexcept : shard_(shard) {}
    [[nodiscard]] Result<> park(async::Cancellable* = nullptr) override {
      while (!unparked_) {
        shard_.poll();  // lets a loop that was stopped run again
        if (!unparked_) {
          shard_.run();
        }
      }
      unparked_ = false;
      return {};
    }
    void unpark() noexcept override {
      unparked_ = true;
      shard_.stop();
    }
    [[nodiscard]] bool cancelled() const noexcept override { return false; }

   private:
    async::Shard& shard_;
    bool unparked_ = false;
  };

  async::Shard shard_{0};
  Fiber fiber_{shard_};
};

}  // namespace whorl::host
