/// Servers that are scripts of bytes, and a client on a shard that the test drives.
#pragma once

#include "async/timer.hpp"
#include "http/client.hpp"
#include "http/client_exchange.hpp"
#include "net/listener.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace whorl::http::test {

inline constexpr int kPatienceMs = 20'000;

/// One accepted connection of a scripted server; runs on the server's thread.
class Peer {
 public:
  explicit Peer(fs::Fd socket) : socket_(std::move(socket)) {}

  /// Reads until `end` has come; what came before and with it.
  std::string read_until(std::string_view end) {
    while (buffer_.find(end) == std::string::npos && receive()) {
    }
    const std::size_t at = buffer_.find(end);
    const std::size_t size = at == std::string::npos ? buffer_.size() : at + end.size();
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }
  std::string read_head() { return read_until("\r\n\r\n"); }
  /// So many bytes, or fewer when the connection ends before.
  std::string read_bytes(std::size_t count) {
    while (buffer_.size() < count && receive()) {
    }
    std::string taken = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return taken;
  }
  /// Waits for the end of the connection. @return whether it came
  bool wait_closed() {
    while (receive()) {
    }
    return ended_;
  }
  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (count < 0) {
        return;
      }
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  void close() { socket_ = fs::Fd(); }

 private:
  bool receive() {
    char part[4096];
    pollfd entry{socket_.get(), POLLIN, 0};
    if (::poll(&entry, 1, kPatienceMs) != 1) {
      return false;
    }
    const ssize_t count = ::recv(socket_.get(), part, sizeof part, 0);
    ended_ = count <= 0;
    if (count > 0) {
      buffer_.append(part, static_cast<std::size_t>(count));
    }
    return count > 0;
  }

  fs::Fd socket_;
  std::string buffer_;
  bool ended_ = false;
};

/// Accepts connections one after another and hands them to the scripts, each on one thread.
class Server {
 public:
  using Script = std::function<void(Peer&)>;  // lint: allow(function) scripts of a test are copied
  explicit Server(std::vector<Script> scripts) {
    auto listeners = net::listen_on(*net::SocketAddress::from_ip("127.0.0.1", 0), 1);
    REQUIRE(listeners);
    address_ = listeners->address;
    auto serve = [socket = std::move(listeners->sockets[0]),
                  scripts = std::move(scripts)]() mutable {
      for (Script& script : scripts) {
        pollfd entry{socket.get(), POLLIN, 0};
        if (::poll(&entry, 1, kPatienceMs) != 1) {
          return;
        }
        fs::Fd accepted(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
        Peer peer(std::move(accepted));
        script(peer);
      }
    };
    thread_ = std::thread(std::move(serve));  // lint: allow(thread) the peer of the tests
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { join(); }
  void join() {
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  [[nodiscard]] std::string authority() const { return address_.to_string(); }

 private:
  net::SocketAddress address_;
  std::thread thread_;  // lint: allow(thread) the peer of the tests
};

/// A client on a shard that the test drives.
struct Scene {
  explicit Scene(ClientOptions options = {}) : client(shard, std::move(options)) {}

  template <class Done>
  bool run_until(Done done) {
    async::Timer timer(shard);
    timer.start(async::Deadline::after(std::chrono::milliseconds(kPatienceMs)));
    while (!done() && !timer.has_fired()) {
      if (!shard.poll()) {
        std::this_thread::yield();
      }
    }
    return done();
  }
  std::shared_ptr<ClientExchange> send(Request request, ClientTimeouts timeouts = {}) {
    auto exchange = std::make_shared<ClientExchange>(std::move(request), timeouts);
    client.send(exchange);
    return exchange;
  }
  /// The head's outcome; a test fails here rather than later.
  ClientExchange::Outcome outcome(ClientExchange& exchange) {
    REQUIRE(run_until([&] { return exchange.is_resolved(); }));
    auto taken = exchange.take_outcome();
    REQUIRE(taken);
    return *std::move(taken);
  }
  /// The whole body, read as it comes.
  std::string drain(BodyPipe& body) {
    std::string text;
    REQUIRE(run_until([&] {
      text += as_text(body.readable());
      body.consume(body.readable().size());
      return body.is_ended() && body.readable().empty();
    }));
    return text;
  }

  async::Shard shard{0};
  Client client;
};

inline Request get(const Server& server, std::string path = "/") {
  Request request;
  request.authority = server.authority();
  request.path_and_query = std::move(path);
  return request;
}

}  // namespace whorl::http::test
