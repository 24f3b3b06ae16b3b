/// WorkLane: blocking operations of many shards, carried out by one thread at a time, in batches.
///
/// For things that only one thread may use at once and that are cheaper in groups: a database's
/// writer commits what has gathered while the last commit was on its way to the disk. The thread is
/// one of a BlockingPool and is given back after every batch, so that lanes share a pool fairly.
#pragma once

#include "async/blocking_pool.hpp"
#include "async/parkable.hpp"
#include "async/shard.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace whorl::async {

/// Costs are bytes.
struct LaneLimits {
  std::size_t batch_operations = 256;
  std::size_t batch_cost = std::size_t{8} << 20;
  std::size_t queue_operations = 4096;
  std::size_t queue_cost = std::size_t{256} << 20;
};

class WorkLane {
 public:
  /// One operation. Belongs to the shard that made it, to the worker while it is carried out, and
  /// then to the shard again; it owns all that it needs, since a caller that is cancelled leaves.
  class Operation {
   public:
    Operation() = default;
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;
    virtual ~Operation() = default;
    /// The caller has left and the operation may end early. @thread shard, beside the worker
    virtual void on_abandoned() noexcept {}

   private:
    friend class WorkLane;
    Shard* shard_ = nullptr;
    Parkable* fiber_ = nullptr;  ///< of the shard: null once the waiting stack is gone
    bool done_ = false;          ///< of the shard
    bool abandoned_ = false;     ///< under the lane's lock
    std::size_t cost_ = 0;
    std::optional<Error> failure_;  ///< why it was not carried out
  };
  using Batch = std::span<const std::shared_ptr<Operation>>;

  class Worker {
   public:
    /// Carries out operations, in order; their results are theirs to keep. Not called again before
    /// it has returned. What escapes fails the whole batch. @thread pool
    virtual void work(Batch batch) = 0;

   protected:
    ~Worker() = default;
  };

  /// @param pool, worker  outlive the lane
  WorkLane(BlockingPool& pool, Worker& worker, const LaneLimits& limits = {});
  WorkLane(const WorkLane&) = delete;
  WorkLane& operator=(const WorkLane&) = delete;
  /// Drops what is queued and waits for the batch that is being carried out.
  ~WorkLane();

  /// Queues an operation and parks `fiber` until it was carried out.
  ///
  /// @param cost  bytes it holds; a queue that is empty takes one of any cost
  /// @return      Overloaded when the queue is full; Cancelled when the fiber or the lane is being
  ///              ended (the operation may still be carried out); Internal when the worker failed
  /// @thread      shard
  [[nodiscard]] Result<> run(
      Shard& shard,
      Parkable& fiber,
      const std::shared_ptr<Operation>& operation,
      std::size_t cost = 0
  );

  /// Queues an operation that nobody waits for. @return as run()'s; then it is not carried out
  /// @thread any
  [[nodiscard]] Result<> post(const std::shared_ptr<Operation>& operation);
  /// How many operations are queued or being carried out, about. @thread any
  [[nodiscard]] std::size_t load() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace whorl::async
