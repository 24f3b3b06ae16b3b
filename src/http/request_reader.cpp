#include "http/request_reader.hpp"

#include "http/server.hpp"
#include "telemetry/limits.hpp"

#include <algorithm>
#include <utility>

namespace whorl::http {
namespace {

// A head fits nearly always; a body that is longer is read in bigger parts.
constexpr std::size_t kHeadCapacity = 4 * 1024;
constexpr std::size_t kBodyCapacity = 64 * 1024;

}  // namespace

/// The long way, which says what is wrong.
RequestReader::HeadState RequestReader::scan_head(
    std::string_view text, const ServerOptions& options, wire::http1::RequestHead& head
) {
  using State = wire::http1::HeadScanner::State;
  switch (scanner_.scan(text, options.head)) {
    case State::NeedMore:
      return HeadState::NeedMore;
    case State::Refused:
      refusal_ = scanner_.refusal();
      return HeadState::Refused;
    case State::Complete:
      break;
  }
  head_end_ = scanner_.end();
  const std::string_view lines = text.substr(scanner_.begin(), head_end_ - scanner_.begin());
  if (const auto refused = wire::http1::parse_request_head(lines, options.head, head)) {
    refusal_ = *refused;
    return HeadState::Refused;
  }
  return HeadState::Complete;
}

RequestReader::HeadState RequestReader::read_head(
    const ServerOptions& options, wire::http1::RequestHead& head
) {
  const std::string_view text = buffer_.text();
  head_end_ = scanner_.is_fresh() ? wire::http1::parse_usual_head(text, options.head, head) : 0;
  if (head_end_ == 0) [[unlikely]] {
    if (const HeadState state = scan_head(text, options, head); state != HeadState::Complete) {
      return state;
    }
  }
  if (head.framing == wire::http1::Framing::Length &&
      head.content_length > options.max_body_bytes) {
    refusal_ = {413, "the body is too long"};
    return HeadState::Refused;
  }
  return HeadState::Complete;
}

void RequestReader::take_request(
    const ServerOptions& options, const wire::http1::RequestHead& head, Request& request
) {
  request.method = head.method;
  request.scheme = options.scheme;
  request.protocol = head.version == wire::http1::Version::Http10 ? "HTTP/1.0" : "HTTP/1.1";
  request.authority = head.authority;
  request.path_and_query = head.path_and_query;
  received_ = drained_ = 0;
  if (head.framing == wire::http1::Framing::None ||
      (head.framing == wire::http1::Framing::Length && head.content_length == 0)) {
    body_ = BodyPipe::empty();
    body_state_ = BodyState::Ended;
  } else {
    decoder_ = wire::http1::BodyDecoder(head.framing, head.content_length);
    body_ = make_local<BodyPipe>(options.body_buffer_bytes);
    body_state_ = BodyState::Open;
  }
  request.body = body_;
  buffer_.consume(head_end_);
  if (!scanner_.is_fresh()) [[unlikely]] {
    scanner_ = {};
  }
}

/// @return whether they may be passed on
bool RequestReader::count_data(std::size_t count, const ServerOptions& options) {
  received_ += count;
  if (received_ > options.max_body_bytes) {
    telemetry::report_limit(
        telemetry::Limit::RequestBody, "whorl::http", "a request's body was cut: it is too long"
    );
    fail_body(ErrorKind::ResourceLimit);
    return false;
  }
  if (!body_->reader_gone()) {
    return true;
  }
  drained_ += count;
  if (drained_ > options.drain_bytes) {
    fail_body(ErrorKind::ResourceLimit);
  }
  return false;
}

void RequestReader::take_data(std::string_view data, const ServerOptions& options) {
  if (count_data(data.size(), options)) {
    body_->write(as_bytes(data));
  }
}

/// How much of a read may go into the pipe without a look at it; 0 when that isn't worth while.
std::size_t RequestReader::room_in_body() const noexcept {
  if (body_state_ != BodyState::Open || !buffer_.empty() || body_->writable_bytes() == 0) {
    return 0;
  }
  const auto room = static_cast<std::size_t>(
      std::min<std::uint64_t>(decoder_.data_rest(), body_->writable_bytes())
  );
  return room < BodyPipe::kWorthSparing ? 0 : room;
}

bool RequestReader::wants_bytes() const noexcept {
  return body_state_ == BodyState::Open && (body_->reader_gone() || body_->has_much_room());
}

MutableByteView RequestReader::lend() noexcept {
  lends_body_ = false;
  if (const std::size_t room = room_in_body(); room != 0) {
    if (const MutableByteView lent = body_->lend(room); !lent.empty()) {
      lends_body_ = true;
      return lent;
    }
  }
  return buffer_.lend(wanted_capacity());
}

void RequestReader::commit(const ServerOptions& options, std::size_t count) {
  if (!std::exchange(lends_body_, false)) {
    buffer_.commit(count);
    return;
  }
  if (body_ == nullptr) {
    return;
  }
  // A body that has ended meanwhile, badly, is the connection's last.
  const bool is_open = body_state_ == BodyState::Open;
  if (is_open && count != 0) {
    decoder_.pass_data(count);
  }
  body_->commit(is_open && count != 0 && count_data(count, options) ? count : 0);
  if (body_state_ == BodyState::Open && decoder_.is_ended()) {
    end_body();
  }
}

void RequestReader::end_body() {
  body_state_ = BodyState::Ended;
  std::unique_ptr<Fields> trailers;
  for (const auto& field : decoder_.trailers()) {
    if (trailers == nullptr) {
      trailers = std::make_unique<Fields>();
    }
    trailers->append(std::string(field.name), std::string(field.value));
  }
  body_->finish(std::move(trailers));
}

bool RequestReader::pump(const ServerOptions& options, bool at_end) {
  using State = wire::http1::BodyDecoder::State;
  bool moved = false;
  while (body_state_ == BodyState::Open) {
    const bool drains = body_->reader_gone();
    if (drains && decoder_.known_rest() > options.drain_bytes) {
      fail_body(ErrorKind::ResourceLimit);
      break;
    }
    const std::size_t room = drains ? options.drain_bytes + 1 : body_->writable_bytes();
    const auto step = decoder_.decode(buffer_.text(), room);
    moved |= step.consumed > 0;
    if (!step.data.empty()) {
      take_data(step.data, options);
    }
    buffer_.consume(step.consumed);
    if (body_state_ != BodyState::Open) {
      break;
    }
    if (step.state == State::Bad) {
      fail_body(ErrorKind::InvalidInput);
    } else if (decoder_.is_ended()) {
      end_body();
    } else if (step.state != State::Data) {
      if (at_end && step.state == State::NeedMore) {
        fail_body(ErrorKind::Disconnected);
      }
      break;
    }
  }
  return moved;
}

void RequestReader::return_room() noexcept {
  if (!std::exchange(lends_body_, false)) {
    buffer_.commit(0);
  } else if (body_ != nullptr) {
    body_->commit(0);
  }
}

void RequestReader::fail_body(ErrorKind why) {
  if (body_state_ == BodyState::Open) {
    body_state_ = BodyState::Failed;
    body_->fail(why);
  }
}

std::size_t RequestReader::wanted_capacity() const noexcept {
  const bool is_long = body_state_ == BodyState::Open &&
                       (decoder_.known_rest() > kHeadCapacity || received_ > kBodyCapacity);
  return is_long ? kBodyCapacity : kHeadCapacity;
}

void RequestReader::finish_request() {
  body_.reset();
  if (received_ > 0) {
    decoder_ = {};  // may hold the text of trailers
  }
}

}  // namespace whorl::http
