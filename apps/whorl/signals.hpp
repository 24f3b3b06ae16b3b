/// Signals as something to wait for: the main thread sleeps here while the shards serve.
///
/// Create it before any other thread exists, so that all of them inherit the blocked signals.
#pragma once

#include "async/deadline.hpp"
#include "base/result.hpp"
#include "fs/file.hpp"

#include <cstdint>

namespace whorl {

class StopSignals {
 public:
  enum class Cause : std::uint8_t {
    Stop,    ///< the program is to end
    Reload,  ///< SIGHUP, where there is no terminal whose end it would mean
    Notified,
    Readable,  ///< the descriptor that was given
    Handover,  ///< the other one
    TimedOut,
  };

  /// Takes over SIGINT, SIGTERM and SIGHUP, and ignores SIGPIPE.
  [[nodiscard]] static Result<StopSignals> install();

  /// Sleeps until a signal, a notify(), the descriptor or the deadline. @thread main
  /// @param readable, handover  looked at last; -1: none
  [[nodiscard]] Cause wait(async::Deadline deadline, int readable = -1, int handover = -1);
  /// Wakes wait(). @thread any
  void notify() noexcept;

 private:
  StopSignals(fs::Fd signals, fs::Fd wake, bool has_terminal) noexcept
      : signals_(std::move(signals)), wake_(std::move(wake)), has_terminal_(has_terminal) {}

  fs::Fd signals_;
  fs::Fd wake_;
  bool has_terminal_;
};

}  // namespace whorl
