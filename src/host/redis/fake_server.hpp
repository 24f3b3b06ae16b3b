// A stand-in for a server, for tests: it runs on the shard of the test, in between.
#pragma once

#include "async/shard.hpp"
#include "async/timer.hpp"
#include "fs/file.hpp"
#include "net/listener.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace whorl::host::redis::test {

class FakeServer {
 public:
  /// What is answered to the bytes of a command; nothing: the connection is closed.
  using Answer = std::move_only_function<std::optional<std::string>(const std::string&)>;

  FakeServer(async::Shard& shard, Answer answer) : shard_(shard), answer_(std::move(answer)) {
    auto made = net::listen_on(*net::SocketAddress::from_ip("127.0.0.1", 0), 1);
    REQUIRE(made);
    listening_ = *std::move(made);
    step();
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return listening_.address.port(); }
  [[nodiscard]] std::string address(std::string_view user = "") const {
    return fmt::format("redis://{}127.0.0.1:{}", user, port());
  }
  void close_all() { peers_.clear(); }

  int accepted = 0;
  std::string seen;  ///< everything that was received

 private:
  /// Looks again, a little later: the loop of the test may not be kept busy.
  class Tick final : public async::Waiter {
   public:
    explicit Tick(FakeServer& server) noexcept : server_(server) {}
    void on_event() noexcept override {
      server_.shard_.post([&server = server_, alive = std::weak_ptr<bool>(server_.alive_)] {
        if (!alive.expired()) {
          server.step();
        }
      });
    }

   private:
    FakeServer& server_;
  };

  void step() {
    const int peer =
        ::accept4(listening_.sockets[0].get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (peer >= 0) {
      ++accepted;
      peers_.emplace_back(peer);
    }
    for (auto each = peers_.begin(); each != peers_.end();) {
      each = serve(*each) ? std::next(each) : peers_.erase(each);
    }
    timer_.event().add(tick_);
    timer_.start(async::Deadline::after(std::chrono::microseconds(200)));
  }
  bool serve(fs::Fd& peer) {
    std::array<char, 4096> buffer{};
    const ssize_t count = ::recv(peer.get(), buffer.data(), buffer.size(), 0);
    if (count <= 0) {
      return count < 0 && errno == EAGAIN;
    }
    const std::string command(buffer.data(), static_cast<std::size_t>(count));
    seen += command;
    const auto reply = answer_(command);
    if (reply) {
      REQUIRE(::send(peer.get(), reply->data(), reply->size(), MSG_NOSIGNAL) >= 0);
    }
    return reply.has_value();
  }

  async::Shard& shard_;
  Answer answer_;
  net::Listeners listening_;
  std::list<fs::Fd> peers_;
  async::Timer timer_{shard_};
  Tick tick_{*this};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace whorl::host::redis::test
