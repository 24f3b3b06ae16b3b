// The answers of an HTTP/2 connection: heads, bodies, trailers.
#include "http/connection_fields.hpp"
#include "http/http2_session.hpp"
#include "http/limit_reports.hpp"
#include "wire/http1/body.hpp"
#include "wire/http1/request.hpp"
#include "wire/http1/syntax.hpp"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <vector>

namespace whorl::http {
namespace {

using wire::http1::equals_lower;

constexpr std::size_t kOutputBytes = 32 * 1024;

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

/// The length that a response states, if it states exactly one.
class StatedLength {
 public:
  void note(std::string_view text) noexcept {
    const auto length = wire::http1::parse_content_length(text);
    conflict_ |= !length || length_.value_or(*length) != *length;
    length_ = length;
  }
  [[nodiscard]] std::optional<std::uint64_t> value() const noexcept {
    return conflict_ ? std::nullopt : length_;
  }

 private:
  std::optional<std::uint64_t> length_;
  bool conflict_ = false;
};

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

/// What the codec asks for the next part of a body; nothing may escape into its C.
struct Http2Session::BodySource {
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
                             : static_cast<Http2Session*>(user)->on_body_wanted(
                                   *static_cast<Http2Stream*>(stream), most, *flags
                               );
  }
};

void Http2Session::submit_continue(Http2Stream& stream) {
  const std::array head{field_of(":status", "100")};
  nghttp2_submit_headers(
      codec_, NGHTTP2_FLAG_NONE, stream.id, nullptr, head.data(), head.size(), nullptr
  );
}

void Http2Session::begin_response(Http2Stream& stream) {
  Response& response = stream.exchange->response();
  if (stream.received > core_.options.max_body_bytes) {
    answer_too_long(response);
  }
  if (response.status < 200 || response.status > 999) {
    response.body->stop_reading();
    response = {.status = 500, .fields = {}, .body = BodyPipe::empty()};
  }
  stream.has_begun = true;
  stream.deadline = 0;
  stream.response_signal.stop();
  stream.response_body = response.body;
  BodyPipe& body = *response.body;
  body.demand();

  const fmt::format_int status(response.status);
  std::vector<nghttp2_nv> head;
  head.reserve(response.fields.size() + 3);
  head.push_back(field_of(":status", {status.data(), status.size()}));
  StatedLength stated;
  bool has_date = false;
  for (const Field& field : response.fields.lines()) {
    if (is_connection_field(field.name) || !is_sendable(field)) {
      continue;
    }
    if (equals_lower(field.name, "content-length")) {
      stated.note(field.value);
      continue;
    }
    has_date |= equals_lower(field.name, "date");
    head.push_back(field_of(field.name, field.value));
  }
  std::optional<std::uint64_t> length = stated.value();
  const bool is_complete = body.is_ended() && !body.failure().has_value();
  const bool without_content =
      stream.is_head_request || response.status == 204 || response.status == 304;
  if (!length && is_complete && !body.has_trailers() &&
      !(without_content && body.readable().empty())) {
    length = body.readable().size();
  }
  if (response.status == 204) {
    length.reset();  // RFC 9110 §8.6
  }
  const fmt::format_int length_text(length.value_or(0));
  if (length) {
    head.push_back(field_of("content-length", {length_text.data(), length_text.size()}));
  }
  if (!has_date) {
    head.push_back(field_of("date", core_.date()));
  }
  stream.remaining = length;
  const bool is_empty = without_content || (length == std::uint64_t{0} && !body.has_trailers());
  const nghttp2_data_provider source{.source = {}, .read_callback = BodySource::read};
  if (nghttp2_submit_response(
          codec_, stream.id, head.data(), head.size(), is_empty ? nullptr : &source
      ) != 0) {
    reset(stream, NGHTTP2_INTERNAL_ERROR);
  }
  if (is_empty) {
    body.stop_reading();
  }
  owner_.on_session_wake();
}

std::ptrdiff_t Http2Session::on_body_wanted(
    Http2Stream& stream, std::size_t most, std::uint32_t& flags
) {
  BodyPipe& body = *stream.response_body;
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
      // It failed, or is shorter than it said: the client must not take it for whole.
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    stream.is_parked = true;
    mark_dirty(stream);
    return NGHTTP2_ERR_DEFERRED;
  }
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (is_rest && count == available) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (ended_well && body.has_trailers()) {
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      submit_trailers(codec_, stream.id, *body.take_trailers());
    }
  }
  return static_cast<std::ptrdiff_t>(count);
}

int Http2Session::on_body_taken(Http2Stream& stream, ByteView frame_head, std::size_t count) {
  if (unsent() >= kOutputBytes) {
    return NGHTTP2_ERR_WOULDBLOCK;
  }
  out_.insert(out_.end(), frame_head.begin(), frame_head.end());
  BodyPipe& body = *stream.response_body;
  const ByteView data = body.readable().first(count);
  out_.insert(out_.end(), data.begin(), data.end());
  body.consume(count);
  if (stream.remaining) {
    *stream.remaining -= count;
  }
  stream.moved = true;
  frames_.add(4);
  return 0;
}

}  // namespace whorl::http
