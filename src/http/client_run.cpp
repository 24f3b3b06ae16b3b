#include "http/client_run.hpp"

#include <algorithm>
#include <array>

namespace whorl::http {
namespace {

using Outcome = net::Tried::Outcome;
using wire::http1::BodyDecoder;
using wire::http1::ResponseFraming;
using wire::http1::ResponseScanner;

constexpr std::size_t kReadBytes = std::size_t{16} * 1024;
constexpr wire::http1::ResponseLimits kLimits{};
/// RFC 9110 §15.2 sets no bound; nobody sends this many in good faith.
constexpr unsigned kMaxInterim = 32;

bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> kMethods{
      "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"
  };
  return std::ranges::find(kMethods, method) != kMethods.end();
}

/// Its body has ended without a byte, which nobody announced: then it goes out as one that has
/// none, and may be sent a second time.
bool has_empty_body(const Request& request) {
  return request.body != nullptr && request.body->at_end() && !request.body->has_trailers() &&
         !request.fields.find("content-length");
}

}  // namespace

async::Awaitable<> ClientRun::run(
    std::shared_ptr<ClientCore> core, std::shared_ptr<ClientExchange> exchange
) {
  const auto shared = exchange;
  ClientRun run(std::move(core), std::move(exchange));
  auto done = co_await run.go();
  if (!done && !shared->is_resolved()) {
    // Nobody looks at the outcome of an abandoned exchange; resolving it ends the request's body.
    shared->resolve(std::unexpected(
        done.error() ? *std::move(done.error())
                     : ClientError{ClientFailure::Internal, "the request was abandoned"}
    ));
  }
}

async::Deadline ClientRun::after(std::chrono::nanoseconds delay) {
  return async::Deadline::after(std::max(delay, std::chrono::nanoseconds::zero()));
}

bool ClientRun::may_repeat() const {
  return exchange_->reuse() == ConnectionReuse::Always ||
         is_idempotent(exchange_->request().method);
}

async::Awaitable<ClientRun::Step<>> ClientRun::go() {
  if (has_empty_body(exchange_->request())) {
    exchange_->request().body.reset();
  }
  const Request& request = exchange_->request();
  auto destination = parse_destination(request.scheme, request.authority);
  if (!destination || !RequestWriter::is_requestable(request)) {
    co_return failed(ClientFailure::InvalidUri, "the request's target cannot be requested");
  }
  to_ = *std::move(destination);
  to_.tls_profile = core_->tls_profile(exchange_->requester(), to_.host);
  const bool is_known = !core_->options.http2_authority.empty() &&
                        request.authority == core_->options.http2_authority;
  to_.knows_http2 = !to_.is_tls && (is_known || exchange_->versions() == HttpVersions::Http2Only);
  const auto deadline = after(exchange_->timeouts().connect);
  while (true) {
    if (auto obtained = co_await obtain(deadline); !obtained) {
      co_return obtained;
    }
    if (http2_ != nullptr) {
      auto transferred = co_await transfer_http2();
      if (transferred || !retries_) {
        co_return transferred;
      }
      failure_.reset();
      continue;
    }
    writer_.begin(request);
    auto transferred = co_await transfer();
    if (transferred || !may_retry()) {
      end_connection();
      co_return transferred;
    }
    // The server closed the idle connection just before the request came.
    channel_.reset();
    write_failed_ = false;
    failure_.reset();
  }
}

async::Awaitable<ClientRun::Step<>> ClientRun::obtain(async::Deadline deadline) {
  const bool is_second = std::exchange(is_reused_, false);
  heed_place();
  if ((to_.is_tls && !to_.only_http1) || to_.knows_http2) {
    auto joined = co_await join_http2(deadline);
    if (!joined) {
      co_return std::unexpected(std::move(joined.error()));
    }
    if (*joined) {
      co_return Step<>();
    }
    heed_place();
  }
  if (!is_second && may_repeat() && exchange_->versions() == HttpVersions::Any) {
    ClientCore::Connection idle = core_->take_idle(to_);
    is_reused_ = idle.channel != nullptr;
    if (is_reused_) {
      channel_ = std::move(idle.channel);
      permit_ = std::move(idle.permit);
      has_place_ = true;
      co_return Step<>();
    }
  }
  const std::shared_ptr<ClientCore::Attempt> attempt = core_->begin_attempt(to_);
  auto made = co_await make_connection(deadline);
  if (attempt != nullptr) {
    core_->end_attempt(*attempt);
  }
  co_return made;
}

async::Awaitable<ClientRun::Step<>> ClientRun::make_connection(async::Deadline deadline) {
  if (!has_place_) {
    if (auto entered = co_await enter(deadline); !entered) {
      co_return entered;
    }
    has_place_ = true;
  }
  auto connected = co_await connect(deadline);
  if (!connected) {
    co_return std::unexpected(std::move(connected.error()));
  }
  channel_ = *std::move(connected);
  co_return judge_protocol();
}

bool ClientRun::may_retry() const {
  return is_reused_ && !received_any_ && !writer_.has_taken_body() && !exchange_->is_abandoned() &&
         failure_ && failure_->failure == ClientFailure::Protocol;
}

async::Awaitable<ClientRun::Step<>> ClientRun::transfer() {
  deadline_ = after(exchange_->timeouts().first_byte);
  while (true) {
    const bool unwanted =
        response_ == nullptr ? exchange_->is_abandoned() : response_->reader_gone();
    if (unwanted) {
      co_return gone();
    }
    const Move written = write();
    const Move received = read();
    if (received == Move::Ended || written == Move::Ended) {
      break;
    }
    if (received == Move::Blocked && written == Move::Blocked) {
      if (!is_full() && deadline_.is_expired()) {
        static_cast<void>(break_off(ClientFailure::ReadTimeout, "the server does not answer"));
        break;
      }
      co_await wait_transfer();
    }
  }
  if (failure_) {
    co_return std::unexpected(failure_);
  }
  co_return Step<>();
}

async::Awaitable<> ClientRun::wait_transfer() {
  on_socket_.listen(channel_->socket().changed());
  on_abandoned_.listen(exchange_->abandoned_event());
  if (const auto& body = exchange_->request().body; body != nullptr && !writer_.is_done()) {
    on_request_body_.listen(body->readable_event());
  }
  if (response_ != nullptr) {
    on_response_body_.listen(response_->writable_event());
  }
  const auto deadline = is_full() ? async::Deadline::never() : deadline_;
  static_cast<void>(co_await async::wait_event(core_->shard, wake_, deadline));
  on_socket_.stop();
}

ClientRun::Move ClientRun::break_off(ClientFailure failure, std::string text) {
  if (response_ != nullptr) {
    response_->fail(
        failure == ClientFailure::ReadTimeout ? ErrorKind::DeadlineExceeded
                                              : ErrorKind::Disconnected
    );
  } else {
    failure_ = ClientError{failure, std::move(text)};
  }
  return Move::Ended;
}

void ClientRun::end_connection() {
  const auto& body = exchange_->request().body;
  if (body != nullptr && !writer_.is_done()) {
    body->stop_reading();
  }
  if (ended_well_ && keep_alive_ && writer_.is_done() && !write_failed_ && buffer_.empty()) {
    core_->keep_idle(to_, {std::move(channel_), std::move(permit_)});
  } else {
    channel_->shutdown();
    channel_.reset();
  }
}

// --- the request ---------------------------------------------------------------------------------

ClientRun::Move ClientRun::write() {
  if (write_failed_) {
    return Move::Blocked;
  }
  const RequestWriter::Parts parts = writer_.parts();
  if (std::ranges::all_of(parts, [](ByteView part) { return part.empty(); })) {
    return writer_.is_cut()
               ? break_off(ClientFailure::Protocol, "the request's body ended before its length")
               : Move::Blocked;
  }
  const net::Tried tried = channel_->try_write(parts);
  switch (tried.outcome) {
    case Outcome::Done:
      writer_.sent(tried.count);
      return Move::Progress;
    case Outcome::WantRead:
    case Outcome::WantWrite:
      channel_->watch(tried.outcome);
      return Move::Blocked;
    case Outcome::Closed:
    case Outcome::Failed:
      break;
  }
  // The server may have answered before it stopped to read: what it sent is still to be seen.
  write_failed_ = true;
  if (const auto& body = exchange_->request().body; body != nullptr && writer_.has_taken_body()) {
    body->stop_reading();
  }
  return Move::Progress;
}

// --- the response --------------------------------------------------------------------------------

ClientRun::Move ClientRun::read() {
  is_blocked_by_reader_ = false;
  return response_ == nullptr ? read_head() : read_body();
}

ClientRun::Move ClientRun::fill() {
  const net::Tried tried = channel_->try_read(buffer_.lend(kReadBytes));
  buffer_.commit(tried.outcome == Outcome::Done ? tried.count : 0);
  switch (tried.outcome) {
    case Outcome::Done:
      received_any_ = true;
      if (response_ != nullptr) {
        deadline_ = after(exchange_->timeouts().between_bytes);
      }
      return Move::Progress;
    case Outcome::WantRead:
    case Outcome::WantWrite:
      channel_->watch(tried.outcome);
      return Move::Blocked;
    case Outcome::Closed:
      if (response_ != nullptr && framing_ == ResponseFraming::UntilClose) {
        response_->finish();
        return Move::Ended;
      }
      return break_off(ClientFailure::Protocol, "the server closed the connection");
    case Outcome::Failed:
      break;
  }
  return break_off(ClientFailure::Protocol, channel_->failure_text());
}

ClientRun::Move ClientRun::read_head() {
  const std::string_view text = buffer_.text();
  switch (scanner_.scan(text, kLimits)) {
    case ResponseScanner::State::NeedMore:
      return fill();
    case ResponseScanner::State::Malformed:
      return break_off(ClientFailure::Protocol, "the answer is no HTTP response");
    case ResponseScanner::State::TooLong:
      return break_off(ClientFailure::HeadTooLong, "the response's head is too long");
    case ResponseScanner::State::Complete:
      break;
  }
  return take_head(text.substr(0, scanner_.end()));
}

ClientRun::Move ClientRun::take_head(std::string_view text) {
  wire::http1::ResponseHead head;
  const auto kind = exchange_->request().method == "HEAD" ? wire::http1::RequestKind::Head
                                                          : wire::http1::RequestKind::Other;
  if (const auto refused = wire::http1::parse_response_head(text, kind, kLimits, head)) {
    return break_off(ClientFailure::Protocol, std::string(*refused));
  }
  const bool is_interim = head.status < 200;
  if (is_interim && (head.status == 101 || ++interim_ > kMaxInterim)) {
    return break_off(ClientFailure::Protocol, "an interim response that was not asked for");
  }
  if (!is_interim) {
    deliver(head);
  }
  buffer_.consume(scanner_.end());
  scanner_ = {};
  if (response_ != nullptr && framing_ == ResponseFraming::None) {
    ended_well_ = true;
    return Move::Ended;
  }
  return Move::Progress;
}

void ClientRun::deliver(const wire::http1::ResponseHead& head) {
  Response response;
  response.status = head.status;
  response.fields.lines().reserve(head.fields.size());
  for (const auto& field : head.fields) {
    response.fields.append(std::string(field.name), std::string(field.value));
  }
  framing_ = head.framing;
  keep_alive_ = head.keep_alive;
  if (framing_ == ResponseFraming::Length && head.content_length == 0) {
    framing_ = ResponseFraming::None;
  }
  if (framing_ == ResponseFraming::Length || framing_ == ResponseFraming::Chunked) {
    decoder_ = BodyDecoder(
        framing_ == ResponseFraming::Length ? wire::http1::Framing::Length
                                            : wire::http1::Framing::Chunked,
        head.content_length
    );
  }
  response_ = framing_ == ResponseFraming::None ? BodyPipe::empty() : make_local<BodyPipe>();
  response.body = response_;
  deadline_ = after(exchange_->timeouts().between_bytes);
  exchange_->resolve(std::move(response));
}

ClientRun::Move ClientRun::read_body() {
  if (framing_ == ResponseFraming::UntilClose) {
    if (buffer_.empty()) {
      return fill();
    }
    const std::size_t taken = response_->write(as_bytes(buffer_.text()));
    buffer_.consume(taken);
    is_blocked_by_reader_ = taken == 0;
    return taken > 0 ? Move::Progress : Move::Blocked;
  }
  const auto step = decoder_.decode(buffer_.text(), response_->writable_bytes());
  if (!step.data.empty()) {
    response_->write(as_bytes(step.data));
  }
  buffer_.consume(step.consumed);
  switch (step.state) {
    case BodyDecoder::State::NeedMore:
      return fill();
    case BodyDecoder::State::Data:
      return Move::Progress;
    case BodyDecoder::State::Full:
      is_blocked_by_reader_ = true;
      return Move::Blocked;
    case BodyDecoder::State::Bad:
      response_->fail(ErrorKind::InvalidInput);
      return Move::Ended;
    case BodyDecoder::State::End:
      break;
  }
  std::unique_ptr<Fields> trailers;
  for (const auto& field : decoder_.trailers()) {
    if (trailers == nullptr) {
      trailers = std::make_unique<Fields>();
    }
    trailers->append(std::string(field.name), std::string(field.value));
  }
  response_->finish(std::move(trailers));
  ended_well_ = true;
  return Move::Ended;
}

}  // namespace whorl::http
