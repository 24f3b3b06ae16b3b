/// OutputSink: where a component's standard output or error goes.
///
/// The runtime gives each component one per stream; it copies the bytes to the terminal and the log
/// file. @thread shard
#pragma once

#include "async/event.hpp"
#include "base/bytes.hpp"

#include <cstddef>

namespace whorl::wasi {

class OutputSink {
 public:
  /// How many bytes write() takes now. 0 makes the guest wait for room_event().
  [[nodiscard]] virtual std::size_t room() const noexcept = 0;
  /// Takes at most room() bytes and never waits; a line may arrive in several pieces.
  virtual void write(ByteView bytes) = 0;
  /// Fires when room appears; null for a sink that always has room.
  [[nodiscard]] virtual async::Event* room_event() noexcept { return nullptr; }

 protected:
  ~OutputSink() = default;
};

}  // namespace whorl::wasi
