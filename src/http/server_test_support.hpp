/// A server and its clients on one thread, for the tests of this room: the loop runs while a test
/// waits for something.
#pragma once

#include "async/shard.hpp"
#include "base/local_ptr.hpp"
#include "http/server.hpp"
#include "net/listener.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::http::test {

using namespace std::chrono_literals;

/// Puts a fixed text where a date field's value is.
inline std::string mask_dates(std::string text) {
  constexpr std::string_view kName = "\r\ndate: ";
  for (std::size_t at = text.find(kName); at != std::string::npos; at = text.find(kName, at + 1)) {
    if (at + kName.size() + 29 <= text.size()) {
      text.replace(at + kName.size(), 29, "D");
    }
  }
  return text;
}

/// A client's end of a connection.
class Client {
 public:
  explicit Client(const net::SocketAddress& address)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (connect(fd_.get(), address.data(), address.size()) != 0) {
      FAIL("cannot connect: ", errno);
    }
    fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
  }

  /// Sends what the socket takes; says how much.
  std::size_t send_some(std::string_view data) {
    const ssize_t count = ::send(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) {
      send_failed = true;
    }
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  void send(std::string_view data) { REQUIRE(send_some(data) == data.size()); }
  /// Takes what has arrived into `received`, or notes the end.
  std::size_t receive() {
    const ssize_t count = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (count > 0) {
      received.append(buffer_.data(), static_cast<std::size_t>(count));
      return static_cast<std::size_t>(count);
    }
    if (count == 0) {
      closed = true;
    } else if (errno != EAGAIN) {
      closed = reset = true;
    }
    return 0;
  }
  void half_close() { shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_ = fs::Fd(); }
  [[nodiscard]] int fd() const { return fd_.get(); }

  std::string received;
  bool closed = false;
  bool reset = false;
  bool send_failed = false;

 private:
  fs::Fd fd_;
  std::string buffer_ = std::string(64 * 1024, ' ');
};

/// Answers by path; what a test does not know is answered with 404.
class PathHandler final : public Handler {
 public:
  using Answer = std::move_only_function<void(LocalPtr<Exchange>)>;

  void handle(LocalPtr<Exchange> exchange) override {
    ++handled;
    const auto found = answers.find(exchange->request().path_and_query);
    if (found == answers.end()) {
      exchange->abort(404);
      return;
    }
    found->second(std::move(exchange));
  }

  std::map<std::string, Answer, std::less<>> answers;
  int handled = 0;
};

/// A body that has ended already.
inline LocalPtr<BodyPipe> whole_body(std::string_view text) {
  auto body = make_local<BodyPipe>();
  body->write(as_bytes(text));
  body->finish();
  return body;
}

/// Copies a body as it arrives, with backpressure.
class Copier final : public std::enable_shared_from_this<Copier> {
 public:
  Copier(async::Shard& shard, LocalPtr<BodyPipe> from, LocalPtr<BodyPipe> to)
      : shard_(shard), from_(std::move(from)), to_(std::move(to)) {}

  void step() {
    from_->demand();
    while (true) {
      const ByteView ready = from_->readable();
      peak = std::max({peak, ready.size(), to_->readable().size()});
      const std::size_t taken = to_->write(ready);
      if (taken == 0) {
        break;
      }
      from_->consume(taken);
    }
    if (to_->reader_gone()) {
      from_->stop_reading();
    } else if (from_->at_end()) {
      to_->finish(from_->take_trailers());
    } else if (from_->failure() && from_->readable().empty()) {
      to_->fail(*from_->failure());
    } else {
      if (!on_bytes_.is_linked()) {
        from_->readable_event().add(on_bytes_);
      }
      if (!on_room_.is_linked()) {
        to_->writable_event().add(on_room_);
      }
      return;
    }
    is_done = true;
  }

  std::size_t peak = 0;  ///< most bytes seen in either pipe
  bool is_done = false;

 private:
  struct Step final : async::Waiter {
    explicit Step(Copier& copier) : owner(copier) {}
    void on_event() noexcept override {
      owner.shard_.post([self = owner.shared_from_this()] {
        if (!self->is_done) {
          self->step();
        }
      });
    }
    Copier& owner;
  };

  async::Shard& shard_;
  LocalPtr<BodyPipe> from_;
  LocalPtr<BodyPipe> to_;
  Step on_bytes_{*this};
  Step on_room_{*this};
};

struct Site {
  explicit Site(ServerOptions options = {}) : server(shard, handler, options) {
    auto listeners = net::listen_on(*net::SocketAddress::from_ip("127.0.0.1", 0), 1);
    REQUIRE(listeners);
    address = listeners->address;
    server.listen(std::move(listeners->sockets[0]));
  }

  /// Runs the loop until `done()` holds; a minute without it is a failure, not a hang.
  template <class Done>
  bool run_until(Done done) {
    const auto limit = std::chrono::steady_clock::now() + 60s;
    for (unsigned i = 0; !done(); ++i) {
      shard.poll();
      if (i % 256 == 0 && std::chrono::steady_clock::now() > limit) {
        return false;
      }
    }
    return true;
  }
  /// Runs what is ready, a few times over.
  void settle() {
    for (int i = 0; i < 50; ++i) {
      shard.poll();
    }
  }
  /// Waits for so many bytes, or the end, or for both if `count` is too large.
  void receive(Client& client, std::size_t count) {
    REQUIRE(run_until([&] {
      client.receive();
      return client.closed || client.received.size() >= count;
    }));
  }
  void receive_all(Client& client) { receive(client, SIZE_MAX); }
  /// One request on a connection of its own, answered and closed.
  std::string ask(std::string_view request) {
    Client client(address);
    client.send(request);
    receive_all(client);
    return mask_dates(client.received);
  }
  void answer(std::string path, PathHandler::Answer with) {
    handler.answers[std::move(path)] = std::move(with);
  }
  /// Echoes bodies as they come, under `path`.
  void answer_with_echo(std::string path) {
    answer(std::move(path), [this](const LocalPtr<Exchange>& exchange) {
      auto out = make_local<BodyPipe>();
      copier = std::make_shared<Copier>(shard, exchange->request().body, out);
      exchange->respond({.status = 200, .fields = {}, .body = out});
      copier->step();
    });
  }

  async::Shard shard{0};
  PathHandler handler;
  Server server;
  net::SocketAddress address;
  std::shared_ptr<Copier> copier;
};

}  // namespace whorl::http::test
