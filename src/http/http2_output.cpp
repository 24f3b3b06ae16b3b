#include "http/http2_output.hpp"

#include <nghttp2/nghttp2.h>

namespace whorl::http {

bool Http2Output::fill(nghttp2_session& codec) {
  while (unsent() < kMost) {
    const std::uint8_t* data = nullptr;
    const auto count = nghttp2_session_mem_send(&codec, &data);
    if (count <= 0) {
      return count == 0;
    }
    bytes_.insert(bytes_.end(), data, data + count);
  }
  return true;
}

void Http2Output::sent(std::size_t count) noexcept {
  begin_ += count;
  if (begin_ == bytes_.size()) {
    bytes_.clear();
    begin_ = 0;
  }
}

void Http2Output::release_memory() noexcept {
  if (bytes_.empty()) {
    Bytes().swap(bytes_);
  }
}

bool Http2Output::take_data(
    ByteView frame_head, BodyPipe& body, std::size_t count, std::optional<std::uint64_t>& remaining
) {
  if (unsent() >= kMost) {
    return false;
  }
  bytes_.insert(bytes_.end(), frame_head.begin(), frame_head.end());
  const ByteView data = body.readable().first(count);
  bytes_.insert(bytes_.end(), data.begin(), data.end());
  body.consume(count);
  if (remaining) {
    *remaining -= count;
  }
  return true;
}

}  // namespace whorl::http
