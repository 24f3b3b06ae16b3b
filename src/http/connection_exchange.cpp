// A connection of HTTP/1 while it serves a request: from its head to the end of the answer.
#include "http/connection.hpp"
#include "http/limit_reports.hpp"

#include <utility>

namespace whorl::http {
namespace {

// What one connection may send before others on the shard have their turn.
constexpr std::size_t kTurnBytes = 512 * 1024;
// A call to the kernel costs what copying so much does: less than that waits for what follows it.
constexpr std::size_t kWorthACall = 32 * 1024;

}  // namespace

void Connection::start_exchange() {
  const wire::http1::RequestHead& head = core_->head;
  phase_ = Phase::Exchange;
  const bool is_first = std::exchange(is_first_, false);
  timed_out_ = too_slow_ = is_late_ = false;
  pace_.start();
  set_deadline(Wait::None);
  context_ = {
      .version = head.version,
      .is_head = head.method == "HEAD",
      .keep_alive = head.keep_alive,
      .asks_keep_alive = head.asks_keep_alive,
  };
  keep_alive_ = client_keeps_ = head.keep_alive;
  expects_continue_ = head.expects_continue && head.framing != wire::http1::Framing::None;
  exchange_ = make_local<Exchange>();
  if (is_first) {
    exchange_->set_opened_connection();
  }
  Request& request = exchange_->request();
  request.client_address = client_address_;
  exchange_->set_field_lines(head.field_lines);
  reader_.take_request(core_->options, head, request);
  reader_.pump(core_->options, eof_);
  exchange_->set_fields_in_sight(head.fields);
  core_->handler.handle(exchange_);
  exchange_->set_fields_in_sight({});
}

/// RFC 9110 §10.1.1: only while the client has not begun the body and no answer has begun.
void Connection::send_continue() {
  if (!expects_continue_ || writer_.has_begun()) {
    return;
  }
  if (reader_.has_body_bytes()) {
    expects_continue_ = false;
  } else if (reader_.body()->is_demanded()) {
    expects_continue_ = false;
    writer_.queue_continue();
  }
}

void Connection::begin_response() {
  if (reader_.received() > core_->options.max_body_bytes) {
    answer_instead(exchange_->response(), 413);
  } else if (is_late_) {
    answer_instead(exchange_->response(), 408);
  }
  pace_.start();
  sent_ = 0;
  // A client that still waits for 100 may or may not send its body after this answer.
  keep_alive_ &= !expects_continue_ && !core_->draining &&
                 reader_.body_state() != RequestReader::BodyState::Failed;
  context_.keep_alive = keep_alive_;
  writer_.begin(exchange_->response(), context_, core_->date());
  keep_alive_ = writer_.keep_alive();
  if (writer_.body() != nullptr && stream_->writes_in_place()) {
    writer_.body()->set_taker(*this);
  }
}

/// Sends what there is to send, until the client or the body has no more to take or give.
void Connection::flush() {
  std::size_t turn = 0;
  while (!broken_ && !waits_writable_) {
    const ResponseWriter::Parts parts = writer_.parts();
    const std::size_t total = parts[0].size() + parts[1].size() + parts[2].size();
    if (total == 0) {
      return;
    }
    if (turn > kTurnBytes) {
      wake();
      return;
    }
    const net::Stream::Attempt attempt = stream_->try_write(parts);
    if (attempt.outcome == net::Stream::Attempt::Outcome::Failed) {
      broken_ = true;
      return;
    }
    if (attempt.count > 0) {
      progress_ = true;
      turn += attempt.count;
      sent_ += attempt.count;
      writer_.sent(attempt.count);
    }
    if (attempt.count < total) {
      waits_writable_ = true;
      stream_->start_wait_writable(shared_from_this());
    }
  }
}

/// Sends what is written while nothing is in its way, from where the guest has it. Inside a fiber,
/// maybe: what else follows from it is left to run().
std::size_t Connection::take(ByteView data) {
  if (data.size() < kWorthACall || !suspended_ || broken_ || waits_writable_) {
    return 0;
  }
  const ResponseWriter::Parts parts = writer_.parts_with(data);
  const std::size_t total = parts[0].size() + parts[1].size() + parts[2].size();
  if (total == 0) {
    return 0;
  }
  const net::Stream::Attempt attempt = stream_->try_write(parts);
  broken_ = attempt.outcome == net::Stream::Attempt::Outcome::Failed;
  progress_ |= attempt.count > 0;
  sent_ += attempt.count;
  const std::size_t taken = writer_.sent_with(attempt.count);
  if (!broken_ && attempt.count < total) {
    waits_writable_ = true;
    stream_->start_wait_writable(shared_from_this());
  }
  if (attempt.count < total || writer_.is_done()) {
    wake();
  } else {
    // A client that takes the answer is no client that lets us wait.
    set_deadline(wait_);
  }
  return taken;
}

/// @return true when the exchange is over, one way or the other
bool Connection::advance_exchange() {
  using BodyState = RequestReader::BodyState;
  if (!broken_) {
    progress_ |= reader_.pump(core_->options, eof_);
    send_continue();
    if (!writer_.has_begun() && exchange_->has_response()) {
      begin_response();
    }
    flush();
  }
  const bool answered = writer_.is_done();
  if (broken_ || writer_.is_cut() || (eof_ && !answered)) {
    client_gone();
    broken_ = true;
    return true;
  }
  if (timed_out_) {
    timed_out_ = false;
    const bool too_slow = std::exchange(too_slow_, false);
    if (wait_ != Wait::Body) {
      report_timeout(
          too_slow ? telemetry::Limit::WriteRate : telemetry::Limit::WriteTimeout, client_address_
      );
      client_gone();
      broken_ = true;
      return true;
    }
    report_timeout(
        too_slow ? telemetry::Limit::BodyRate : telemetry::Limit::BodyTimeout, client_address_
    );
    is_late_ = too_slow;
    reader_.fail_body(ErrorKind::DeadlineExceeded);
  }
  if (answered && (reader_.body_state() != BodyState::Open || advance_after_response())) {
    return true;
  }
  wait_in_exchange();
  return false;
}

/// The answer is out and the request is not: whoever still reads it may go on, else it is drained.
/// @return true when there is no sense in waiting for the rest
bool Connection::advance_after_response() {
  if (exchange_ != nullptr) {
    exchange_->note_end();
  }
  exchange_.reset();
  if (expects_continue_) {
    return true;
  }
  const LocalPtr<BodyPipe>& body = reader_.body();
  if (body.use_count() == 1 && !body->reader_gone()) {
    body->stop_reading();
    reader_.pump(core_->options, eof_);
  }
  return reader_.body_state() != RequestReader::BodyState::Open;
}

/// Asks to be woken by whatever the exchange waits for, and says how long.
void Connection::wait_in_exchange() {
  const bool is_open = reader_.body_state() == RequestReader::BodyState::Open;
  const LocalPtr<BodyPipe>& body = reader_.body();
  if (is_open) {
    request_body_signal_.listen(body->writable_event());
  }
  if (!writer_.has_begun()) {
    response_signal_.listen(exchange_->response_event());
  } else if (writer_.body() != nullptr) {
    response_body_signal_.listen(writer_.body()->readable_event());
  }
  // Bytes for the body while the pipe has room; without one, the next request's head, of which a
  // bounded part is kept: reading is how a client's leaving is noticed.
  const bool wants_body = reader_.wants_bytes();
  const bool watches = !is_open && reader_.buffer().size() < core_->options.head.fields_bytes;
  if (wants_body || watches) {
    start_read();
  }
  if (waits_writable_) {
    set_deadline(Wait::Write);
  } else if (writer_.is_done() || (wants_body && (body->is_demanded() || body->reader_gone()))) {
    set_deadline(Wait::Body);
  } else {
    set_deadline(Wait::None);
  }
}

/// Tells both sides of the exchange that there is nobody to answer.
void Connection::client_gone() {
  reader_.fail_body(ErrorKind::Disconnected);
  if (exchange_ != nullptr) {
    exchange_->set_client_gone();
    exchange_->note_end();
    exchange_.reset();
  }
  writer_.reset();
}

/// @return whether another request may follow
bool Connection::end_exchange() {
  response_signal_.stop();
  response_body_signal_.stop();
  request_body_signal_.stop();
  keep_alive_ &= reader_.body_state() == RequestReader::BodyState::Ended && !broken_;
  reader_.fail_body(ErrorKind::Disconnected);
  timed_out_ = false;
  if (exchange_ != nullptr) {
    exchange_->note_end();
  }
  exchange_.reset();
  reader_.finish_request();
  writer_.reset();
  return keep_alive_;
}

}  // namespace whorl::http
