#include "http/request_writer.hpp"

#include "wire/http1/body.hpp"
#include "wire/http1/request.hpp"
#include "wire/http1/response.hpp"
#include "wire/http1/syntax.hpp"

#include <algorithm>
#include <string_view>

namespace whorl::http {
namespace {

using wire::http1::equals_lower;

/// Fields of the connection (RFC 9110 §7.6.1) and the host, which the authority gives.
bool is_ours(std::string_view name) {
  constexpr std::array<std::string_view, 7> kOurs{
      "connection",
      "host",
      "http2-settings",
      "keep-alive",
      "proxy-connection",
      "transfer-encoding",
      "upgrade",
  };
  return std::ranges::any_of(kOurs, [name](std::string_view ours) {
    return equals_lower(name, ours);
  });
}

/// Bytes that end no word of a request line early.
bool is_one_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

/// Methods for which no body and an empty one are the same (RFC 9110 §9.3).
bool expects_no_body(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

}  // namespace

void RequestWriter::append_fields(const Request& request) {
  for (const Field& field : request.fields.lines()) {
    // A line that is no field line would let its author write the rest of the request.
    if (is_ours(field.name) || !wire::http1::is_token(field.name) ||
        !wire::http1::is_field_content(field.value)) {
      continue;
    }
    if (equals_lower(field.name, "content-length")) {
      announced_ = wire::http1::parse_content_length(field.value);
      continue;
    }
    wire::http1::append_field(head_, field.name, field.value);
  }
}

void RequestWriter::choose_framing(const Request& request) {
  body_ = request.body;
  state_ = body_ == nullptr ? State::Done : State::Streaming;
  if (body_ == nullptr) {
    framing_ = Framing::None;
    if (announced_ || !expects_no_body(request.method)) {
      wire::http1::append_content_length(head_, 0);
    }
  } else if (announced_) {
    framing_ = Framing::Length;
    remaining_ = *announced_;
    wire::http1::append_content_length(head_, remaining_);
  } else {
    framing_ = Framing::Chunked;
    head_.append("transfer-encoding: chunked\r\n");
  }
}

bool RequestWriter::is_requestable(const Request& request) {
  const bool has_target = request.path_and_query.starts_with('/') ||
                          (request.method == "OPTIONS" && request.path_and_query == "*");
  return wire::http1::is_token(request.method) && request.method != "CONNECT" && has_target &&
         is_one_word(request.path_and_query) && is_one_word(request.authority);
}

void RequestWriter::begin(const Request& request) {
  head_.clear();
  tail_.clear();
  head_sent_ = tail_sent_ = part_ = 0;
  announced_.reset();
  head_.append(request.method).append(" ").append(request.path_and_query).append(" HTTP/1.1\r\n");
  wire::http1::append_field(head_, "host", request.authority);
  append_fields(request);
  choose_framing(request);
  head_.append("\r\n");
}

void RequestWriter::append_last_chunk(std::string& out) {
  out.append("0\r\n");
  if (const auto trailers = body_->take_trailers()) {
    for (const Field& field : trailers->lines()) {
      if (wire::http1::is_token(field.name) && wire::http1::is_field_content(field.value) &&
          !wire::http1::is_forbidden_trailer(field.name)) {
        wire::http1::append_field(out, field.name, field.value);
      }
    }
  }
  out.append("\r\n");
}

/// Takes the next part of the body, once the one before is sent.
void RequestWriter::pull() {
  if (state_ != State::Streaming || part_ > 0 || tail_sent_ < tail_.size()) {
    return;
  }
  std::size_t available = body_->readable().size();
  const bool ended_well = body_->is_ended() && !body_->failure().has_value();
  if (framing_ == Framing::Length) {
    available = static_cast<std::size_t>(std::min<std::uint64_t>(available, remaining_));
    remaining_ -= available;
    part_ = available;
    if (remaining_ == 0) {
      state_ = State::Done;
    } else if (available == 0 && body_->is_ended()) {
      state_ = State::Cut;
    } else if (available == 0) {
      body_->demand();
    }
  } else if (available > 0) {
    head_.append(wire::http1::encode_chunk_size(available).view());
    part_ = available;
    tail_.append("\r\n");
    if (ended_well) {
      append_last_chunk(tail_);
      state_ = State::Done;
    }
  } else if (ended_well) {
    append_last_chunk(head_);
    state_ = State::Done;
  } else if (body_->is_ended()) {
    state_ = State::Cut;
  } else {
    body_->demand();
  }
  taken_body_ |= part_ > 0 || state_ == State::Done;
}

RequestWriter::Parts RequestWriter::parts() {
  pull();
  Parts parts{};
  if (head_sent_ < head_.size()) {
    parts[0] = as_bytes(std::string_view(head_).substr(head_sent_));
  }
  if (part_ > 0) {
    parts[1] = body_->readable().first(part_);
  }
  if (tail_sent_ < tail_.size()) {
    parts[2] = as_bytes(std::string_view(tail_).substr(tail_sent_));
  }
  return parts;
}

void RequestWriter::sent(std::size_t count) {
  const std::size_t of_head = std::min(count, head_.size() - head_sent_);
  head_sent_ += of_head;
  count -= of_head;
  if (head_sent_ == head_.size()) {
    head_.clear();
    head_sent_ = 0;
  }
  const std::size_t of_part = std::min(count, part_);
  if (of_part > 0) {
    part_ -= of_part;
    count -= of_part;
    body_->consume(of_part);
  }
  tail_sent_ += count;
  if (tail_sent_ == tail_.size()) {
    tail_.clear();
    tail_sent_ = 0;
  }
}

}  // namespace whorl::http
