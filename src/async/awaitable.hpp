/// The coroutine side of waiting: Asio awaitables on a shard's loop.
///
/// Includes Asio: for async/, net/ and the sources of http/ only. Coroutines take their parameters
/// by value or as documented borrows that outlive them.
#pragma once

#include "async/blocking_pool.hpp"
#include "async/deadline.hpp"
#include "async/event.hpp"
#include "async/shard.hpp"
#include "base/result.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace whorl::async {

using Executor = boost::asio::io_context::executor_type;

/// A lazy, move-only coroutine of a shard. @thread shard
template <class T = void>
using Awaitable = boost::asio::awaitable<T, Executor>;

/// `auto [code, count] = co_await socket.async_read_some(buffer, kAwait);`: the error-code form of
/// any Asio operation whose object uses Executor.
inline constexpr boost::asio::as_tuple_t<boost::asio::use_awaitable_t<Executor>> kAwait{};

/// Starts a coroutine on a shard. What escapes from it is a bug and is written to stderr.
/// @thread shard
void spawn(Shard& shard, Awaitable<> task);

/// Waits until `event` fires; may return early, so check the state again.
/// @param shard, event  outlive the wait
/// @return DeadlineExceeded when the deadline came first, Cancelled through Asio's cancellation
[[nodiscard]] Awaitable<Result<>> wait_event(
    Shard& shard, Event& event, Deadline deadline = Deadline::never()
);

/// Runs `work` on a blocking pool; the coroutine continues on its shard.
/// @param work  owns what it uses; returns a value or a Result
/// @return      its result; Overloaded when the pool is full; Cancelled (the work may still run)
template <class F>
[[nodiscard]] Awaitable<BlockingPool::Outcome<F>> run_blocking(
    BlockingPool& pool, Shard& shard, F work
) {
  using Outcome = BlockingPool::Outcome<F>;
  struct Shared {
    std::optional<Outcome> result;
    Event done;
  };
  auto shared = std::make_shared<Shared>();
  BlockingPool::Job job = [&shard, shared, work = std::move(work)](BlockingPool::Fate fate
                          ) mutable {
    Outcome result = fate == BlockingPool::Fate::Run
                         ? BlockingPool::call(work)
                         : Outcome(Error(ErrorKind::Cancelled, "the pool was stopped"));
    shard.post([shared = std::move(shared), result = std::move(result)]() mutable {
      shared->result.emplace(std::move(result));
      shared->done.notify();
    });
  };
  if (auto queued = pool.submit(std::move(job)); !queued) {
    co_return queued.take_error();
  }
  while (!shared->result.has_value()) {
    if (auto waited = co_await wait_event(shard, shared->done); !waited) {
      co_return waited.take_error();
    }
  }
  co_return *std::move(shared->result);
}

}  // namespace whorl::async
