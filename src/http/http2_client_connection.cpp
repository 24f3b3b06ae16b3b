#include "http/http2_client_connection.hpp"

#include <utility>

namespace whorl::http {
namespace {

using Outcome = net::Tried::Outcome;

constexpr std::size_t kReadBytes = std::size_t{16} * 1024;
/// What one connection does before others on the shard have their turn.
constexpr unsigned kTurns = 64;
/// How long a server may take to hear a goodbye.
constexpr std::chrono::seconds kGoodbyeTime{1};

}  // namespace

Http2ClientConnection::Http2ClientConnection(
    std::shared_ptr<ClientCore> core, Destination to, ClientCore::Connection connection
)
    : core_(core),
      shard_(core->shard),
      idle_time_(core->options.idle_time),
      to_(std::move(to)),
      channel_(std::move(connection.channel)),
      permit_(std::move(connection.permit)),
      session_(*this),
      idle_since_(async::Clock::now()) {}

Http2ClientConnection::~Http2ClientConnection() = default;

void Http2ClientConnection::start() {
  async::spawn(shard_, run(shared_from_this()));
}

void Http2ClientConnection::retire() {
  is_retired_ = true;
  session_.room_event().notify();
  wake_.notify();
}

void Http2ClientConnection::close(std::string_view why) {
  if (channel_ == nullptr) {
    return;
  }
  session_.end();
  static_cast<void>(write());
  session_.abandon(why);
  on_socket_.stop();
  channel_->shutdown();
  channel_.reset();
  permit_ = ConnectionPermit();
  if (const auto core = core_.lock()) {
    core->forget(*this);
  }
  wake_.notify();
}

void Http2ClientConnection::on_http1_required() noexcept {
  if (const auto core = core_.lock()) {
    core->require_http1(to_);
  }
}

async::Awaitable<> Http2ClientConnection::run(std::shared_ptr<Http2ClientConnection> self) {
  unsigned turns = 0;
  while (self->channel_ != nullptr) {
    const Move moved = self->turn();
    if (moved == Move::Ended) {
      break;
    }
    const bool yields = moved == Move::Progress && ++turns % kTurns == 0;
    if (moved == Move::Progress && !yields) {
      continue;
    }
    self->on_socket_.listen(self->channel_->socket().changed());
    const auto deadline = yields ? async::Deadline(async::Clock::now()) : self->patience();
    static_cast<void>(co_await async::wait_event(self->shard_, self->wake_, deadline));
    if (!yields && self->patience().is_expired()) {
      if (!self->last_.is_never()) {
        break;
      }
      self->session_.end();
      self->last_ = async::Deadline::after(kGoodbyeTime);
    }
  }
  const std::string why = self->session_.failure_text();
  self->close(why.empty() ? "the server closed the connection" : std::string_view(why));
}

Http2ClientConnection::Move Http2ClientConnection::turn() {
  session_.advance();
  note_idleness();
  const Move written = write();
  const Move received = written == Move::Ended ? written : read();
  if (received == Move::Ended || (session_.is_over() && session_.output().empty())) {
    return Move::Ended;
  }
  const bool moved = written == Move::Progress || received == Move::Progress;
  return moved || session_.has_work() ? Move::Progress : Move::Blocked;
}

Http2ClientConnection::Move Http2ClientConnection::write() {
  const ByteView out = session_.output();
  if (out.empty()) {
    return Move::Blocked;
  }
  const net::Tried tried = channel_->try_write({&out, 1});
  switch (tried.outcome) {
    case Outcome::Done:
      session_.sent(tried.count);
      return Move::Progress;
    case Outcome::WantRead:
    case Outcome::WantWrite:
      channel_->watch(tried.outcome);
      return Move::Blocked;
    case Outcome::Closed:
    case Outcome::Failed:
      break;
  }
  // What the server said before it went is still to be heard.
  return read() == Move::Progress ? Move::Progress : Move::Ended;
}

Http2ClientConnection::Move Http2ClientConnection::read() {
  buffer_.resize(kReadBytes);
  const net::Tried tried = channel_->try_read(buffer_);
  switch (tried.outcome) {
    case Outcome::Done:
      session_.receive(ByteView(buffer_).first(tried.count));
      return Move::Progress;
    case Outcome::WantRead:
    case Outcome::WantWrite:
      channel_->watch(tried.outcome);
      if (session_.is_idle()) {
        Bytes().swap(buffer_);
      }
      return Move::Blocked;
    case Outcome::Closed:
    case Outcome::Failed:
      break;
  }
  return Move::Ended;
}

/// Notes when the last request ended; one that is not shared has had its only one then.
void Http2ClientConnection::note_idleness() {
  const bool is_busy = !session_.is_idle();
  const bool has_become_idle = std::exchange(was_busy_, is_busy) && !is_busy;
  const auto core = core_.lock();
  const bool is_kept = core != nullptr && core->keeps(*this) && is_open();
  if (has_become_idle) {
    idle_since_ = async::Clock::now();
    if (is_kept) {
      core->trim_idle();
    }
  }
  if (!is_busy && session_.opened() > 0 && !is_kept && last_.is_never()) {
    session_.end();
    last_ = async::Deadline::after(kGoodbyeTime);
  }
}

async::Deadline Http2ClientConnection::patience() const {
  const auto idle =
      session_.is_idle() ? async::Deadline(idle_since_ + idle_time_) : async::Deadline::never();
  return last_.is_never() ? idle : last_;
}

}  // namespace whorl::http
