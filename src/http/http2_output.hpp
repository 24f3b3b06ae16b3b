/// Http2Output: frames on their way to the peer of an HTTP/2 connection. Private to the room.
/// @thread shard
#pragma once

#include "base/bytes.hpp"
#include "http/body.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

struct nghttp2_session;

namespace whorl::http {

class Http2Output {
 public:
  /// What is asked of the codec at a time; a DATA frame may lie beyond it.
  static constexpr std::size_t kMost = 32 * 1024;

  /// Takes frames from the codec until there is enough. @return false if the codec gave up
  [[nodiscard]] bool fill(nghttp2_session& codec);
  /// Valid until the next call on this object.
  [[nodiscard]] ByteView bytes() const noexcept { return ByteView(bytes_).subspan(begin_); }
  [[nodiscard]] std::size_t unsent() const noexcept { return bytes_.size() - begin_; }
  void sent(std::size_t count) noexcept;
  /// Gives memory back that an idle connection does not need.
  void release_memory() noexcept;

  /// Takes a DATA frame: `count` bytes from the front of the body.
  /// @param remaining  of the length that was stated, if one was; is counted down
  /// @return           false if there is no room now: ask again
  [[nodiscard]] bool take_data(
      ByteView frame_head,
      BodyPipe& body,
      std::size_t count,
      std::optional<std::uint64_t>& remaining
  );

 private:
  Bytes bytes_;
  std::size_t begin_ = 0;
};

}  // namespace whorl::http
