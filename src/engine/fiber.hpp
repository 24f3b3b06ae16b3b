/// Fiber: one guest call stack that can be suspended: by a host function that waits, or by the
/// epoch clock when its slice is over.
///
/// Underneath is one asynchronous call of a tiny driver module (engine.md A.8): its `run` calls
/// back into the entry given here, its `block` suspends. Many fibers may live on one store; one of
/// them runs at a time. Who resumes them is the FiberScheduler's business (runtime/ has it).
/// @thread shard
#pragma once

#include "async/parkable.hpp"
#include "base/result.hpp"
#include "engine/store.hpp"

#include <expected>
#include <memory>

namespace whorl::engine {

/// Told by a fiber what it needs. Implementations never resume a fiber inside these calls.
class FiberScheduler {
 public:
  /// The fiber was unparked: call resume() soon.
  virtual void fiber_ready(Fiber& fiber) noexcept = 0;
  /// The fiber's slice is over: call resume() when others had their turn (engine.md K8).
  virtual void fiber_yielded(Fiber& fiber) noexcept = 0;
  /// The fiber ended; outcome() is set. The fiber may be destroyed inside this call, its store only
  /// later.
  virtual void fiber_done(Fiber& fiber) noexcept = 0;

 protected:
  ~FiberScheduler() = default;
};

class Fiber final : public async::Parkable {
 public:
  /// Runs on the fiber. What it returns becomes outcome().
  using Entry = std::expected<void, Trap> (*)(void* env, Fiber& fiber);
  enum class State : std::uint8_t { New, Running, Parked, Yielded, Done };

  /// @param scheduler, env  outlive the fiber
  Fiber(Store& store, FiberScheduler& scheduler, Entry entry, void* env);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  /// A fiber that has not ended is ended: its stack unwinds and nothing in it waits again. The
  /// operation it waits for must have completed (cancel() and resume() until Done otherwise).
  ~Fiber();

  /// Starts or continues the fiber and returns when it parks, yields or ends. Not from inside any
  /// fiber.
  State resume();
  [[nodiscard]] State state() const noexcept;
  [[nodiscard]] Store& store() const noexcept;

  /// Ends the guest: every wait of it returns Cancelled from now on, guest code traps at its next
  /// step. `kind` and `reason` become the trap, unless the store has a reason already. The whole
  /// store is dying afterwards: every fiber of it is scheduled so that it can unwind, after its
  /// operation, which is asked to end, has completed.
  void cancel(TrapKind kind, std::string reason);

  /// Ends what this fiber does, and nothing else of the store: the wait that it is in, and every
  /// one after it, returns Cancelled, its operation being asked to end first; cancelled() is true.
  /// For fibers that run host code and no guest code, whose result is then thrown away.
  void interrupt() noexcept;
  [[nodiscard]] bool is_interrupted() const noexcept;
  /// Ready for the next work, of a fiber that serves one piece after the other. On the fiber.
  void clear_interrupt() noexcept;
  /// What the constructor was given.
  [[nodiscard]] void* env() const noexcept;

  /// How it ended; only in state Done.
  [[nodiscard]] const std::expected<void, Trap>& outcome() const noexcept;

  // async::Parkable
  [[nodiscard]] Result<> park(async::Cancellable* operation = nullptr) override;
  void unpark() noexcept override;
  [[nodiscard]] bool cancelled() const noexcept override;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace whorl::engine
