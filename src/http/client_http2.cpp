// The client's half that is about HTTP/2: which connections carry many requests, and a request's
// way over one of them.
#include "http/client_run.hpp"
#include "http/http2_client_connection.hpp"

#include <algorithm>

namespace whorl::http {
namespace {

/// Places that are remembered to speak HTTP/1.1.
constexpr std::size_t kMostHttp1 = 1024;
/// For how long a place is asked by HTTP/1.1 that wants nothing else.
constexpr std::chrono::minutes kHttp1Time{10};
/// How often a request that was refused, or lost before it was begun, is sent again.
constexpr unsigned kMostTries = 3;

}  // namespace

// --- what requests share ---------------------------------------------------------------------

std::shared_ptr<Http2ClientConnection> ClientCore::http2(const Destination& to) const {
  const auto found = std::ranges::find_if(http2_, [&](const auto& each) {
    return each->is_open() && each->destination() == to;
  });
  return found == http2_.end() ? nullptr : *found;
}

std::shared_ptr<Http2ClientConnection> ClientCore::add_http2(
    std::shared_ptr<ClientCore> self, const Destination& to, Connection connection
) {
  std::erase(http1_, to);
  auto made = std::make_shared<Http2ClientConnection>(std::move(self), to, std::move(connection));
  if (options.max_idle > 0) {
    http2_.push_back(made);
  }
  made->start();
  return made;
}

bool ClientCore::keeps(const Http2ClientConnection& connection) const noexcept {
  return std::ranges::any_of(http2_, [&](const auto& each) { return each.get() == &connection; });
}

void ClientCore::forget(const Http2ClientConnection& connection) {
  std::erase_if(http2_, [&](const auto& each) { return each.get() == &connection; });
}

std::size_t ClientCore::http2_connections() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(http2_, [](const auto& each) {
    return each->is_open();
  }));
}

std::size_t ClientCore::idle_http2() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(http2_, [](const auto& each) {
    return each->is_idle();
  }));
}

std::shared_ptr<Http2ClientConnection> ClientCore::oldest_idle_http2() const {
  std::shared_ptr<Http2ClientConnection> oldest;
  for (const auto& each : http2_) {
    if (each->is_idle() && (oldest == nullptr || each->idle_since() < oldest->idle_since())) {
      oldest = each;
    }
  }
  return oldest;
}

std::shared_ptr<ClientCore::Attempt> ClientCore::attempt(const Destination& to) const {
  const auto found =
      std::ranges::find_if(attempts_, [&](const auto& each) { return each->to == to; });
  return found == attempts_.end() ? nullptr : *found;
}

std::shared_ptr<ClientCore::Attempt> ClientCore::begin_attempt(const Destination& to) {
  const bool may_share = to.knows_http2 || (to.is_tls && options.offers_http2 && !to.only_http1);
  if (!may_share || options.max_idle == 0 || attempt(to) != nullptr ||
      std::ranges::find(http1_, to) != http1_.end()) {
    return nullptr;
  }
  auto begun = std::make_shared<Attempt>();
  begun->to = to;
  attempts_.push_back(begun);
  return begun;
}

void ClientCore::end_attempt(Attempt& attempt) {
  attempt.is_over = true;
  std::erase_if(attempts_, [&](const auto& each) { return each.get() == &attempt; });
  attempt.over.notify();
}

void ClientCore::note_http1(const Destination& to) {
  if (to.is_tls && !to.only_http1 && std::ranges::find(http1_, to) == http1_.end()) {
    if (http1_.size() >= kMostHttp1) {
      http1_.pop_front();
    }
    http1_.push_back(to);
  }
}

void ClientCore::require_http1(const Destination& to) {
  std::erase_if(http1_required_, [&](const Http1Place& each) {
    return each.until.is_expired() || each.to == to;
  });
  if (http1_required_.size() >= kMostHttp1) {
    http1_required_.pop_front();
  }
  http1_required_.push_back({to, async::Deadline::after(kHttp1Time)});
}

bool ClientCore::requires_http1(const Destination& to) const noexcept {
  return std::ranges::any_of(http1_required_, [&](const Http1Place& each) {
    return each.to == to && !each.until.is_expired();
  });
}

// --- a request -------------------------------------------------------------------------------

void ClientRun::use_http1() noexcept {
  to_.knows_http2 = false;
  to_.only_http1 = to_.is_tls;
}

void ClientRun::heed_place() {
  if (exchange_->versions() == HttpVersions::Any && core_->requires_http1(to_)) {
    use_http1();
  }
}

/// Waits for room on the connection that carries everybody's requests, or for one to be made.
/// @return whether there is one now
async::Awaitable<ClientRun::Step<bool>> ClientRun::join_http2(async::Deadline deadline) {
  bool has_waited = false;
  while (true) {
    http2_ = core_->http2(to_);
    if (http2_ != nullptr && http2_->session().has_room()) {
      co_return true;
    }
    const auto attempt = http2_ == nullptr ? core_->attempt(to_) : nullptr;
    if (http2_ == nullptr && (attempt == nullptr || has_waited)) {
      co_return false;
    }
    on_socket_.listen(attempt != nullptr ? attempt->over : http2_->session().room_event());
    auto waited = co_await wait_connecting(deadline);
    on_socket_.stop();
    if (!waited) {
      co_return std::unexpected(std::move(waited.error()));
    }
    // One that failed is not waited for a second time: everybody tries for himself then.
    has_waited = attempt != nullptr && attempt->is_over;
  }
}

/// Takes over the connection that was made, if HTTP/2 is spoken on it.
ClientRun::Step<> ClientRun::judge_protocol() {
  if (to_.knows_http2 || channel_->protocol() == "h2") {
    // Somebody else may have made one meanwhile: one is enough.
    http2_ = core_->http2(to_);
    if (http2_ != nullptr && http2_->session().has_room()) {
      channel_->shutdown();
      channel_.reset();
      permit_ = ConnectionPermit();
      has_place_ = false;
    } else {
      http2_ = core_->add_http2(core_, to_, {std::move(channel_), std::move(permit_)});
      has_place_ = false;
    }
    return {};
  }
  core_->note_http1(to_);
  if (exchange_->versions() == HttpVersions::Http2Only) {
    return failed(ClientFailure::Protocol, "the server does not speak HTTP/2");
  }
  return {};
}

bool ClientRun::may_retry(const Http2ClientStream& stream, bool was_used) const {
  if (stream.response != nullptr || stream.has_taken_body || exchange_->is_abandoned() ||
      !failure_ || failure_->failure != ClientFailure::Protocol) {
    return false;
  }
  if (stream.needs_http1 && exchange_->versions() != HttpVersions::Any) {
    return false;
  }
  // RFC 9113 §7, HTTP_1_1_REQUIRED, does not say that nothing was done; a refusal (§8.7) does.
  return stream.is_refused || (stream.needs_http1 && may_repeat()) ||
         (stream.is_lost && (!stream.has_sent_head || (was_used && may_repeat())));
}

async::Deadline ClientRun::http2_deadline(const Http2ClientStream& stream) const {
  if (stream.response == nullptr) {
    return deadline_;
  }
  // While there is something to read, it is not the server that is waited for.
  const auto since = stream.response->readable().empty() ? stream.moved_at : async::Clock::now();
  const auto most = async::Clock::time_point::max() - since;
  const auto time = std::chrono::duration_cast<async::Clock::duration>(
      std::max(exchange_->timeouts().between_bytes, std::chrono::nanoseconds::zero())
  );
  return time > most ? async::Deadline::never() : async::Deadline(since + time);
}

async::Awaitable<ClientRun::Step<>> ClientRun::transfer_http2() {
  // The stream outlives its connection here, and the connection this request.
  const std::shared_ptr<Http2ClientConnection> connection = std::move(http2_);
  const bool was_used = connection->session().opened() > 0;
  const auto begun = async::Clock::now();
  deadline_ = after(exchange_->timeouts().first_byte);
  const auto stream = connection->session().open(exchange_);
  while (!stream->is_closed) {
    if (stream->response == nullptr && exchange_->is_abandoned()) {
      connection->session().cancel(*stream);
      co_return gone();
    }
    const auto deadline = http2_deadline(*stream);
    if (deadline.is_expired()) {
      // One on which nobody is answered is left for another.
      if (connection->session().last_answered() < begun) {
        connection->retire();
      }
      break_off_http2(*stream);
      connection->session().cancel(*stream);
      break;
    }
    on_abandoned_.listen(exchange_->abandoned_event());
    on_socket_.listen(stream->changed);
    static_cast<void>(co_await async::wait_event(core_->shard, wake_, deadline));
  }
  on_socket_.stop();
  if (stream->failure) {
    failure_ = stream->failure;
  }
  retries_ = failure_ && may_retry(*stream, was_used) && ++tries_ < kMostTries;
  if (retries_ && stream->needs_http1) {
    use_http1();
  }
  if (stream->body != nullptr && !stream->is_sent && !retries_) {
    stream->body->stop_reading();
  }
  if (failure_) {
    co_return std::unexpected(failure_);
  }
  co_return Step<>();
}

void ClientRun::break_off_http2(Http2ClientStream& stream) {
  if (stream.response != nullptr) {
    stream.response->fail(ErrorKind::DeadlineExceeded);
  } else {
    failure_ = ClientError{ClientFailure::ReadTimeout, "the server does not answer"};
  }
}

}  // namespace whorl::http
