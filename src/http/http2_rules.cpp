// What a client of HTTP/2 sends, and where it goes too far: rules that it breaks, floods.
#include "http/http2_parts.hpp"
#include "http/http2_session.hpp"
#include "log/log.hpp"

#include <nghttp2/nghttp2.h>

#include <utility>

namespace whorl::http {
namespace {

bool is_client_fault(std::uint32_t code) noexcept {
  return code == NGHTTP2_PROTOCOL_ERROR || code == NGHTTP2_FLOW_CONTROL_ERROR ||
         code == NGHTTP2_STREAM_CLOSED || code == NGHTTP2_FRAME_SIZE_ERROR ||
         code == NGHTTP2_REFUSED_STREAM;
}

}  // namespace

void Http2Session::receive(ByteView bytes) {
  while (!bytes.empty() && !is_over()) {
    const std::size_t count = scanner_.pass(bytes);
    const auto taken = nghttp2_session_mem_recv(codec_, bytes.data(), count);
    if (taken < 0) {
      log::debug(
          "whorl::http",
          "{}: HTTP/2 ends: {}",
          client_address_,
          nghttp2_strerror(static_cast<int>(taken))
      );
      is_dead_ = true;
      return;
    }
    if (scanner_.data_stream() != 0) {
      on_data_begin(scanner_.data_stream());
    }
    bytes = bytes.subspan(count);
  }
}

/// The codec has seen all that came before.
void Http2Session::on_data_begin(std::int32_t id) {
  if (id <= last_id_) {
    judge_late(id);
  }
}

/// A frame of a request that may have ended. The codec passes over what it knows no stream of:
/// bodies and trailers of requests that were reset are among that.
void Http2Session::judge_late(std::int32_t id) {
  if (nghttp2_session_get_stream_user_data(codec_, id) != nullptr) {
    return;
  }
  if (ended_.contains(id)) {
    break_off(NGHTTP2_STREAM_CLOSED);
  } else {
    charge_frame();
  }
}

void Http2Session::on_frame_begin(std::uint8_t type, std::int32_t id) {
  if (type != NGHTTP2_CONTINUATION) {
    head_since_ = type == NGHTTP2_HEADERS ? core_.now : 0;
  }
  if (type == NGHTTP2_HEADERS) {
    // RFC 9113 §5.1.1: passing a number over closes its stream. The codec can't tell such a head
    // from trailers of a request that was reset.
    if (id > last_id_) {
      gap_ = id > last_id_ + 2 ? id - 2 : gap_;
      last_id_ = id;
    } else if (id == gap_) {
      break_off(NGHTTP2_PROTOCOL_ERROR);
    } else {
      judge_late(id);
    }
  }
  if (!is_bounded_elsewhere(type)) {
    charge_frame();
  }
}

/// The client has broken the rules.
void Http2Session::break_off(std::uint32_t code) {
  said_goodbye_ = true;
  nghttp2_session_terminate_session(codec_, code);
}

void Http2Session::on_client_reset(Http2Stream& stream, std::uint32_t code) {
  if (!stream.request_ended) {
    ended_.add(stream.id);
  }
  if (!stream.is_sent) {
    on_reset(code, By::Client);
  }
}

void Http2Session::on_reset(std::uint32_t code, By by) {
  if ((by == By::Client || is_client_fault(code)) && !resets_.take()) {
    calm_down();
  }
}

void Http2Session::charge_frame() {
  if (!frames_.take()) {
    calm_down();
  }
}

void Http2Session::calm_down() {
  if (!std::exchange(said_goodbye_, true)) {
    log::debug("whorl::http", "{}: HTTP/2 ends: too much of something", client_address_);
    nghttp2_session_terminate_session(codec_, NGHTTP2_ENHANCE_YOUR_CALM);
    owner_.on_session_wake();
  }
}

}  // namespace whorl::http
