/// BlockingWork: where calls run that may block for long: reads that miss the page cache, syncs.
///
/// What is nearly always short (opening, metadata, writes, which go to the page cache) is called on
/// the shard itself: handing it to a thread would cost more than it takes. @thread shard
#pragma once

#include "async/event.hpp"
#include "async/parkable.hpp"
#include "base/result.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace whorl::wasi {

class BlockingWork {
 public:
  /// Runs `work` away from the shard, then `done` on it, never inside this call. Both own what they
  /// use. Neither is called when the program stops before.
  /// @return Overloaded, Cancelled: then neither is called
  [[nodiscard]] virtual Result<> start(
      std::move_only_function<void()> work, std::move_only_function<void()> done
  ) = 0;

 protected:
  ~BlockingWork() = default;
};

/// Runs `work`, which owns what it uses, and parks the fiber meanwhile; on the calling thread when
/// there is no `where` or no fiber.
/// @return what `work` returns; Cancelled when the guest is being ended (the work may still run)
template <class F>
[[nodiscard]] Result<std::invoke_result_t<F&>> run_blocking(
    BlockingWork* where, async::Parkable* fiber, F work
) {
  using Value = std::invoke_result_t<F&>;
  if (where == nullptr || fiber == nullptr) {
    return Result<Value>(work());
  }
  struct Shared {
    std::optional<Value> result;
    async::Event done;
  };
  auto shared = std::make_shared<Shared>();
  WHORL_CHECKED(where->start(
      [shared, work = std::move(work)]() mutable { shared->result.emplace(work()); },
      [shared] { shared->done.notify(); }
  ));
  // The result is another thread's until `done` has run, so that, not the result, is waited for.
  const async::FiberWaiter waiter(*fiber, shared->done);
  while (waiter.is_linked()) {
    WHORL_CHECKED(fiber->park());
  }
  return Result<Value>(*std::move(shared->result));
}

}  // namespace whorl::wasi
