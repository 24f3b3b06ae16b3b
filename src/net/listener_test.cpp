#include "net/listener.hpp"

#include "async/timer.hpp"
#include "net/acceptor.hpp"
#include "net/stream.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <vector>

namespace whorl::net {
namespace {

const SocketAddress kLoopback = *SocketAddress::from_ip("127.0.0.1", 0);

fs::Fd connect_to(const SocketAddress& address) {
  fs::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.is_open() && connect(fd.get(), address.data(), address.size()) != 0) {
    return {};
  }
  return fd;
}

TEST_CASE("one port for several sockets, refused to others") {
  const auto listeners = listen_on(kLoopback, 3);
  REQUIRE(listeners);
  CHECK(listeners->sockets.size() == 3);
  CHECK(listeners->address.port() != 0);
  for (const fs::Fd& fd : listeners->sockets) {
    CHECK(SocketAddress::of_socket(fd.get())->to_string() == listeners->address.to_string());
  }
  const auto second = listen_on(listeners->address, 1);
  REQUIRE_FALSE(second);
  CHECK(second.error().kind() == ErrorKind::AlreadyExists);
  CHECK(
      second.error().to_line() ==
      fmt::format(
          "{} is already in use. To have Spin search for a free port, use the --find-free-port "
          "option.",
          listeners->address.to_string()
      )
  );
  const auto found = listen_on_free_port(listeners->address, 2);
  REQUIRE(found);
  CHECK(found->address.port() > listeners->address.port());
}

TEST_CASE("the kernel holds little for a client that does not read") {
  auto listeners = listen_on(kLoopback, 1);
  REQUIRE(listeners);
  fs::Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int small = 4096;
  REQUIRE(setsockopt(client.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) == 0);
  const SocketAddress& address = listeners->address;
  REQUIRE(connect(client.get(), address.data(), address.size()) == 0);
  const fs::Fd served(
      accept4(listeners->sockets[0].get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)
  );
  const std::vector<char> piece(64 * 1024);
  std::size_t taken = 0;
  // Time for the kernel to grow its buffers as it likes.
  for (int waits = 0; waits < 20;) {
    const ssize_t count = send(served.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
    if (count > 0) {
      taken += static_cast<std::size_t>(count);
      continue;
    }
    REQUIRE(errno == EAGAIN);
    ++waits;
    char byte = 0;
    REQUIRE(recv(client.get(), &byte, 1, 0) == 1);
  }
  MESSAGE("bytes taken: ", taken);
  CHECK(taken > 100'000);
  CHECK(taken < 400'000);
}

TEST_CASE("an address of another machine cannot be listened on") {
  const auto listeners = listen_on(*SocketAddress::from_ip("192.0.2.1", 8080), 1);
  REQUIRE_FALSE(listeners);
  CHECK(
      listeners.error().to_line() ==
      "Unable to listen on 192.0.2.1:8080: Cannot assign requested address (os error 99)"
  );
}

TEST_CASE("the last port ends the search") {
  const SocketAddress last = kLoopback.with_port(65535);
  const auto holder = listen_on(last, 1);
  const auto found = listen_on_free_port(last, 1);
  REQUIRE_FALSE(found);
  CHECK(
      found.error().message() ==
      "Couldn't find a free port as we've reached the maximum port number. Consider retrying with "
      "a lower base port."
  );
}

/// Keeps what it is given.
struct Keeper final : AcceptSink {
  void on_accept(fs::Fd socket, const SocketAddress& peer) override {
    last_peer = peer;
    kept.push_back(std::move(socket));
  }
  bool has_room() override { return kept.size() < limit; }
  void on_exhausted() override {
    ++exhausted;
    if (frees) {
      kept.clear();
    }
  }
  void on_accept_error(const Error& error) override { errors.push_back(error.to_line()); }

  std::vector<fs::Fd> kept;
  SocketAddress last_peer;
  std::size_t limit = 10'000;
  int exhausted = 0;
  bool frees = false;
  std::vector<std::string> errors;
};

TEST_CASE("connections are accepted until there is no room, and again when there is") {
  async::Shard shard(0);
  auto listeners = listen_on(kLoopback, 1);
  REQUIRE(listeners);
  Keeper keeper;
  keeper.limit = 2;
  Acceptor acceptor(shard, std::move(listeners->sockets[0]), keeper);
  std::vector<fs::Fd> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect_to(listeners->address));
    REQUIRE(clients.back().is_open());
  }
  while (keeper.kept.size() < 2) {
    shard.poll();
  }
  CHECK(keeper.last_peer.to_string() == SocketAddress::of_socket(clients[1].get())->to_string());
  shard.poll();
  CHECK(keeper.kept.size() == 2);
  keeper.kept.clear();
  acceptor.resume();
  while (keeper.kept.empty()) {
    shard.poll();
  }
  CHECK(keeper.kept.size() == 1);
  CHECK(keeper.errors.empty());
}

/// Runs in a child of its own, which may have few descriptors.
int serve_with_few_descriptors() {
  async::Shard shard(0);
  auto listeners = listen_on(kLoopback, 1);
  std::vector<fs::Fd> clients;
  Keeper keeper;
  Acceptor acceptor(shard, std::move(listeners->sockets[0]), keeper);
  shard.poll();
  for (int i = 0; i < 20; ++i) {
    clients.push_back(connect_to(listeners->address));
  }
  // Enough for the clients, the reserve and a few of the twenty.
  const int highest = clients.back().get();
  const rlimit limit{static_cast<rlim_t>(highest + 6), static_cast<rlim_t>(highest + 6)};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return 1;
  }
  while (keeper.exhausted < 2) {
    shard.poll();
  }
  if (keeper.errors.empty() || !keeper.errors[0].starts_with("cannot accept a connection: ")) {
    return 2;
  }
  keeper.frees = true;
  keeper.kept.clear();
  clients.clear();
  // Descriptors are there again: a new client is served.
  const fs::Fd late = connect_to(listeners->address);
  const std::string wanted = SocketAddress::of_socket(late.get())->to_string();
  while (keeper.last_peer.to_string() != wanted) {
    shard.poll();
  }
  return 0;
}

TEST_CASE("running out of descriptors is survived") {
  const pid_t child = fork();
  if (child == 0) {
    _exit(serve_with_few_descriptors());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

struct Recorder final : StreamSink, std::enable_shared_from_this<Recorder> {
  void on_read(ReadEnd how, std::size_t bytes) override {
    ++reads;
    end = how;
    count = bytes;
  }
  void on_writable() override { ++writable; }
  int reads = 0;
  int writable = 0;
  ReadEnd end = ReadEnd::Failed;
  std::size_t count = 0;
};

struct Connected {
  explicit Connected(async::Shard& shard) {
    auto listeners = listen_on(kLoopback, 1);
    client = connect_to(listeners->address);
    stream = make_tcp_stream(
        shard, fs::Fd(accept4(listeners->sockets[0].get(), nullptr, nullptr, SOCK_NONBLOCK))
    );
  }
  fs::Fd client;
  std::unique_ptr<Stream> stream;
};

TEST_CASE("a stream reads, writes parts, and tells the ends apart") {
  async::Shard shard(0);
  Connected pair(shard);
  auto sink = make_local<Recorder>();
  Bytes buffer(16);
  pair.stream->start_read(buffer, sink);
  shard.poll();
  CHECK(sink->reads == 0);
  REQUIRE(write(pair.client.get(), "abc", 3) == 3);
  while (sink->reads == 0) {
    shard.poll();
  }
  CHECK(sink->end == ReadEnd::Bytes);
  CHECK(sink->count == 3);

  const ByteView parts[] = {as_bytes("de"), {}, as_bytes("f")};
  CHECK(pair.stream->try_write(parts).count == 3);
  char text[4] = {};
  CHECK(read(pair.client.get(), text, 4) == 3);
  CHECK(std::string_view(text) == "def");

  pair.stream->start_read(buffer, sink);
  pair.stream->cancel_read();
  CHECK(sink->reads == 1);
  while (sink->reads == 1) {
    shard.poll();
  }
  CHECK(sink->end == ReadEnd::Cancelled);

  pair.stream->start_wait_readable(sink);
  pair.client = fs::Fd();
  while (sink->reads == 2) {
    shard.poll();
  }
  CHECK(sink->end == ReadEnd::Bytes);
  pair.stream->start_read(buffer, sink);
  while (sink->reads == 3) {
    shard.poll();
  }
  CHECK(sink->end == ReadEnd::Closed);
  pair.stream->close();
}

TEST_CASE("a stream that is full says so and when it is not any more") {
  async::Shard shard(0);
  Connected pair(shard);
  auto sink = make_local<Recorder>();
  const Bytes data(1 << 16);
  const ByteView parts[] = {data};
  std::size_t written = 0;
  while (true) {
    const auto attempt = pair.stream->try_write(parts);
    if (attempt.outcome == Stream::Attempt::Outcome::WouldBlock) {
      break;
    }
    written += attempt.count;
  }
  pair.stream->start_wait_writable(sink);
  Bytes in(1 << 20);
  while (written > 0) {
    const ssize_t count = read(pair.client.get(), in.data(), in.size());
    REQUIRE(count > 0);
    written -= static_cast<std::size_t>(count);
  }
  while (sink->writable == 0) {
    shard.poll();
  }
  pair.client = fs::Fd();
  // The peer is gone: sooner or later a write fails, without a signal.
  while (pair.stream->try_write(parts).outcome != Stream::Attempt::Outcome::Failed) {
  }
}

}  // namespace
}  // namespace whorl::net
