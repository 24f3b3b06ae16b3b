/// ShardBlockingWork: a few threads of a shard for calls that block. @thread shard
#pragma once

#include "async/blocking_pool.hpp"
#include "async/shard.hpp"
#include "wasi/blocking_work.hpp"

namespace whorl::wasi {

/// One per shard, shared by its instances.
class ShardBlockingWork final : public BlockingWork {
 public:
  /// @param shard  outlives this object
  explicit ShardBlockingWork(async::Shard& shard) noexcept : shard_(shard) {}
  [[nodiscard]] Result<> start(
      std::move_only_function<void()> work, std::move_only_function<void()> done
  ) override {
    return pool_.submit([&shard = shard_,
                         work = std::move(work),
                         done = std::move(done)](async::BlockingPool::Fate fate) mutable {
      if (fate == async::BlockingPool::Fate::Run) {
        work();
        shard.post(std::move(done));
      }
    });
  }

 private:
  async::Shard& shard_;
  async::BlockingPool pool_;
};

}  // namespace whorl::wasi
