#include "http/http2_stream.hpp"

#include "http/http2_session.hpp"
#include "http/server.hpp"
#include "wire/http1/body.hpp"
#include "wire/http1/request.hpp"

#include <algorithm>
#include <string>

namespace whorl::http {
namespace {

using wire::http1::equals_lower;

constexpr std::size_t kMaxTrailers = 64;
constexpr std::size_t kTrailerBytes = 16 * 1024;
constexpr std::size_t kMethodBytes = 64;

void refuse(Http2Stream& stream, std::uint16_t status) noexcept {
  if (stream.refusal == 0) {
    stream.refusal = status;
  }
}

void take_trailer(Http2Stream& stream, std::string_view name, std::string_view value) {
  stream.head_bytes += name.size() + value.size();
  if (stream.trailers == nullptr) {
    stream.trailers = std::make_unique<Fields>();
  }
  if (stream.trailers->size() < kMaxTrailers && stream.head_bytes <= kTrailerBytes &&
      !wire::http1::is_forbidden_trailer(name)) {
    stream.trailers->append(std::string(name), std::string(value));
  }
}

void take_pseudo(
    Http2Stream& stream, std::string_view name, std::string_view value, const ServerOptions& options
) {
  Request& request = stream.exchange->request();
  if (name == ":method") {
    request.method = value;
    stream.is_head_request = value == "HEAD";
    if (value == "CONNECT" || value.size() > kMethodBytes) {
      refuse(stream, 400);
    }
  } else if (name == ":path") {
    request.path_and_query = value;
    if (value.size() > options.head.target_bytes) {
      refuse(stream, 414);
    }
  } else if (name == ":authority") {
    request.authority = value;
    // RFC 9113 §8.3.1: who knows only HTTP/1.1 finds it where it would be there.
    request.fields.append("host", std::string(value));
  }
}

bool is_target(const Request& request) noexcept {
  const std::string& target = request.path_and_query;
  return target.starts_with('/') ? wire::http1::is_path_and_query(target)
                                 : target == "*" && request.method == "OPTIONS";
}

/// RFC 9113 §8.2.3: the crumbs of a cookie are one field to everybody else.
bool join_cookie(Fields& fields, std::string_view value) {
  for (Field& field : fields.lines()) {
    if (field.name == "cookie") {
      field.value.append("; ").append(value);
      return true;
    }
  }
  return false;
}

/// @return whether the field is not to be kept
bool note_field(Http2Stream& stream, std::string_view name, std::string_view value) {
  Request& request = stream.exchange->request();
  if (name == "host") {
    if (request.authority.empty()) {
      request.authority = value;
      return false;
    }
    if (!equals_ignoring_case(request.authority, value)) {
      refuse(stream, 400);
    }
    return true;
  }
  if (name == "content-length") {
    const auto length = wire::http1::parse_content_length(value);
    if (!length || stream.request_length) {
      refuse(stream, 400);
    }
    stream.request_length = length;
  } else if (name == "expect") {
    stream.expects_continue = equals_lower(value, "100-continue");
    if (!stream.expects_continue) {
      refuse(stream, 417);
    }
  } else if (name == "cookie") {
    return join_cookie(request.fields, value);
  }
  return false;
}

}  // namespace

void Http2Stream::take_field(
    std::string_view name, std::string_view value, const ServerOptions& options
) {
  if (head_is_complete) {
    take_trailer(*this, name, value);
    return;
  }
  head_bytes += name.size() + value.size() + 4;
  Fields& fields = exchange->request().fields;
  if (head_bytes > options.head.fields_bytes + options.head.target_bytes ||
      fields.size() > options.head.fields) {
    refuse(*this, 431);
  }
  if (refusal != 0) {
    return;
  }
  if (name.starts_with(':')) {
    take_pseudo(*this, name, value, options);
  } else if (!note_field(*this, name, value)) {
    fields.append(std::string(name), std::string(value));
  }
}

void Http2Stream::finish_head(const ServerOptions& options) {
  head_is_complete = true;
  head_bytes = 0;
  const Request& request = exchange->request();
  if (refusal == 0 && !(wire::http1::is_host(request.authority) && is_target(request))) {
    refusal = 400;
  }
  if (refusal == 0 && request_length.value_or(0) > options.max_body_bytes) {
    refusal = 413;
  }
  expects_continue &= !request_ended;
  request_body =
      request_ended ? BodyPipe::empty() : make_local<BodyPipe>(options.body_buffer_bytes);
  exchange->request().body = request_body;
}

std::uint64_t Http2Stream::take_consumed() noexcept {
  if (request_body == nullptr) {
    return 0;
  }
  const std::uint64_t now = received - request_body->readable().size();
  const std::uint64_t more = now - consumed;
  consumed = now;
  return more;
}

Http2Stream::Wait Http2Stream::waits_for() const noexcept {
  if (has_begun && !is_sent && !is_parked) {
    return Wait::Write;
  }
  if (request_body != nullptr && !request_ended && !request_body->is_ended() &&
      (is_sent || request_body->reader_gone() ||
       (request_body->is_demanded() && request_body->readable().empty()))) {
    return Wait::Body;
  }
  return Wait::None;
}

void Http2Signal::on_event() noexcept {
  session_.mark_dirty(stream_);
}

}  // namespace whorl::http
