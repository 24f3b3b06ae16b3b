/// InputSource: where a guest's standard input comes from.
///
/// A service has none; a command may be given one. @thread shard
#pragma once

#include "async/event.hpp"
#include "base/bytes.hpp"

#include <cstddef>

namespace whorl::wasi {

class InputSource {
 public:
  /// Bytes that can be read now, valid until the next call on this object. None does not mean that
  /// there will be none: see is_ended().
  [[nodiscard]] virtual ByteView available() = 0;
  /// Drops bytes from the front of available().
  virtual void consume(std::size_t count) = 0;
  /// Nothing comes after what is available().
  [[nodiscard]] virtual bool is_ended() = 0;
  /// Fires when bytes have come, or the end; null for a source that always has all.
  [[nodiscard]] virtual async::Event* event() noexcept { return nullptr; }

 protected:
  ~InputSource() = default;
};

}  // namespace whorl::wasi
