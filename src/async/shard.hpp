/// Shard: one thread with its event loop; ShardSet: the shards of the process.
///
/// Everything mutable belongs to one shard and is touched on its thread only; other threads reach
/// it through post(). Asio is not included here: who needs the io_context's type includes it.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace whorl::async {

class Shard {
 public:
  explicit Shard(unsigned index);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  /// Destroys what still waits on the loop. run() must have returned.
  ~Shard();

  [[nodiscard]] unsigned index() const noexcept { return index_; }
  [[nodiscard]] boost::asio::io_context& io() noexcept;

  /// Runs `work` on the shard's thread, never inside this call. @thread any
  void post(std::move_only_function<void()> work);
  /// Runs the loop on the calling thread until stop(). A broken invariant ends the work that broke
  /// it, is written to stderr, and the loop goes on (base/check.hpp).
  void run();
  /// Runs what is ready and returns without waiting; for tests. @return whether anything ran
  bool poll();
  /// Lets run() return soon; work that is still queued is not run. @thread any
  void stop() noexcept;

  /// The shard whose loop runs on this thread, or null. @thread any
  [[nodiscard]] static Shard* current() noexcept;

 private:
  struct Impl;
  unsigned index_;
  std::unique_ptr<Impl> impl_;
};

/// A fixed number of shards, each with a thread of its own once started.
class ShardSet {
 public:
  /// As many shards as the process may use processors.
  [[nodiscard]] static unsigned default_count() noexcept;

  explicit ShardSet(unsigned count = default_count());
  ShardSet(const ShardSet&) = delete;
  ShardSet& operator=(const ShardSet&) = delete;
  /// Stops and joins.
  ~ShardSet();

  [[nodiscard]] unsigned size() const noexcept { return static_cast<unsigned>(shards_.size()); }
  [[nodiscard]] Shard& operator[](std::size_t index) noexcept { return *shards_[index]; }
  /// Starts the threads. @return Unavailable when the system refuses one; then none runs
  [[nodiscard]] Result<> start();
  /// Asks every shard to stop. @thread any
  void stop() noexcept;
  /// Waits for the threads to end.
  void join();

 private:
  struct Threads;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<Threads> threads_;
};

}  // namespace whorl::async
