#include "net/stream.hpp"

#include "net/listener.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>

namespace whorl::net {
namespace {

const SocketAddress kLoopback = *SocketAddress::from_ip("127.0.0.1", 0);

/// Reads into four bytes that it lends, and counts what was lent for nothing.
struct Reader final : StreamSink {
  void on_read(ReadEnd how, std::size_t bytes) override {
    ++reads;
    end = how;
    got.append(reinterpret_cast<const char*>(room.data()), bytes);
  }
  void on_writable() override {}
  MutableByteView lend_room() noexcept override { return room; }
  void return_room() noexcept override { ++for_nothing; }

  Bytes room = Bytes(4);
  std::string got;
  ReadEnd end = ReadEnd::Failed;
  int reads = 0;
  int for_nothing = 0;
};

/// A client and the stream of its connection, whose first try to read has found nothing.
struct Connected {
  Connected() {
    open({});
    stream->start_read_lent(reader);
    CHECK(std::exchange(reader->for_nothing, 0) == 1);
  }

  /// @param first  what the client has sent before there is a stream
  void open(std::string_view first) {
    auto listeners = listen_on(kLoopback, 1);
    client = fs::Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(connect(client.get(), listeners->address.data(), listeners->address.size()) == 0);
    fs::Fd accepted(accept4(listeners->sockets[0].get(), nullptr, nullptr, SOCK_NONBLOCK));
    server = accepted.get();
    if (!first.empty()) {
      send(first);
      arrived(POLLIN);
    }
    stream = make_tcp_stream(shard, std::move(accepted));
  }

  void send(std::string_view text, int flags = 0) {
    REQUIRE(::send(client.get(), text.data(), text.size(), flags) == std::ssize(text));
  }
  /// Until the server's socket has what the client did last.
  void arrived(short what) const {
    pollfd wanted{server, what, 0};
    while ((wanted.revents & what) == 0) {
      REQUIRE(poll(&wanted, 1, -1) >= 0);
    }
  }
  /// Until so many reads have ended.
  void read_until(int reads) {
    while (reader->reads < reads) {
      shard.poll();
    }
    CHECK(reader->reads == reads);
  }

  async::Shard shard{0};
  fs::Fd client;
  int server = -1;
  std::unique_ptr<Stream> stream;
  LocalPtr<Reader> reader = make_local<Reader>();
};

TEST_CASE("a read that took everything is not tried again") {
  Connected pair;
  pair.send("abc");
  pair.read_until(1);
  pair.stream->start_read_lent(pair.reader);
  pair.shard.poll();
  CHECK(pair.reader->reads == 1);
  CHECK(pair.reader->for_nothing == 0);
  pair.send("d");
  pair.read_until(2);
  CHECK(pair.reader->got == "abcd");
  CHECK(pair.reader->for_nothing == 0);
}

TEST_CASE("what does not fit into one read is there for the next") {
  Connected pair;
  pair.send("abcdef");
  pair.read_until(1);
  CHECK(pair.reader->got == "abcd");
  pair.stream->start_read_lent(pair.reader);
  pair.read_until(2);
  CHECK(pair.reader->got == "abcdef");
  CHECK(pair.reader->for_nothing == 0);
}

TEST_CASE("an end that came with the bytes is the next read's") {
  Connected pair;
  pair.send("abc");
  REQUIRE(shutdown(pair.client.get(), SHUT_WR) == 0);
  pair.arrived(POLLRDHUP);
  pair.read_until(1);
  CHECK(pair.reader->got == "abc");
  CHECK(pair.reader->end == ReadEnd::Bytes);
  pair.stream->start_read_lent(pair.reader);
  pair.read_until(2);
  CHECK(pair.reader->end == ReadEnd::Closed);
}

TEST_CASE("an end that came before a read, and after its event, is told") {
  Connected pair;
  pair.send("abcd");
  pair.read_until(1);
  // The room was full: the next read is tried at once, with an event that knew of no end.
  pair.send("e");
  REQUIRE(shutdown(pair.client.get(), SHUT_WR) == 0);
  pair.arrived(POLLRDHUP);
  pair.stream->start_read_lent(pair.reader);
  pair.read_until(2);
  CHECK(pair.reader->got == "abcde");
  pair.stream->start_read_lent(pair.reader);
  pair.read_until(3);
  CHECK(pair.reader->end == ReadEnd::Closed);
}

TEST_CASE("an end that came after the bytes were read is told") {
  Connected pair;
  pair.send("abc");
  pair.read_until(1);
  pair.stream->start_read_lent(pair.reader);
  pair.shard.poll();
  pair.client = fs::Fd();
  pair.read_until(2);
  CHECK(pair.reader->end == ReadEnd::Closed);
}

TEST_CASE("what was heard of a connection that has ended is not taken for the next one's") {
  Connected pair;
  pair.client = fs::Fd();
  pair.read_until(1);
  CHECK(pair.reader->end == ReadEnd::Closed);
  CHECK(std::exchange(pair.reader->for_nothing, 0) == 1);
  pair.stream->close();
  pair.open("abc");
  pair.stream->start_read_lent(pair.reader);
  pair.read_until(2);
  CHECK(pair.reader->got == "abc");
  pair.stream->start_read_lent(pair.reader);
  CHECK(pair.reader->for_nothing == 0);
}

TEST_CASE("urgent data ends a read early, and nothing behind it is forgotten") {
  Connected pair;
  pair.send("ab");
  pair.send("!", MSG_OOB);
  pair.send("c");
  pair.arrived(POLLPRI);
  pair.read_until(1);
  CHECK(pair.reader->got == "ab");
  pair.stream->start_read_lent(pair.reader);
  pair.read_until(2);
  CHECK(pair.reader->got == "abc");
}

TEST_CASE("a descriptor in a Unix socket ends a read early, and nothing behind it is forgotten") {
  async::Shard shard(0);
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
  const fs::Fd client(ends[0]);
  const auto stream = make_tcp_stream(shard, fs::Fd(ends[1]));
  const auto reader = make_local<Reader>();
  stream->start_read_lent(reader);

  char letter = 'a';
  iovec part{&letter, 1};
  alignas(cmsghdr) char notes[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = notes;
  message.msg_controllen = sizeof notes;
  cmsghdr* note = CMSG_FIRSTHDR(&message);
  note->cmsg_level = SOL_SOCKET;
  note->cmsg_type = SCM_RIGHTS;
  note->cmsg_len = CMSG_LEN(sizeof(int));
  *reinterpret_cast<int*>(CMSG_DATA(note)) = client.get();
  REQUIRE(sendmsg(client.get(), &message, 0) == 1);
  REQUIRE(write(client.get(), "b", 1) == 1);
  while (reader->reads == 0) {
    shard.poll();
  }
  CHECK(reader->got == "a");
  stream->start_read_lent(reader);
  while (reader->reads == 1) {
    shard.poll();
  }
  CHECK(reader->got == "ab");
}

}  // namespace
}  // namespace whorl::net
