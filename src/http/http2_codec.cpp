// What nghttp2 calls, and how it is set up. Nothing may escape from these functions into its C.
#include "http/http2_extensions.hpp"
#include "http/http2_parts.hpp"
#include "http/http2_session.hpp"

#include <nghttp2/nghttp2.h>

namespace whorl::http {
namespace {

// The codec's own limit on resets stands behind ours.
constexpr std::uint64_t kResetBurst = 10'000;
constexpr std::uint64_t kResetRate = 1000;
}  // namespace

struct Http2Session::Callbacks : Http2Hooks<Http2Session, Http2Stream> {
  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) noexcept {
    self(user).on_frame_begin(head->type, head->stream_id);
    return 0;
  }

  static int begin_headers(
      nghttp2_session* codec, const nghttp2_frame* frame, void* user
  ) noexcept {
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      self(user).on_head_begin(frame->hd.stream_id);
    } else {
      self(user).on_trailers_begin(stream_of(codec, frame->hd.stream_id));
    }
    return 0;
  }

  /// As often as there are fields: without a look at the codec's streams.
  static int field_received(
      nghttp2_session*,
      const nghttp2_frame*,
      const std::uint8_t* name,
      std::size_t name_size,
      const std::uint8_t* value,
      std::size_t value_size,
      std::uint8_t /*flags*/,
      void* user
  ) noexcept {
    Http2Session& session = self(user);
    if (session.receiving_ != nullptr) {
      session.on_field(*session.receiving_, to_text(name, name_size), to_text(value, value_size));
    }
    return 0;
  }

  static int frame_received(
      nghttp2_session* codec, const nghttp2_frame* frame, void* user
  ) noexcept {
    Http2Session& session = self(user);
    Http2Stream* stream = stream_of(codec, frame->hd.stream_id);
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        session.on_head_over();
        if (stream != nullptr) {
          session.on_head_end(*stream, frame->headers.cat == NGHTTP2_HCAT_REQUEST, ends);
        }
        break;
      case NGHTTP2_DATA:
        if (frame->hd.length <= frame->data.padlen && !ends) {
          session.charge_frame();
        }
        if (stream != nullptr && ends) {
          session.on_request_end(*stream);
        }
        break;
      case NGHTTP2_SETTINGS:
        session.on_settings();
        break;
      case NGHTTP2_RST_STREAM:
        if (stream != nullptr) {
          session.on_client_reset(*stream, frame->rst_stream.error_code);
        }
        break;
      default:
        break;
    }
    return 0;
  }

  static int frame_refused(
      nghttp2_session*, const nghttp2_frame*, int /*error*/, void* user
  ) noexcept {
    self(user).on_head_over();
    return 0;
  }

  static int data_received(
      nghttp2_session* codec,
      std::uint8_t /*flags*/,
      std::int32_t id,
      const std::uint8_t* data,
      std::size_t size,
      void* user
  ) noexcept {
    if (Http2Stream* stream = stream_of(codec, id)) {
      self(user).on_data(*stream, {data, size});
    } else {
      nghttp2_session_consume_connection(codec, size);
    }
    return 0;
  }

  static int frame_sent(nghttp2_session* codec, const nghttp2_frame* frame, void* user) noexcept {
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) && ends) {
      if (Http2Stream* stream = stream_of(codec, frame->hd.stream_id)) {
        self(user).on_sent_end(*stream);
      }
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
      self(user).on_reset(frame->rst_stream.error_code, By::Us);
    }
    return 0;
  }

  static int frame_not_sent(
      nghttp2_session* codec, const nghttp2_frame* frame, int /*error*/, void* /*user*/
  ) noexcept {
    if (frame->hd.type == NGHTTP2_HEADERS && stream_of(codec, frame->hd.stream_id) != nullptr) {
      nghttp2_submit_rst_stream(
          codec, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR
      );
    }
    return 0;
  }

  static int stream_closed(
      nghttp2_session* codec, std::int32_t id, std::uint32_t /*code*/, void* user
  ) noexcept {
    if (Http2Stream* stream = stream_of(codec, id)) {
      nghttp2_session_set_stream_user_data(codec, id, nullptr);
      self(user).on_close(*stream);
    }
    return 0;
  }

  static const nghttp2_session_callbacks* table() {
    static const Http2CallbackTable table = [] {
      nghttp2_session_callbacks* made = nullptr;
      if (nghttp2_session_callbacks_new(&made) == 0) {
        nghttp2_session_callbacks_set_on_begin_frame_callback(made, begin_frame);
        nghttp2_session_callbacks_set_on_begin_headers_callback(made, begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(made, field_received);
        nghttp2_session_callbacks_set_on_frame_recv_callback(made, frame_received);
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, frame_refused);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, data_received);
        nghttp2_session_callbacks_set_on_frame_send_callback(made, frame_sent);
        nghttp2_session_callbacks_set_on_frame_not_send_callback(made, frame_not_sent);
        nghttp2_session_callbacks_set_on_stream_close_callback(made, stream_closed);
        nghttp2_session_callbacks_set_send_data_callback(made, send_data);
        pass_over_extensions(*made);
      }
      return Http2CallbackTable(made);
    }();
    return table.get();
  }

  static const nghttp2_option* options() {
    static const Http2Options options = [] {
      Http2Options made = make_http2_options();
      if (made != nullptr) {
        nghttp2_option_set_stream_reset_rate_limit(made.get(), kResetBurst, kResetRate);
        nghttp2_option_set_no_closed_streams(made.get(), 1);
      }
      return made;
    }();
    return options.get();
  }
};

nghttp2_session* Http2Session::make_codec() {
  nghttp2_session* codec = nullptr;
  if (Callbacks::table() != nullptr && Callbacks::options() != nullptr) {
    // On failure the pointer stays null.
    (void)nghttp2_session_server_new2(&codec, Callbacks::table(), this, Callbacks::options());
  }
  return codec;
}

}  // namespace whorl::http
