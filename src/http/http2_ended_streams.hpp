/// EndedStreams: which requests of an HTTP/2 connection have ended last, on both sides.
///
/// The codec forgets a stream with its end: those that it keeps, a hundred for each connection,
/// cost more time than all else it does for a request. A client that goes on with one of these
/// breaks the rules; with an older one its frames are passed over. Private to the server. @thread
/// shard
/// @spec RFC 9113 §5.1 (closed)
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace whorl::http {

class EndedStreams {
 public:
  static constexpr std::size_t kKept = 16;

  /// @param id  a number from the client, not 0
  void add(std::int32_t id) noexcept {
    ids_[next_] = id;
    next_ = (next_ + 1) % kKept;
  }
  [[nodiscard]] bool contains(std::int32_t id) const noexcept {
    return id != 0 && std::ranges::find(ids_, id) != ids_.end();
  }

 private:
  std::array<std::int32_t, kKept> ids_{};
  std::size_t next_ = 0;
};

}  // namespace whorl::http
