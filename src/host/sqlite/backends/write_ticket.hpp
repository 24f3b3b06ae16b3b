/// WriteTicket: whose turn it is to write to a database file, first come first served.
///
/// SQLite lets one connection write and makes the others look again now and then. Here the guests
/// of this process queue up instead: fairly, without threads that only wait (which the holder of
/// the lock may need to go on), and without lost time between two turns. Other processes still meet
/// at SQLite's lock.
#pragma once

#include "async/mutex.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"

#include <chrono>
#include <deque>
#include <memory>

namespace whorl::host::sqlite {

/// Held by one at a time. @thread any
class WriteTicket {
 public:
  WriteTicket() = default;
  WriteTicket(const WriteTicket&) = delete;
  WriteTicket& operator=(const WriteTicket&) = delete;

  /// How long a turn is waited for; Spin's time for a lock.
  static constexpr std::chrono::milliseconds kPatience{5000};

  /// Waits for a turn with a fiber parked. @return Overloaded "database is locked" when it takes
  ///         too long; Cancelled. @thread shard
  [[nodiscard]] Result<> take(Caller caller);
  /// The same with the calling thread blocked. @thread pool
  [[nodiscard]] Result<> take_blocking();
  /// Ends a turn.
  void give_back() noexcept;

 private:
  struct Waiter {
    async::Shard* shard = nullptr;     ///< null: a blocked thread
    async::Parkable* fiber = nullptr;  ///< of the shard: null once it has left
    bool has_turn = false;             ///< under the lock
  };
  [[nodiscard]] bool has_turn(const Waiter& waiter);
  /// Leaves the queue, or gives back the turn that came meanwhile.
  void withdraw(const std::shared_ptr<Waiter>& waiter);
  void pass_on() WHORL_REQUIRES(mutex_);

  async::Mutex mutex_;
  std::condition_variable_any changed_;
  bool is_taken_ WHORL_GUARDED_BY(mutex_) = false;
  std::deque<std::shared_ptr<Waiter>> queue_ WHORL_GUARDED_BY(mutex_);
};

}  // namespace whorl::host::sqlite
