#include "http/response_writer.hpp"

#include "base/check.hpp"
#include "http/connection_fields.hpp"
#include "wire/http1/body.hpp"
#include "wire/http1/response.hpp"
#include "wire/http1/syntax.hpp"

#include <algorithm>

namespace whorl::http {
namespace {

using wire::http1::equals_lower;
using wire::http1::Version;

constexpr std::size_t kTypicalHead = 256;

bool is_possible_status(std::uint16_t status) {
  return status >= 200 && status <= 999;
}

}  // namespace

void ResponseWriter::queue_continue() {
  head_.append("HTTP/1.1 100 Continue\r\n\r\n");
}

/// @return whether the guest gave a date
bool ResponseWriter::append_fields(const Response& response) {
  bool has_date = false;
  bool conflict = false;
  for (const Field& field : response.fields.lines()) {
    // A line that is no field line would let its author write the rest of the response.
    if (is_connection_field(field.name) || !wire::http1::is_token(field.name) ||
        !wire::http1::is_field_content(field.value)) {
      continue;
    }
    if (equals_lower(field.name, "content-length")) {
      const auto length = wire::http1::parse_content_length(field.value);
      conflict |= !length || guest_length_.value_or(*length) != *length;
      guest_length_ = length;
      continue;
    }
    has_date |= equals_lower(field.name, "date");
    wire::http1::append_field(head_, field.name, field.value);
  }
  if (conflict) {
    guest_length_.reset();
  }
  return has_date;
}

void ResponseWriter::choose_framing(const Response& response, const ResponseContext& context) {
  const BodyPipe& body = *body_;
  const bool is_complete = body.is_ended() && !body.failure().has_value();
  const bool without_content = context.is_head || response.status == 204 || response.status == 304;
  if (without_content) {
    framing_ = Framing::NoContent;
    // RFC 9110 §8.6: never with 204; else what a GET would have had, as far as that is known.
    if (response.status == 204) {
      guest_length_.reset();
    } else if (!guest_length_ && context.is_head && is_complete && !body.readable().empty()) {
      guest_length_ = body.readable().size();
    }
    return;
  }
  const bool can_chunk = context.version == Version::Http11;
  if (!guest_length_ && is_complete && !(can_chunk && body.has_trailers())) {
    guest_length_ = body.readable().size();
  }
  if (guest_length_) {
    framing_ = Framing::Length;
    remaining_ = *guest_length_;
  } else if (can_chunk) {
    framing_ = Framing::Chunked;
  } else {
    framing_ = Framing::UntilClose;
    keep_alive_ = false;
  }
}

void ResponseWriter::append_connection(const ResponseContext& context) {
  if (context.version == Version::Http11) {
    if (!keep_alive_) {
      head_.append("connection: close\r\n");
    }
  } else if (keep_alive_) {
    head_.append("connection: keep-alive\r\n");
  } else if (context.asks_keep_alive) {
    head_.append("connection: close\r\n");
  }
}

void ResponseWriter::begin(
    Response& response, const ResponseContext& context, std::string_view date
) {
  WHORL_DCHECK(state_ == State::Idle, "a response was begun");
  if (!is_possible_status(response.status)) {
    response.body->stop_reading();
    response = {.status = 500, .fields = {}, .body = BodyPipe::empty()};
  }
  body_ = response.body;
  body_->demand();
  keep_alive_ = context.keep_alive;
  state_ = State::Streaming;
  if (head_.capacity() < kTypicalHead) {
    head_.reserve(kTypicalHead);
  }
  wire::http1::append_status_line(head_, context.version, response.status);
  const bool has_date = append_fields(response);
  choose_framing(response, context);
  append_connection(context);
  if (guest_length_) {
    wire::http1::append_content_length(head_, *guest_length_);
  } else if (framing_ == Framing::Chunked) {
    head_.append("transfer-encoding: chunked\r\n");
  }
  if (!has_date) {
    wire::http1::append_field(head_, "date", date);
  }
  head_.append("\r\n");
}

void ResponseWriter::end(State state) {
  state_ = state;
  if (state == State::Done) {
    body_->finish_reading();
  } else {
    body_->stop_reading();
  }
  body_.reset();
}

void ResponseWriter::append_last_chunk(std::string& out) {
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

void ResponseWriter::begin_chunk(std::size_t size) {
  head_.append(wire::http1::encode_chunk_size(size).view());
  part_ = size;
  tail_.append("\r\n");
}

void ResponseWriter::pull_chunk(std::size_t available) {
  const bool is_last = body_->is_ended() && !body_->failure().has_value();
  if (available > 0) {
    begin_chunk(available);
    if (is_last) {
      append_last_chunk(tail_);
      // The body is let go when its bytes are sent; see sent().
      state_ = State::Done;
    }
  } else if (is_last) {
    append_last_chunk(head_);
    end(State::Done);
  }
}

/// Takes the next part of the body, once the one before is sent.
void ResponseWriter::pull() {
  if (state_ != State::Streaming || part_ > 0 || tail_sent_ < tail_.size()) {
    return;
  }
  std::size_t available = body_->readable().size();
  switch (framing_) {
    case Framing::NoContent:
      end(State::Done);
      return;
    case Framing::Length:
      available = static_cast<std::size_t>(std::min<std::uint64_t>(available, remaining_));
      part_ = available;
      remaining_ -= available;
      if (remaining_ == 0 && available == 0) {
        end(State::Done);
        return;
      }
      break;
    case Framing::Chunked:
      pull_chunk(available);
      break;
    case Framing::UntilClose:
      part_ = available;
      if (available == 0 && body_->at_end()) {
        end(State::Done);
        return;
      }
      break;
  }
  if (state_ == State::Streaming && available == 0 && body_->is_ended()) {
    end(State::Cut);
  }
}

ResponseWriter::Parts ResponseWriter::parts() {
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

/// @param count  what was sent; what is left of it when head and part are taken off is the tail's
/// @return how much was sent of the part
std::size_t ResponseWriter::take_sent(std::size_t& count) {
  const std::size_t of_head = std::min(count, head_.size() - head_sent_);
  head_sent_ += of_head;
  count -= of_head;
  if (head_sent_ == head_.size()) {
    head_.clear();
    head_sent_ = 0;
  }
  const std::size_t of_part = std::min(count, part_);
  part_ -= of_part;
  count -= of_part;
  return of_part;
}

void ResponseWriter::after_sent(std::size_t rest) {
  tail_sent_ += rest;
  if (tail_sent_ == tail_.size()) {
    tail_.clear();
    tail_sent_ = 0;
  }
  if (part_ > 0 || body_ == nullptr) {
    return;
  }
  const bool took_all =
      framing_ == Framing::Length && state_ == State::Streaming && remaining_ == 0 && head_.empty();
  if (took_all || state_ == State::Done) {
    end(State::Done);
  }
}

void ResponseWriter::sent(std::size_t count) {
  if (const std::size_t of_part = take_sent(count); of_part > 0) {
    body_->consume(of_part);
  }
  after_sent(count);
}

ResponseWriter::Parts ResponseWriter::parts_with(ByteView data) {
  if (state_ != State::Streaming || has_pending()) {
    return {};
  }
  switch (framing_) {
    case Framing::NoContent:
      return {};
    case Framing::Length:
      part_ = static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), remaining_));
      remaining_ -= part_;
      break;
    case Framing::Chunked:
      begin_chunk(data.size());
      break;
    case Framing::UntilClose:
      part_ = data.size();
      break;
  }
  return {as_bytes(head_), data.first(part_), as_bytes(tail_)};
}

std::size_t ResponseWriter::sent_with(std::size_t count) {
  const std::size_t of_part = take_sent(count);
  after_sent(count);
  return of_part;
}

void ResponseWriter::reset() {
  if (body_ != nullptr) {
    body_->stop_reading();
    body_.reset();
  }
  // The shard keeps the block for its next response (ADR 30).
  std::string().swap(head_);
  std::string().swap(tail_);
  head_sent_ = tail_sent_ = part_ = 0;
  remaining_ = 0;
  guest_length_.reset();
  state_ = State::Idle;
}

}  // namespace whorl::http
