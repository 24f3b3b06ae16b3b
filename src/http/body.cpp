#include "http/body.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace whorl::http {
namespace {

// Small bodies are often written in a few parts: room for them without growing.
constexpr std::size_t kFirstBuffer = 256;

}  // namespace

BodyPipe::BodyPipe(std::size_t capacity) : capacity_(capacity) {}

BodyPipe::~BodyPipe() {
  drop_taker();
}

LocalPtr<BodyPipe> BodyPipe::empty() {
  auto pipe = make_local<BodyPipe>(0);
  pipe->finished_ = true;
  return pipe;
}

std::size_t BodyPipe::writable_bytes() const noexcept {
  if (is_ended() || reader_gone_) {
    return 0;
  }
  return capacity_ - unread();
}

/// Memory for so many bytes behind end_.
void BodyPipe::make_room(std::size_t count) {
  if (size_ - end_ >= count) {
    return;
  }
  const std::size_t rest = unread();
  // Moving the unread rest to the front beats growing; it is at most as long as what was read
  // since the last move, or the memory would have been grown to the capacity already.
  if (size_ - rest >= count) {
    std::memmove(memory_.get(), memory_.get() + begin_, rest);
  } else {
    const std::size_t size =
        std::max(rest + count, std::min(capacity_, std::max(2 * size_, kFirstBuffer)));
    auto memory = std::make_unique_for_overwrite<std::uint8_t[]>(size);
    if (rest != 0) {
      std::memcpy(memory.get(), memory_.get() + begin_, rest);
    }
    memory_ = std::move(memory);
    size_ = size;
  }
  begin_ = 0;
  end_ = rest;
}

std::size_t BodyPipe::write(ByteView data) {
  WHORL_DCHECK(!lent_, "a pipe was written to whose room is lent");
  const std::size_t count = std::min(data.size(), writable_bytes());
  if (count == 0) {
    return 0;
  }
  // Before a part of it may be gone: what is not taken must find room.
  make_room(count);
  total_written_ += count;
  std::size_t taken = 0;
  if (taker_ != nullptr && unread() == 0 && count >= kWorthSparing) {
    taken = taker_->take(data.first(count));
    WHORL_CHECK(taken <= count, "more taken than offered", taken);
  }
  if (taken != count && !reader_gone_) {
    std::memcpy(memory_.get() + end_, data.data() + taken, count - taken);
    end_ += count - taken;
    readable_event_.notify();
  }
  return count;
}

MutableByteView BodyPipe::lend(std::size_t most) noexcept {
  const std::size_t count = std::min(most, writable_bytes());
  WHORL_DCHECK(count != 0 && !lent_, "there is no room to lend", most);
  try {
    make_room(count);
  } catch (const std::exception&) {
    return {};
  }
  lent_ = true;
  return {memory_.get() + end_, count};
}

void BodyPipe::commit(std::size_t count) noexcept {
  WHORL_DCHECK(lent_, "no room was lent");
  lent_ = false;
  if (reader_gone_) {
    return;
  }
  WHORL_CHECK(count <= size_ - end_, "more written than was lent", count);
  end_ += count;
  total_written_ += count;
  if (unread() == 0) {
    begin_ = end_ = 0;
  }
  if (count != 0) {
    readable_event_.notify();
  }
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
  return {memory_.get() + begin_, unread()};
}

void BodyPipe::consume(std::size_t count) {
  WHORL_CHECK(count <= unread(), "more consumed than readable", count);
  if (count == 0) {
    return;
  }
  begin_ += count;
  if (begin_ == end_ && !lent_) {
    begin_ = end_ = 0;
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
  return finished_ && unread() == 0;
}

std::unique_ptr<Fields> BodyPipe::take_trailers() {
  return std::move(trailers_);
}

void BodyPipe::set_taker(Taker& taker) noexcept {
  drop_taker();
  taker.stop_taking();
  taker.pipe_ = this;
  taker_ = &taker;
}

void BodyPipe::drop_taker() noexcept {
  if (taker_ != nullptr) {
    std::exchange(taker_, nullptr)->pipe_ = nullptr;
  }
}

void BodyPipe::finish_reading() {
  is_satisfied_ |= !reader_gone_;
  stop_reading();
}

void BodyPipe::stop_reading() {
  if (reader_gone_) {
    return;
  }
  reader_gone_ = true;
  drop_taker();
  memory_.reset();
  size_ = begin_ = end_ = 0;
  writable_event_.notify();
}

}  // namespace whorl::http
