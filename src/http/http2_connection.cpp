#include "http/http2_connection.hpp"

#include <utility>

namespace whorl::http {
namespace {

// What one connection may send before others on the shard have their turn.
constexpr std::size_t kTurnBytes = 512 * 1024;
// Ticks after which an idle connection gives its memory back.
constexpr Tick kIdleTicks = 2;

}  // namespace

Http2Connection::Http2Connection(
    ServerCore& core,
    std::unique_ptr<net::Stream> stream,
    std::string client_address,
    std::string_view received
)
    : core_(&core), stream_(std::move(stream)), session_(core, *this, std::move(client_address)) {
  session_.receive(as_bytes(received));
}

Http2Connection::~Http2Connection() = default;

void Http2Connection::start() {
  if (core_->draining) {
    session_.begin_drain();
  }
  woken_ = false;
  wake();
}

void Http2Connection::wake() noexcept {
  if (std::exchange(woken_, true) || in_turn_ || core_ == nullptr) {
    return;
  }
  const auto self = weak_from_this().lock();
  if (self == nullptr) {
    return;  // being made: start() wakes it
  }
  core_->shard.post([self] {
    // A turn that came first has done what it was to do.
    if (self->woken_) {
      self->turn();
    }
  });
}

void Http2Connection::on_read(net::ReadEnd end, std::size_t count) {
  reading_ = false;
  if (core_ == nullptr) {
    return;
  }
  switch (end) {
    case net::ReadEnd::Bytes:
      if (!lingers_ && count > 0) {
        in_turn_ = true;  // what it wakes us for is done below
        session_.receive({buffer_, count});
      }
      break;
    case net::ReadEnd::Closed:
    case net::ReadEnd::Failed:
      broken_ = true;
      break;
    case net::ReadEnd::Cancelled:
      break;
  }
  return_room();
  turn();
}

void Http2Connection::on_writable() {
  waits_writable_ = false;
  if (core_ != nullptr) {
    turn();
  }
}

void Http2Connection::turn() {
  if (core_ == nullptr) {
    return;
  }
  in_turn_ = true;
  bool has_more = false;
  if (!lingers_) {
    session_.advance();
    has_more = flush();
  }
  if (!broken_ && session_.is_over() && session_.unsent() == 0 && !lingers_) {
    linger();
  }
  in_turn_ = false;
  if (broken_) {
    close();
    return;
  }
  start_read();
  // Whatever woke us meanwhile wanted something sent, which it is, or something done.
  woken_ = false;
  if (has_more || session_.has_work()) {
    wake();
  }
}

/// Sends what there is to send, as far as the client takes it.
/// @return whether others are to have their turn before the rest
bool Http2Connection::flush() {
  std::size_t turn = 0;
  while (!broken_ && !waits_writable_) {
    const ByteView out = session_.output();
    if (out.empty()) {
      write_deadline_ = 0;
      return false;
    }
    if (turn > kTurnBytes) {
      return true;
    }
    const net::Stream::Attempt attempt = stream_->try_write({&out, 1});
    if (attempt.outcome == net::Stream::Attempt::Outcome::Failed) {
      broken_ = true;
      return false;
    }
    if (attempt.count > 0) {
      turn += attempt.count;
      write_deadline_ = 0;
      session_.sent(attempt.count);
    }
    if (attempt.count < out.size()) {
      waits_writable_ = true;
      if (write_deadline_ == 0) {
        write_deadline_ = core_->tick_after(core_->options.write_timeout);
      }
      stream_->start_wait_writable(shared_from_this());
    }
  }
  return false;
}

void Http2Connection::start_read() {
  // Who does not take answers is not listened to: what it asks for would pile up.
  if (reading_ || (waits_writable_ && !lingers_)) {
    return;
  }
  reading_ = true;
  stream_->start_read_lent(shared_from_this());
}

MutableByteView Http2Connection::lend_room() noexcept {
  BufferPool& pool = core_->http2_buffers;
  buffer_ = buffer_ == nullptr ? pool.take() : buffer_;
  return {buffer_, buffer_ == nullptr ? 0 : pool.buffer_bytes()};
}

void Http2Connection::return_room() noexcept {
  if (buffer_ != nullptr) {
    core_->http2_buffers.give(std::exchange(buffer_, nullptr));
  }
}

/// Closing with unread bytes would reset the connection, and the client might lose answers.
void Http2Connection::linger() {
  lingers_ = true;
  session_.abandon();
  stream_->shutdown_write();
  linger_deadline_ = core_->tick_after(core_->options.linger_timeout);
}

void Http2Connection::close() {
  session_.abandon();
  stream_->close();
  return_room();
  std::exchange(core_, nullptr)->remove(*this);
}

void Http2Connection::abandon() {
  session_.abandon();
  stream_->close();
  return_room();
  core_ = nullptr;
}

void Http2Connection::close_idle() {
  if (is_idle()) {
    session_.end();
  }
}

void Http2Connection::sweep(Tick now) {
  session_.sweep(now);
  const bool write_is_over = write_deadline_ != 0 && now >= write_deadline_;
  const bool linger_is_over = linger_deadline_ != 0 && now >= linger_deadline_;
  if (write_is_over || linger_is_over) {
    broken_ = true;
    wake();
  } else if (is_idle() && now - session_.idle_since() >= kIdleTicks) {
    session_.release_memory();
  }
}

}  // namespace whorl::http
