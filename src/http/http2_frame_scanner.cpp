#include "http/http2_frame_scanner.hpp"

#include <algorithm>

namespace whorl::http {
namespace {

constexpr std::uint8_t kData = 0;

}  // namespace

std::size_t Http2FrameScanner::pass(ByteView bytes) noexcept {
  data_stream_ = 0;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t rest = std::min(left_, bytes.size() - at);
    left_ -= rest;
    at += rest;
    const std::size_t count = std::min(head_.size() - have_, bytes.size() - at);
    std::copy_n(bytes.data() + at, count, head_.data() + have_);
    have_ += count;
    at += count;
    if (at == bytes.size()) {
      break;
    }
    // The head's last byte is looked at only: it is passed with the payload.
    have_ = 0;
    left_ = (std::size_t{head_[0]} << 16 | std::size_t{head_[1]} << 8 | head_[2]) + 1;
    if (head_[3] == kData) {
      const std::uint32_t number = std::uint32_t{head_[5]} << 24 | std::uint32_t{head_[6]} << 16 |
                                   std::uint32_t{head_[7]} << 8 | bytes[at];
      data_stream_ = static_cast<std::int32_t>(number & 0x7fff'ffff);
      break;
    }
  }
  return at;
}

}  // namespace whorl::http
