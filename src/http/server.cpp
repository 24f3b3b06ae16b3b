#include "http/server.hpp"

#include "http/connection.hpp"
#include "http/handshake.hpp"
#include "http/http2_connection.hpp"
#include "http/proxy_preface.hpp"
#include "http/server_core.hpp"
#include "log/line_writer.hpp"
#include "log/log.hpp"
#include "telemetry/limits.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace whorl::http {
namespace {

using namespace std::chrono_literals;
using async::Milliseconds;

// Idle connections given up at a time when descriptors are short.
constexpr std::size_t kShedAtOnce = 16;

/// To who has too many connections, before a request was read.
constexpr std::string_view kTooManyConnections =
    "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\n"
    "content-length: 0\r\n\r\n";

// Bytes of it that are taken, more than a new socket holds: a multiple of what is taken at a time.
constexpr std::size_t kMostIgnored = std::size_t{1} << 20;

/// Ticks that a connection must have been idle before it is given up for another.
constexpr Tick kRestTicks = 2;

/// Deadlines are kept to an eighth, or better.
Milliseconds choose_tick(const ServerOptions& options) {
  const Milliseconds shortest = std::min(
      {options.header_timeout,
       options.idle_timeout,
       options.body_timeout,
       options.write_timeout,
       options.rate_grace,
       options.linger_timeout}
  );
  return std::clamp<Milliseconds>(shortest / 8, 5ms, 1000ms);
}

}  // namespace

/// Takes connections from one listening socket.
class ServerCore::Listener final : public net::AcceptSink {
 public:
  Listener(ServerCore& core, fs::Fd listening)
      : core_(core), acceptor_(core.shard, std::move(listening), *this) {}

  void on_accept(fs::Fd socket, const net::SocketAddress& peer) override {
    core_.on_accept(std::move(socket), peer);
  }
  bool has_room() override {
    if (core_.connections.size() < core_.options.max_connections || core_.shed_idle(1) > 0) {
      return true;
    }
    telemetry::report_limit(
        telemetry::Limit::Connections,
        "whorl::http",
        fmt::format("{} connections are open, more have to wait", core_.connections.size())
    );
    return false;
  }
  void on_exhausted() override { core_.shed_idle(kShedAtOnce); }
  void on_accept_error(const Error& error) override {
    log::warn("whorl::http", "{}", error.to_line());
  }
  void resume() { acceptor_.resume(); }
  void accept_waiting() { acceptor_.accept_waiting(); }

 private:
  ServerCore& core_;
  net::Acceptor acceptor_;
};

ServerCore::ServerCore(async::Shard& on, Handler& to, ServerOptions with)
    : shard(on),
      handler(to),
      options(std::move(with)),
      tick_length(choose_tick(options)),
      // A client that stops altogether meets the other time-out first.
      body_rate{options.min_body_rate, options.rate_grace, options.body_timeout},
      write_rate{options.min_write_rate, options.rate_grace, options.write_timeout} {
  if (options.balance != nullptr) {
    seat_ = &options.balance->join(shard, *this);
  }
}

ServerCore::~ServerCore() = default;

void ServerCore::on_accept(fs::Fd socket, const net::SocketAddress& peer) {
  if (seat_ == nullptr || draining || !options.balance->try_pass_on(*seat_, socket, peer)) {
    take(std::move(socket), peer);
  }
}

void ServerCore::adopt(fs::Fd socket, const net::SocketAddress& peer) {
  if (!ended) {
    take(std::move(socket), peer);
  }
  if (is_empty()) {
    empty_event.notify();
  }
}

void ServerCore::take(fs::Fd socket, const net::SocketAddress& peer) {
  if (options.proxies.contains(peer)) {
    // A proxy has many connections: its clients are counted, once they are known.
    add(make_local<ProxyPreface>(*this, std::move(socket), peer.to_string()), {});
  } else {
    admit(std::move(socket), peer.to_string());
  }
}

bool ServerCore::is_empty() const noexcept {
  return draining && connections.empty() && (seat_ == nullptr || !seat_->is_expecting());
}

void ServerCore::note_load() noexcept {
  if (seat_ != nullptr) {
    seat_->set_load(connections.size());
  }
}

Tick ServerCore::tick_after(Milliseconds timeout) const noexcept {
  // The present tick is partly over, hence one more.
  return now + static_cast<Tick>(timeout / tick_length) + 1;
}

bool ServerCore::refuse_crowd(const fs::Fd& socket, std::string_view client_address) {
  if (options.clients == nullptr) {
    return false;
  }
  const auto client = ClientCensus::key_of(client_address);
  if (!client || !options.clients->is_full(*client)) {
    return false;
  }
  telemetry::report_limit(
      telemetry::Limit::ClientConnections,
      "whorl::http",
      fmt::format(
          "{}: refused with 429: this client has {} connections, more are not allowed",
          client_address,
          options.clients->most()
      )
  );
  if (tls == nullptr) {
    // The buffer of a new socket has room for it.
    (void)::send(
        socket.get(),
        kTooManyConnections.data(),
        kTooManyConnections.size(),
        MSG_NOSIGNAL | MSG_DONTWAIT
    );
    ::shutdown(socket.get(), SHUT_WR);
    // What has arrived unread would turn the end into a reset. Who goes on sending gets one.
    std::array<char, 4096> ignored;
    for (std::size_t left = kMostIgnored; left != 0; left -= ignored.size()) {
      const auto count = ::recv(socket.get(), ignored.data(), ignored.size(), MSG_DONTWAIT);
      if (count != ssize_t{ignored.size()}) {
        break;
      }
    }
  }
  return true;
}

void ServerCore::leave_census(const ServerConnection& connection) noexcept {
  if (connection.client) {
    options.clients->leave(*connection.client);
  }
}

void ServerCore::admit(fs::Fd socket, std::string client_address) {
  if (refuse_crowd(socket, client_address)) {
    return;
  }
  if (tls == nullptr) {
    add(net::make_tcp_stream(shard, std::move(socket)),
        std::move(client_address),
        Protocol::Http1,
        {});
    return;
  }
  if (handshakes.size() >= options.max_handshakes) {
    handshakes.front()->close_idle();
  }
  auto stream = tls->make_stream(shard, std::move(socket));
  if (stream == nullptr) {
    return;
  }
  const auto handshake = make_local<Handshake>(*this, std::move(stream), client_address);
  handshake->place = handshakes.insert(handshakes.end(), handshake.get());
  add(handshake, client_address);
}

void ServerCore::forget(Handshake& handshake) {
  handshakes.erase(handshake.place);
}

void ServerCore::add(
    std::unique_ptr<net::Stream> stream,
    std::string client_address,
    Protocol protocol,
    std::string_view received
) {
  const std::string counted = options.clients == nullptr ? std::string() : client_address;
  if (protocol == Protocol::Http2) {
    add(make_local<Http2Connection>(*this, std::move(stream), std::move(client_address), received),
        counted);
  } else {
    add(make_local<Connection>(*this, std::move(stream), std::move(client_address)), counted);
  }
}

void ServerCore::add(LocalPtr<ServerConnection> connection, std::string_view client_address) {
  if (options.clients != nullptr) {
    connection->client = ClientCensus::key_of(client_address);
    if (connection->client) {
      options.clients->enter(*connection->client);
    }
  }
  connection->index = connections.size();
  connections.push_back(connection);
  note_load();
  start_sweeping();
  connection->start();
}

void ServerCore::remove(ServerConnection& connection) {
  const std::size_t index = connection.index;
  const LocalPtr<ServerConnection> removed = std::move(connections[index]);
  if (index + 1 != connections.size()) {
    connections[index] = std::move(connections.back());
    connections[index]->index = index;
  }
  connections.pop_back();
  note_load();
  leave_census(*removed);
  if (connections.size() + 1 == options.max_connections) {
    resume_accepting();
  }
  if (is_empty()) {
    empty_event.notify();
  }
}

void ServerCore::resume_accepting() {
  for (const auto& listener : listeners) {
    listener->resume();
  }
}

std::size_t ServerCore::shed_idle(std::size_t count) {
  std::vector<ServerConnection*> idle;
  for (const auto& connection : connections) {
    // One that was accepted just now may have a request on its way.
    if (connection->is_idle() && now - connection->idle_since() >= kRestTicks) {
      idle.push_back(connection.get());
    }
  }
  count = std::min(count, idle.size());
  const auto middle = idle.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(idle.begin(), middle, idle.end(), [](ServerConnection* a, ServerConnection* b) {
    return a->idle_since() < b->idle_since();
  });
  for (auto it = idle.begin(); it != middle; ++it) {
    (*it)->close_idle();
  }
  return count;
}

void ServerCore::stop_accepting() {
  if (!std::exchange(draining, true)) {
    if (seat_ != nullptr) {
      seat_->close();
    }
    for (const auto& listener : listeners) {
      listener->accept_waiting();
    }
  }
  listeners.clear();
  for (const auto& connection : connections) {
    connection->on_drain();
  }
  if (is_empty()) {
    empty_event.notify();
  }
}

void ServerCore::close_all() {
  draining = ended = true;
  if (seat_ != nullptr) {
    seat_->close();
  }
  listeners.clear();
  while (!connections.empty()) {
    const LocalPtr<ServerConnection> connection = std::move(connections.back());
    connections.pop_back();
    note_load();
    leave_census(*connection);
    connection->abandon();
  }
  empty_event.notify();
}

void ServerCore::start_sweeping() {
  if (std::exchange(sweeping_, true)) {
    return;
  }
  sweep_alarm_.start(async::Deadline::after(tick_length));
}

void ServerCore::close_at(async::Deadline deadline) {
  close_alarm_.start(deadline);
}

void ServerCore::sweep() {
  sweeping_ = false;
  ++now;
  const bool log_waits = !log::flush_lines();
  for (const auto& connection : connections) {
    connection->sweep(now);
  }
  if (connections.size() >= options.max_connections) {
    // Connections that became idle may be given up for those that wait.
    resume_accepting();
  }
  if (!connections.empty() || log_waits) {
    start_sweeping();
  }
}

Server::Server(async::Shard& shard, Handler& handler, ServerOptions options)
    : core_(std::make_unique<ServerCore>(shard, handler, std::move(options))) {}

Server::~Server() {
  core_->close_all();
}

void Server::listen(fs::Fd listening) {
  core_->listeners.push_back(std::make_unique<ServerCore::Listener>(*core_, std::move(listening)));
}

void Server::set_tls(std::shared_ptr<const net::TlsServerContext> tls) noexcept {
  core_->tls = std::move(tls);
}

void Server::serve(std::unique_ptr<net::Stream> stream, std::string client_address) {
  core_->add(std::move(stream), std::move(client_address), Protocol::Http1, {});
}

void Server::stop_accepting() {
  core_->stop_accepting();
}

void Server::drain(async::Deadline deadline, Patience patience) {
  core_->is_patient = patience == Patience::Full;
  core_->stop_accepting();
  core_->close_at(deadline);
}

void Server::close_all() {
  core_->close_all();
}

bool Server::is_empty() const noexcept {
  return core_->is_empty();
}

async::Event& Server::empty_event() noexcept {
  return core_->empty_event;
}

std::size_t Server::connection_count() const noexcept {
  return core_->connections.size();
}

}  // namespace whorl::http
