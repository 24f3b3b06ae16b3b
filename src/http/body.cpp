#include "http/body.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace whorl::http {
namespace {

// Small bodies are often written in a few parts: room for them without growing.
constexpr std::size_t kFirstBuffer = 256;

}  // namespace

BodyPipe::BodyPipe(std::size_t capacity) : capacity_(capacity) {}

BodyPipe::~BodyPipe() = default;

LocalPtr<BodyPipe> BodyPipe::empty() {
  auto pipe = make_local<BodyPipe>(0);
  pipe->finished_ = true;
  return pipe;
}

std::size_t BodyPipe::writable_bytes() const noexcept {
  if (is_ended() || reader_gone_) {
    return 0;
  }
  return capacity_ - (buffer_.size() - begin_);
}

std::size_t BodyPipe::write(ByteView data) {
  const std::size_t count = std::min(data.size(), writable_bytes());
  if (count == 0) {
    return 0;
  }
  // Moving the unread rest to the front beats growing; it is at most as long as what was read
  // since the last move, or the buffer would have been grown to its capacity already.
  if (begin_ > 0 && buffer_.size() + count > buffer_.capacity()) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  if (buffer_.capacity() == 0) {
    buffer_.reserve(std::max(count, std::min(capacity_, kFirstBuffer)));
  }
  buffer_.insert(buffer_.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(count));
  total_written_ += count;
  readable_event_.notify();
  return count;
}

void BodyPipe::finish(std::unique_ptr<Fields> trailers) {
  if (is_ended()) {
    return;
  }
  finished_ = true;
  if (trailers != nullptr && !trailers->empty()) {
    trailers_ = std::move(trailers);
  }
  readable_event_.notify();
}

void BodyPipe::fail(ErrorKind why) {
  if (is_ended()) {
    return;
  }
  failure_ = why;
  readable_event_.notify();
}

ByteView BodyPipe::readable() const noexcept {
  return ByteView(buffer_).subspan(begin_);
}

void BodyPipe::consume(std::size_t count) {
  WHORL_CHECK(count <= buffer_.size() - begin_, "more consumed than readable", count);
  if (count == 0) {
    return;
  }
  begin_ += count;
  if (begin_ == buffer_.size()) {
    buffer_.clear();
    begin_ = 0;
  }
  writable_event_.notify();
}

void BodyPipe::demand() {
  if (!demanded_) {
    demanded_ = true;
    writable_event_.notify();
  }
}

bool BodyPipe::at_end() const noexcept {
  return finished_ && begin_ == buffer_.size();
}

std::unique_ptr<Fields> BodyPipe::take_trailers() {
  return std::move(trailers_);
}

void BodyPipe::stop_reading() {
  if (reader_gone_) {
    return;
  }
  reader_gone_ = true;
  Bytes().swap(buffer_);
  begin_ = 0;
  writable_event_.notify();
}

}  // namespace whorl::http
