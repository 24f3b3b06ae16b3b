/// BlockingPool: the few threads on which blocking calls are allowed (SQLite, compile, fsync,
/// getaddrinfo). The queue is bounded; results come back on the shard that asked.
///
///     Result<Row> row = pool.run(shard, fiber, [db, sql] { return db->query(sql); });
///
/// The work owns what it uses: a caller that is cancelled does not wait for it.
#pragma once

#include "async/mutex.hpp"
#include "async/parkable.hpp"
#include "async/shard.hpp"
#include "base/result.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace whorl::async {

namespace detail {
template <class T>
struct AsResult {
  using Type = Result<T>;
};
template <class T>
struct AsResult<Result<T>> {
  using Type = Result<T>;
};
}  // namespace detail

class BlockingPool {
 public:
  /// What `F` returns, as a Result.
  template <class F>
  using Outcome = typename detail::AsResult<std::invoke_result_t<F&>>::Type;
  enum class Fate : bool { Run, Dropped };
  /// A job is called exactly once: with Run on a thread of the pool, or with Dropped when the pool
  /// is stopped before.
  using Job = std::move_only_function<void(Fate)>;

  static constexpr unsigned kDefaultThreads = 4;
  static constexpr std::size_t kDefaultQueue = 1024;

  /// Threads are started when first needed.
  explicit BlockingPool(
      unsigned threads = kDefaultThreads, std::size_t queue_limit = kDefaultQueue
  );
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  /// stop()s.
  ~BlockingPool();

  /// Queues a job. @return Overloaded when the queue is full, Cancelled after stop(). @thread any
  [[nodiscard]] Result<> submit(Job job);

  /// Runs `work` on the pool and parks `fiber` meanwhile.
  ///
  /// @param work  owns what it uses; returns a value or a Result
  /// @return      its result; Overloaded, Cancelled (the work may still run, and outlive the
  ///              shard); Internal when something escaped from it
  /// @thread      shard
  template <class F>
  [[nodiscard]] Outcome<F> run(Shard& shard, Parkable& fiber, F work);

  /// Drops queued jobs and waits for running ones. @thread any, but none of the pool
  void stop() noexcept;

  /// Calls `work` and turns what escapes into Internal.
  template <class F>
  [[nodiscard]] static Outcome<F> call(F& work);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

template <class F>
BlockingPool::Outcome<F> BlockingPool::call(F& work) {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
      work();
      return {};
    } else {
      return work();
    }
  } catch (const std::exception& escaped) {
    return fail(ErrorKind::Internal, "blocking work failed: {}", escaped.what());
  }
}

template <class F>
BlockingPool::Outcome<F> BlockingPool::run(Shard& shard, Parkable& fiber, F work) {
  struct Shared {
    Parkable* fiber;
    std::optional<Outcome<F>> result{};  ///< of the shard
    Mutex mutex{};
    bool is_abandoned WHORL_GUARDED_BY(mutex) = false;
  };
  if (fiber.cancelled()) {
    return fail(ErrorKind::Cancelled, "the caller is being ended");
  }
  auto shared = std::make_shared<Shared>(&fiber);
  WHORL_CHECKED(submit([&shard, shared, work = std::move(work)](Fate fate) mutable {
    Outcome<F> result = fate == Fate::Run
                            ? call(work)
                            : Outcome<F>(Error(ErrorKind::Cancelled, "the pool was stopped"));
    // Under the lock: a caller that has left, and with it perhaps its shard, is not posted to.
    const MutexLock lock(shared->mutex);
    if (shared->is_abandoned) {
      return;
    }
    shard.post([shared, result = std::move(result)]() mutable {
      shared->result.emplace(std::move(result));
      if (shared->fiber != nullptr) {
        shared->fiber->unpark();
      }
    });
  }));
  while (!shared->result.has_value()) {
    if (auto parked = fiber.park(); !parked) {
      shared->fiber = nullptr;
      const MutexLock lock(shared->mutex);
      shared->is_abandoned = true;
      return parked.take_error();
    }
  }
  return *std::move(shared->result);
}

}  // namespace whorl::async
