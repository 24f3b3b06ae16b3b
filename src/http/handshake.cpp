#include "http/handshake.hpp"

#include "log/log.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace whorl::http {
namespace {

/// To who sends a request where a handshake is due.
constexpr std::string_view kPlainHttp =
    "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    "content-length: 41\r\n\r\nthis port speaks HTTPS: ask for https://\n";

}  // namespace

Handshake::Handshake(
    ServerCore& core, std::unique_ptr<net::TlsServerStream> stream, std::string client_address
)
    : core_(&core),
      stream_(std::move(stream)),
      client_address_(std::move(client_address)),
      since_(core.now),
      deadline_(core.tick_after(core.options.handshake_timeout)) {}

Handshake::~Handshake() = default;

void Handshake::start() {
  // Its first bytes are hardly ever there already.
  stream_->start_wait_readable(shared_from_this());
}

void Handshake::sweep(Tick now) {
  if (core_ != nullptr && now >= deadline_) {
    log::debug("whorl::http", "{}: the TLS handshake took too long", client_address_);
    // Not now: the core is going through its connections.
    core_->shard.post([self = shared_from_this()] { self->end(); });
  }
}

void Handshake::on_drain() {
  if (!core_->is_patient) {
    deadline_ = std::min(deadline_, core_->tick_after(core_->options.linger_timeout));
  }
}

void Handshake::abandon() {
  std::exchange(core_, nullptr)->forget(*this);
  stream_->close();
}

void Handshake::on_read(net::ReadEnd end, std::size_t) {
  if (core_ == nullptr) {
    return;
  }
  if (end == net::ReadEnd::Bytes) {
    advance();
  } else {
    this->end();
  }
}

void Handshake::on_writable() {
  if (core_ != nullptr) {
    advance();
  }
}

void Handshake::advance() {
  using Step = net::TlsServerStream::Step;
  switch (stream_->try_handshake()) {
    case Step::Done:
      finish();
      break;
    case Step::WantRead:
      stream_->start_wait_readable(shared_from_this());
      break;
    case Step::WantWrite:
      stream_->start_wait_writable(shared_from_this());
      break;
    case Step::Failed:
      log::debug(
          "whorl::http",
          "{}: the TLS handshake failed: {}",
          client_address_,
          stream_->failure_text()
      );
      if (stream_->is_plain_http()) {
        stream_->answer_plainly(kPlainHttp);
      }
      end();
      break;
  }
}

void Handshake::finish() {
  ServerCore& core = *std::exchange(core_, nullptr);
  const Protocol protocol = stream_->protocol() == "h2" ? Protocol::Http2 : Protocol::Http1;
  core.forget(*this);
  core.add(std::move(stream_), std::move(client_address_), protocol, {});
  core.remove(*this);
}

void Handshake::end() {
  if (core_ == nullptr) {
    return;
  }
  ServerCore& core = *std::exchange(core_, nullptr);
  stream_->close();
  core.forget(*this);
  core.remove(*this);
}

}  // namespace whorl::http
