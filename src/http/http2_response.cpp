// The answers of an HTTP/2 connection: heads, bodies, trailers.
#include "http/connection_fields.hpp"
#include "http/http2_parts.hpp"
#include "http/http2_session.hpp"
#include "http/limit_reports.hpp"
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

/// The fields of a response, nearly always few.
class Head {
 public:
  /// @param most  how many there may be
  explicit Head(std::size_t most) {
    if (most > few_.size()) {
      many_.resize(most);
    }
  }
  void add(const nghttp2_nv& field) noexcept { data()[size_++] = field; }
  [[nodiscard]] nghttp2_nv* data() noexcept { return many_.empty() ? few_.data() : many_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::array<nghttp2_nv, 16> few_;
  std::vector<nghttp2_nv> many_;
  std::size_t size_ = 0;
};

}  // namespace

void Http2Session::submit_continue(Http2Stream& stream) {
  const std::array head{http2_field(":status", "100")};
  nghttp2_submit_headers(
      codec_, NGHTTP2_FLAG_NONE, stream.id, nullptr, head.data(), head.size(), nullptr
  );
}

void Http2Session::begin_response(Http2Stream& stream) {
  Response& response = stream.exchange->response();
  if (stream.received > core_.options.max_body_bytes) {
    answer_instead(response, 413);
  } else if (stream.is_late) {
    answer_instead(response, 408);
  }
  if (response.status < 200 || response.status > 999) {
    response.body->stop_reading();
    response = {.status = 500, .fields = {}, .body = BodyPipe::empty()};
  }
  stream.has_begun = true;
  stream.deadline = 0;
  stream.pace.start();
  stream.response_signal.stop();
  stream.response_body = response.body;
  BodyPipe& body = *response.body;
  body.demand();

  const fmt::format_int status(response.status);
  Head head(response.fields.size() + 3);
  head.add(http2_own_field(":status", {status.data(), status.size()}));
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
    head.add(http2_field(field.name, field.value));
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
    head.add(http2_own_field("content-length", {length_text.data(), length_text.size()}));
  }
  if (!has_date) {
    head.add(http2_own_field("date", core_.date()));
  }
  stream.remaining = length;
  const bool is_empty = without_content || (length == std::uint64_t{0} && !body.has_trailers());
  const nghttp2_data_provider source{
      .source = {}, .read_callback = Http2Hooks<Http2Session, Http2Stream>::read_body
  };
  if (nghttp2_submit_response(
          codec_, stream.id, head.data(), head.size(), is_empty ? nullptr : &source
      ) != 0) {
    reset(stream, NGHTTP2_INTERNAL_ERROR);
  }
  if (is_empty) {
    body.finish_reading();
  }
  owner_.on_session_wake();
}

std::ptrdiff_t Http2Session::on_body_wanted(
    Http2Stream& stream, std::size_t most, std::uint32_t& flags
) {
  const auto offered =
      offer_http2_body(*codec_, stream.id, *stream.response_body, stream.remaining, most, flags);
  if (offered == NGHTTP2_ERR_DEFERRED) {
    stream.is_parked = true;
    mark_dirty(stream);
  }
  return offered;
}

int Http2Session::on_body_taken(Http2Stream& stream, ByteView frame_head, std::size_t count) {
  if (!out_.take_data(frame_head, *stream.response_body, count, stream.remaining)) {
    return NGHTTP2_ERR_WOULDBLOCK;
  }
  stream.moved = true;
  stream.taken += count;
  frames_.add(4);
  return 0;
}

}  // namespace whorl::http
