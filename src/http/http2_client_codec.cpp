// What nghttp2 calls for our requests, how it is set up, and how a request is given to it. Nothing
// may escape from these functions into its C.
#include "http/connection_fields.hpp"
#include "http/http2_client_session.hpp"
#include "http/http2_extensions.hpp"
#include "http/http2_parts.hpp"
#include "wire/http1/request.hpp"
#include "wire/http1/syntax.hpp"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace whorl::http {
namespace {

using wire::http1::equals_lower;

/// Whether a field of a request goes along: not what is about a connection (RFC 9113 §8.2.2), but
/// the one word about trailers; the authority stands for the host.
bool goes_along(const Field& field) noexcept {
  if (equals_lower(field.name, "te")) {
    return equals_lower(field.value, "trailers");
  }
  return is_sendable(field) && !is_connection_field(field.name) &&
         !equals_lower(field.name, "host");
}

/// Methods for which no body and an empty one are the same (RFC 9110 §9.3).
bool expects_no_body(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD";
}

}  // namespace

struct Http2ClientSession::Callbacks : Http2Hooks<Http2ClientSession, Http2ClientStream> {
  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) noexcept {
    self(user).on_frame_begin(head->type);
    return 0;
  }

  static int frame_received(
      nghttp2_session* codec, const nghttp2_frame* frame, void* user
  ) noexcept {
    Http2ClientSession& session = self(user);
    Http2ClientStream* stream = stream_of(codec, frame->hd.stream_id);
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (stream != nullptr) {
          session.on_head_end(*stream, ends);
        }
        break;
      case NGHTTP2_DATA:
        if (frame->hd.length <= frame->data.padlen && !ends) {
          session.charge_frame();
        }
        if (stream != nullptr && ends) {
          session.on_answer_end(*stream);
        }
        break;
      case NGHTTP2_SETTINGS:
        session.on_settings();
        break;
      case NGHTTP2_GOAWAY:
        session.on_goodbye(frame->goaway.error_code);
        break;
      default:
        break;
    }
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
    if (Http2ClientStream* stream = stream_of(codec, id)) {
      self(user).on_data(*stream, {data, size});
    }
    nghttp2_session_consume_connection(codec, size);
    return 0;
  }

  static int frame_sent(nghttp2_session* codec, const nghttp2_frame* frame, void*) noexcept {
    const bool is_message = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    Http2ClientStream* stream = is_message ? stream_of(codec, frame->hd.stream_id) : nullptr;
    if (stream != nullptr) {
      stream->has_sent_head = true;
      stream->is_sent |= (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    }
    return 0;
  }

  static int frame_not_sent(
      nghttp2_session*, const nghttp2_frame* frame, int error, void* user
  ) noexcept {
    if (frame->hd.type == NGHTTP2_HEADERS) {
      self(user).on_not_sent(frame->hd.stream_id, error);
    }
    return 0;
  }

  static int stream_closed(
      nghttp2_session* codec, std::int32_t id, std::uint32_t code, void* user
  ) noexcept {
    if (Http2ClientStream* stream = stream_of(codec, id)) {
      self(user).on_close(*stream, code);
    }
    return 0;
  }

  static const nghttp2_session_callbacks* table() {
    static const Http2CallbackTable table = [] {
      nghttp2_session_callbacks* made = nullptr;
      if (nghttp2_session_callbacks_new(&made) == 0) {
        nghttp2_session_callbacks_set_on_begin_frame_callback(made, begin_frame);
        nghttp2_session_callbacks_set_on_header_callback(made, header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(made, frame_received);
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
        nghttp2_option_set_max_reserved_remote_streams(made.get(), 0);
      }
      return made;
    }();
    return options.get();
  }
};

nghttp2_session* Http2ClientSession::make_codec() {
  nghttp2_session* codec = nullptr;
  if (Callbacks::table() != nullptr && Callbacks::options() != nullptr) {
    // On failure the pointer stays null.
    (void)nghttp2_session_client_new2(&codec, Callbacks::table(), this, Callbacks::options());
  }
  return codec;
}

// --- a request -------------------------------------------------------------------------------

std::int32_t Http2ClientSession::submit(Http2ClientStream& stream) {
  const Request& request = stream.exchange->request();
  std::vector<nghttp2_nv> head;
  head.reserve(request.fields.size() + 5);
  head.push_back(http2_field(":method", request.method));
  head.push_back(http2_field(":scheme", request.scheme == Scheme::Https ? "https" : "http"));
  head.push_back(http2_field(":authority", request.authority));
  head.push_back(http2_field(":path", request.path_and_query));
  std::optional<std::uint64_t> announced;
  for (const Field& field : request.fields.lines()) {
    if (equals_lower(field.name, "content-length")) {
      announced = wire::http1::parse_content_length(field.value);
    } else if (goes_along(field)) {
      head.push_back(http2_field(field.name, field.value));
    }
  }
  stream.body = request.body;
  if (stream.body == nullptr && (announced || !expects_no_body(request.method))) {
    announced = 0;
  }
  const fmt::format_int length(announced.value_or(0));
  if (announced) {
    head.push_back(http2_field("content-length", {length.data(), length.size()}));
  }
  stream.remaining = announced;
  const nghttp2_data_provider source{.source = {}, .read_callback = Callbacks::read_body};
  if (stream.body != nullptr) {
    stream.body->demand();
  }
  return nghttp2_submit_request(
      codec_, nullptr, head.data(), head.size(), stream.body == nullptr ? nullptr : &source, &stream
  );
}

void Http2ClientSession::on_not_sent(std::int32_t id, int error) {
  // A stream whose head did not go out is not known to the codec.
  const auto found = std::ranges::find(streams_, id, [](const auto& each) { return each->id; });
  if (found == streams_.end()) {
    return;
  }
  const std::shared_ptr<Http2ClientStream> stream = *found;
  // A goodbye came before it; else its head is too long.
  stream->is_refused =
      error == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED || error == NGHTTP2_ERR_SESSION_CLOSING;
  stream->needs_http1 = stream->is_refused && wants_http1_;
  reset(*stream, NGHTTP2_INTERNAL_ERROR);
  fail(*stream, ClientFailure::Protocol, "the request cannot be sent");
}

std::ptrdiff_t Http2ClientSession::on_body_wanted(
    Http2ClientStream& stream, std::size_t most, std::uint32_t& flags
) {
  const auto offered =
      offer_http2_body(*codec_, stream.id, *stream.body, stream.remaining, most, flags);
  if (offered == NGHTTP2_ERR_DEFERRED) {
    stream.is_parked = true;
    mark_dirty(stream);
  } else if (offered < 0) {
    fail(stream, ClientFailure::Protocol, "the request's body ended before its length");
  } else {
    const bool has_taken_trailers = (flags & NGHTTP2_DATA_FLAG_NO_END_STREAM) != 0;
    stream.has_taken_body |= offered > 0 || has_taken_trailers;
  }
  return offered;
}

int Http2ClientSession::on_body_taken(
    Http2ClientStream& stream, ByteView frame_head, std::size_t count
) {
  if (!out_.take_data(frame_head, *stream.body, count, stream.remaining)) {
    return NGHTTP2_ERR_WOULDBLOCK;
  }
  frames_.add(4);
  return 0;
}

}  // namespace whorl::http
