/// Signals as something to wait for: the main thread sleeps here while the shards serve.
///
/// Create it before any other thread exists, so that all of them inherit the blocked signals.
#pragma once

#include "base/result.hpp"
#include "fs/file.hpp"

#include <chrono>
#include <cstdint>

namespace whorl {

class StopSignals {
 public:
  enum class Cause : std::uint8_t { Signal, Notified, TimedOut };

  /// Takes over SIGINT, SIGTERM and SIGHUP, and ignores SIGPIPE.
  [[nodiscard]] static Result<StopSignals> install();

  /// Sleeps until a signal, a notify() or the end of the time. @thread main
  [[nodiscard]] Cause wait(std::chrono::milliseconds at_most);
  /// Without an end of time.
  [[nodiscard]] Cause wait();
  /// Wakes wait(). @thread any
  void notify() noexcept;

 private:
  StopSignals(fs::Fd signals, fs::Fd wake) noexcept
      : signals_(std::move(signals)), wake_(std::move(wake)) {}
  [[nodiscard]] Cause wait_for(int milliseconds);

  fs::Fd signals_;
  fs::Fd wake_;
};

}  // namespace whorl
