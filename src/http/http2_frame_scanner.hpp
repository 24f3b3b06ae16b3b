/// Http2FrameScanner: where DATA frames begin in what a client of HTTP/2 sends.
///
/// The codec passes over DATA of streams that it does not know any more without a word; what those
/// are paid from, and whether they break the rules, is for the session to say. Private to the
/// server. @thread shard
/// @spec RFC 9113 §3.4 (preface), §4.1 (frames)
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace whorl::http {

class Http2FrameScanner {
 public:
  /// Passes over bytes up to the last one of the next head of a DATA frame, or over all of them.
  /// @return how many
  [[nodiscard]] std::size_t pass(ByteView bytes) noexcept;
  /// Whose DATA frame begins there: 0 if none does. A number that no stream has is as good as any.
  [[nodiscard]] std::int32_t data_stream() const noexcept { return data_stream_; }

 private:
  static constexpr std::size_t kPreface = 24;
  static constexpr std::size_t kHead = 9;

  std::size_t left_ = kPreface;  ///< bytes until the next head
  std::array<std::uint8_t, kHead - 1> head_{};
  std::size_t have_ = 0;  ///< bytes of the head
  std::int32_t data_stream_ = 0;
};

}  // namespace whorl::http
