/// The awaiting side of a guest's fiber, as the rooms below engine/ see it.
///
/// A host function that must wait parks the guest's whole stack: it registers interest somewhere
/// (an Event, an Asio operation), calls park(), and is resumed on the same shard when somebody
/// calls unpark(). engine::Fiber is the implementation; tests have their own.
/// @thread shard: every call is made on the thread that owns the fiber
#pragma once

#include "base/result.hpp"

namespace whorl::async {

/// An operation in flight that a parked fiber waits for and that can be asked to end early.
class Cancellable {
 public:
  /// Asks the operation to end. It still completes, with its own unpark(); nothing of the parked
  /// stack may be released before (the kernel or OpenSSL may still write into it).
  virtual void cancel() noexcept = 0;

 protected:
  ~Cancellable() = default;
};

/// Something that can be suspended in the middle of a call and resumed later.
class Parkable {
 public:
  /// Suspends the caller until unpark(). An unpark() that came first makes park() return at once
  /// (one is remembered, not a count).
  ///
  /// @param operation  what is waited for, asked to end when this parkable is cancelled; with
  ///                   nullptr a cancellation resumes the caller right away
  /// @return           nothing after unpark(); Cancelled once the owner is being ended, and from
  ///                   then on always, without waiting (engine.md K2). A caller that sees Cancelled
  ///                   returns to its own caller without waiting again.
  [[nodiscard]] virtual Result<> park(Cancellable* operation = nullptr) = 0;

  /// Lets park() return soon: the fiber is scheduled on its shard, never resumed inside this call.
  virtual void unpark() noexcept = 0;

  /// True once the owner is being ended.
  [[nodiscard]] virtual bool cancelled() const noexcept = 0;

 protected:
  ~Parkable() = default;
};

}  // namespace whorl::async
