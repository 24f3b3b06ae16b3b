// What nghttp2 calls for our requests, how it is set up, and how a request is given to it. Nothing
// may escape from these functions into its C.
#include "http/connection_fields.hpp"
#include "http/http2_client_session.hpp"
#include "http/http2_extensions.hpp"
#include "wire/http1/body.hpp"
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

constexpr std::size_t kOutputBytes = 32 * 1024;
// Frames of one head beyond its first.
constexpr std::size_t kMaxContinuations = 8;
// Answers to PING and SETTINGS that wait for a server who does not read.
constexpr std::size_t kMaxAcks = 256;
constexpr std::size_t kMaxSettings = 32;
// Fields of one request.
constexpr std::size_t kMaxHeadSent = 512 * 1024;
// What is remembered of our fields (RFC 7541 §4.2), whatever the server would remember.
constexpr std::size_t kHpackTable = 4096;

template <auto Free>
struct FreeCodec {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using CallbackTable =
    std::unique_ptr<nghttp2_session_callbacks, FreeCodec<nghttp2_session_callbacks_del>>;
using Options = std::unique_ptr<nghttp2_option, FreeCodec<nghttp2_option_del>>;

std::string_view view(const std::uint8_t* data, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(data), size};
}

nghttp2_nv field_of(std::string_view name, std::string_view value) noexcept {
  // The codec copies both, and makes names small.
  return {
      .name = const_cast<std::uint8_t*>(as_bytes(name).data()),
      .value = const_cast<std::uint8_t*>(as_bytes(value).data()),
      .namelen = name.size(),
      .valuelen = value.size(),
      .flags = NGHTTP2_NV_FLAG_NONE,
  };
}

bool is_sendable(const Field& field) noexcept {
  return wire::http1::is_token(field.name) && wire::http1::is_field_content(field.value);
}

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

void submit_trailers(nghttp2_session* codec, std::int32_t id, const Fields& trailers) {
  std::vector<nghttp2_nv> fields;
  for (const Field& field : trailers.lines()) {
    if (is_sendable(field) && !wire::http1::is_forbidden_trailer(field.name)) {
      fields.push_back(field_of(field.name, field.value));
    }
  }
  nghttp2_submit_trailer(codec, id, fields.data(), fields.size());
}

}  // namespace

struct Http2ClientSession::Callbacks {
  static Http2ClientSession& self(void* user) noexcept {
    return *static_cast<Http2ClientSession*>(user);
  }
  static Http2ClientStream* stream_of(nghttp2_session* codec, std::int32_t id) noexcept {
    return static_cast<Http2ClientStream*>(nghttp2_session_get_stream_user_data(codec, id));
  }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) noexcept {
    self(user).on_frame_begin(head->type);
    return 0;
  }

  static int header(
      nghttp2_session* codec,
      const nghttp2_frame* frame,
      const std::uint8_t* name,
      std::size_t name_size,
      const std::uint8_t* value,
      std::size_t value_size,
      std::uint8_t /*flags*/,
      void* user
  ) noexcept {
    if (Http2ClientStream* stream = stream_of(codec, frame->hd.stream_id)) {
      self(user).on_field(*stream, view(name, name_size), view(value, value_size));
    }
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
        session.on_goodbye();
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

  static int send_data(
      nghttp2_session* codec,
      nghttp2_frame* frame,
      const std::uint8_t* head,
      std::size_t size,
      nghttp2_data_source* /*source*/,
      void* user
  ) noexcept {
    Http2ClientStream* stream = stream_of(codec, frame->hd.stream_id);
    return stream == nullptr ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE
                             : self(user).on_body_taken(*stream, {head, 9}, size);
  }

  static const nghttp2_session_callbacks* table() {
    static const CallbackTable table = [] {
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
      return CallbackTable(made);
    }();
    return table.get();
  }

  static const nghttp2_option* options() {
    static const Options options = [] {
      nghttp2_option* made = nullptr;
      if (nghttp2_option_new(&made) == 0) {
        // Windows of streams are given back as guests read, not as bytes arrive.
        nghttp2_option_set_no_auto_window_update(made, 1);
        nghttp2_option_set_max_continuations(made, kMaxContinuations);
        nghttp2_option_set_max_outbound_ack(made, kMaxAcks);
        nghttp2_option_set_max_settings(made, kMaxSettings);
        nghttp2_option_set_max_reserved_remote_streams(made, 0);
        hear_of_extensions(*made);
        nghttp2_option_set_max_send_header_block_length(made, kMaxHeadSent);
        nghttp2_option_set_max_deflate_dynamic_table_size(made, kHpackTable);
      }
      return Options(made);
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

/// What the codec asks for the next part of a body; nothing may escape into its C.
struct Http2ClientSession::BodySource {
  static ssize_t read(
      nghttp2_session* codec,
      std::int32_t id,
      std::uint8_t* /*buffer*/,
      std::size_t most,
      std::uint32_t* flags,
      nghttp2_data_source* /*source*/,
      void* user
  ) noexcept {
    void* stream = nghttp2_session_get_stream_user_data(codec, id);
    return stream == nullptr ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE
                             : static_cast<Http2ClientSession*>(user)->on_body_wanted(
                                   *static_cast<Http2ClientStream*>(stream), most, *flags
                               );
  }
};

std::int32_t Http2ClientSession::submit(Http2ClientStream& stream) {
  const Request& request = stream.exchange->request();
  std::vector<nghttp2_nv> head;
  head.reserve(request.fields.size() + 5);
  head.push_back(field_of(":method", request.method));
  head.push_back(field_of(":scheme", request.scheme == Scheme::Https ? "https" : "http"));
  head.push_back(field_of(":authority", request.authority));
  head.push_back(field_of(":path", request.path_and_query));
  std::optional<std::uint64_t> announced;
  for (const Field& field : request.fields.lines()) {
    if (equals_lower(field.name, "content-length")) {
      announced = wire::http1::parse_content_length(field.value);
    } else if (goes_along(field)) {
      head.push_back(field_of(field.name, field.value));
    }
  }
  stream.body = request.body;
  if (stream.body == nullptr && (announced || !expects_no_body(request.method))) {
    announced = 0;
  }
  const fmt::format_int length(announced.value_or(0));
  if (announced) {
    head.push_back(field_of("content-length", {length.data(), length.size()}));
  }
  stream.remaining = announced;
  const nghttp2_data_provider source{.source = {}, .read_callback = BodySource::read};
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
  reset(*stream, NGHTTP2_INTERNAL_ERROR);
  fail(*stream, ClientFailure::Protocol, "the request cannot be sent");
}

std::ptrdiff_t Http2ClientSession::on_body_wanted(
    Http2ClientStream& stream, std::size_t most, std::uint32_t& flags
) {
  BodyPipe& body = *stream.body;
  std::size_t available = body.readable().size();
  const bool ended_well = body.is_ended() && !body.failure().has_value();
  bool is_rest = ended_well;
  if (stream.remaining) {
    available = static_cast<std::size_t>(std::min<std::uint64_t>(available, *stream.remaining));
    is_rest = available == *stream.remaining;
  }
  const std::size_t count = std::min(available, most);
  if (count == 0 && !is_rest) {
    if (body.is_ended()) {
      // The server must not take it for whole.
      fail(stream, ClientFailure::Protocol, "the request's body ended before its length");
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    stream.is_parked = true;
    mark_dirty(stream);
    return NGHTTP2_ERR_DEFERRED;
  }
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  stream.has_taken_body |= count > 0;
  if (is_rest && count == available) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (ended_well && body.has_trailers()) {
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      stream.has_taken_body = true;
      submit_trailers(codec_, stream.id, *body.take_trailers());
    }
  }
  return static_cast<std::ptrdiff_t>(count);
}

int Http2ClientSession::on_body_taken(
    Http2ClientStream& stream, ByteView frame_head, std::size_t count
) {
  if (out_.size() - out_begin_ >= kOutputBytes) {
    return NGHTTP2_ERR_WOULDBLOCK;
  }
  out_.insert(out_.end(), frame_head.begin(), frame_head.end());
  BodyPipe& body = *stream.body;
  const ByteView data = body.readable().first(count);
  out_.insert(out_.end(), data.begin(), data.end());
  body.consume(count);
  if (stream.remaining) {
    *stream.remaining -= count;
  }
  frames_.add(4);
  return 0;
}

}  // namespace whorl::http
