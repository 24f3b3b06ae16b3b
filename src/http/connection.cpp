#include "http/connection.hpp"

#include "http/limit_reports.hpp"
#include "log/log.hpp"

#include <utility>

namespace whorl::http {
namespace {

// How a client begins that knows that we speak HTTP/2 (RFC 9113 §3.4). To a reader of HTTP/1 it is
// a whole head, with a version it does not know.
constexpr std::string_view kHttp2Line = "PRI * HTTP/2.0\r\n\r\n";

}  // namespace

Connection::Connection(
    ServerCore& core, std::unique_ptr<net::Stream> stream, std::string client_address
)
    : core_(&core),
      stream_(std::move(stream)),
      client_address_(std::move(client_address)),
      reader_(core.head_buffers) {}

Connection::~Connection() {
  // Before what take() works with is gone.
  stop_taking();
}

// --- waking ----------------------------------------------------------------------------------

void Connection::start() {
  routine_ = run();
  woken_ = suspended_ = true;
  resume_if_woken();
}

void Connection::wake() noexcept {
  if (woken_) {
    return;
  }
  woken_ = true;
  // Events fire inside fibers and other coroutines: never resumed from there.
  if (suspended_) {
    post_resume();
  }
}

void Connection::post_resume() noexcept {
  core_->shard.post([self = shared_from_this()] { self->resume_if_woken(); });
}

void Connection::resume_if_woken() {
  if (!woken_ || !suspended_ || core_ == nullptr) {
    return;
  }
  woken_ = suspended_ = false;
  routine_.resume();
  if (!routine_.is_done()) {
    return;
  }
  const std::exception_ptr escaped = routine_.escaped();
  if (escaped && stream_ != nullptr) {
    client_gone();
    close();
  }
  reader_.buffer().drop();
  std::exchange(core_, nullptr)->remove(*this);
  if (escaped) {
    std::rethrow_exception(escaped);
  }
}

void Connection::on_read(net::ReadEnd end, std::size_t count) {
  reading_ = false;
  if (core_ == nullptr) {
    return;
  }
  reader_.commit(core_->options, count);
  progress_ |= count > 0;
  switch (end) {
    case net::ReadEnd::Bytes:
      break;
    case net::ReadEnd::Closed:
      eof_ = true;
      break;
    case net::ReadEnd::Failed:
      broken_ = true;
      break;
    case net::ReadEnd::Cancelled:
      break;
  }
  woken_ = true;
  resume_if_woken();
}

void Connection::on_writable() {
  waits_writable_ = false;
  woken_ = true;
  resume_if_woken();
}

void Connection::sweep(Tick now) {
  if (deadline_ != 0 && now >= deadline_) {
    deadline_ = 0;
    timed_out_ = true;
    if (wait_ == Wait::Idle && !is_first_) {
      telemetry::count_limit(telemetry::Limit::IdleTimeout);
    }
    wake();
  } else if (!keeps_pace()) {
    timed_out_ = too_slow_ = true;
    wake();
  } else if (exchange_ != nullptr && exchange_.use_count() == 1 && !exchange_->has_response()) {
    log::error("whorl::http", "{}: a request was dropped without an answer", client_address_);
    exchange_->abort(500);
  }
}

/// A response that has begun before its request's end is a conversation: that has a pace of its
/// own.
bool Connection::keeps_pace() noexcept {
  if (phase_ != Phase::Exchange || timed_out_) {
    return true;
  }
  if (wait_ == Wait::Body && !writer_.has_begun()) {
    return pace_.pass(core_->body_rate, reader_.received(), core_->tick_length);
  }
  return wait_ != Wait::Write || pace_.pass(core_->write_rate, sent_, core_->tick_length);
}

void Connection::close_idle() {
  if (is_idle()) {
    closing_ = true;
    wake();
  }
}

void Connection::on_drain() {
  if (is_idle()) {
    wake();
  }
}

void Connection::abandon() {
  client_gone();
  close();
  reader_.buffer().drop();
  core_ = nullptr;
  routine_.destroy();
}

// --- helpers ---------------------------------------------------------------------------------

void Connection::start_read() {
  if (reading_ || eof_ || broken_) {
    return;
  }
  if (reader_.buffer().empty()) {
    reader_.buffer().release();
  }
  reading_ = true;
  stream_->start_read_lent(shared_from_this());
}

MutableByteView Connection::lend_room() noexcept {
  return reader_.lend();
}

void Connection::return_room() noexcept {
  reader_.return_room();
  if (reader_.buffer().empty()) {
    reader_.buffer().release();
  }
}

/// A deadline stays while the connection waits for the same thing and nothing moves.
void Connection::set_deadline(Wait wait) {
  const bool moved = std::exchange(progress_, false) && wait != Wait::Header;
  if (wait == wait_ && !moved) {
    return;
  }
  wait_ = wait;
  const ServerOptions& options = core_->options;
  switch (wait) {
    case Wait::None:
      deadline_ = 0;
      break;
    case Wait::Idle:
      deadline_ = core_->tick_after(is_first_ ? options.header_timeout : options.idle_timeout);
      break;
    case Wait::Header:
      deadline_ = core_->tick_after(options.header_timeout);
      break;
    case Wait::Body:
      deadline_ = core_->tick_after(options.body_timeout);
      break;
    case Wait::Write:
      deadline_ = core_->tick_after(options.write_timeout);
      break;
    case Wait::Linger:
      deadline_ = core_->tick_after(options.linger_timeout);
      break;
    case Wait::Grace:
      deadline_ = core_->tick_after(options.drain_grace);
      break;
  }
}

void Connection::close() {
  deadline_ = 0;
  response_signal_.stop();
  response_body_signal_.stop();
  request_body_signal_.stop();
  stream_->close();
}

// --- the life of a connection ----------------------------------------------------------------

Routine Connection::run() {
  HeadStep step = HeadStep::Wait;
  while (true) {
    phase_ = Phase::Head;
    since_ = core_->now;
    has_started_ = false;
    step = read_head();
    while (step == HeadStep::Wait) {
      co_await suspend();
      step = read_head();
    }
    if (step != HeadStep::Complete) {
      break;
    }
    start_exchange();
    while (!advance_exchange()) {
      co_await suspend();
    }
    if (!end_exchange()) {
      break;
    }
    if (!reader_.buffer().empty()) {
      // Others have their turn between pipelined requests.
      woken_ = true;
      co_await suspend();
    }
  }
  if (step == HeadStep::Http2) {
    core_->add(std::move(stream_), client_address_, Protocol::Http2, reader_.buffer().text());
    co_return;
  }
  if (step == HeadStep::Refused) {
    flush();
    while (!writer_.is_done() && !broken_ && !timed_out_) {
      set_deadline(Wait::Write);
      co_await suspend();
      flush();
    }
  }
  if (may_linger()) {
    phase_ = Phase::Linger;
    stream_->shutdown_write();
    while (!advance_linger()) {
      co_await suspend();
    }
  }
  close();
}

// --- head ------------------------------------------------------------------------------------

Connection::HeadStep Connection::read_head() {
  if (broken_) {
    return HeadStep::Close;
  }
  if (reader_.buffer().empty()) {
    return wait_for_head();
  }
  switch (reader_.read_head(core_->options, core_->head)) {
    case RequestReader::HeadState::NeedMore:
      break;
    case RequestReader::HeadState::Complete:
      return HeadStep::Complete;
    case RequestReader::HeadState::Refused:
      if (is_first_ && reader_.buffer().text().starts_with(kHttp2Line)) {
        return HeadStep::Http2;
      }
      refuse(reader_.refusal());
      return HeadStep::Refused;
  }
  has_started_ = reader_.has_started();
  return wait_for_head();
}

Connection::HeadStep Connection::wait_for_head() {
  if (timed_out_ && has_started_) {
    refuse({408, "the head did not arrive in time"});
    return HeadStep::Refused;
  }
  if (eof_ || timed_out_ || (closing_ && !has_started_)) {
    return HeadStep::Close;
  }
  if (has_started_) {
    set_deadline(Wait::Header);
  } else if (!core_->draining) {
    set_deadline(Wait::Idle);
  } else if (core_->is_patient) {
    set_deadline(Wait::None);
  } else {
    // Its next request may be on the way since before the client could know of the drain.
    set_deadline(is_first_ ? Wait::Linger : Wait::Grace);
  }
  start_read();
  return HeadStep::Wait;
}

/// Queues an answer to a request that is none; the connection ends with it.
void Connection::refuse(const wire::http1::Refusal& refusal) {
  log::debug(
      "whorl::http", "{}: refused with {}: {}", client_address_, refusal.status, refusal.reason
  );
  report_refusal(refusal.status, client_address_, refusal.reason);
  phase_ = Phase::Refusal;
  timed_out_ = false;
  Response response{.status = refusal.status, .fields = {}, .body = BodyPipe::empty()};
  writer_.begin(response, {.keep_alive = false}, core_->date());
}

// --- the end ---------------------------------------------------------------------------------

/// Closing with unread bytes would reset the connection, and the client might lose the answer. So
/// would bytes that come later: of who meant to keep the connection, its next request
/// (RFC 9112 §9.6).
bool Connection::may_linger() noexcept {
  return !broken_ && !eof_ && !timed_out_ &&
         (phase_ == Phase::Refusal || !reader_.buffer().empty() ||
          (phase_ == Phase::Exchange && client_keeps_) ||
          reader_.body_state() == RequestReader::BodyState::Failed || expects_continue_);
}

bool Connection::advance_linger() {
  ReadBuffer& buffer = reader_.buffer();
  buffer.consume(buffer.size());
  if (broken_ || eof_ || timed_out_) {
    return true;
  }
  if (wait_ != Wait::Linger) {
    set_deadline(Wait::Linger);
  }
  start_read();
  return false;
}

}  // namespace whorl::http
