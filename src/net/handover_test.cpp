#include "net/handover.hpp"

#include "fs/test_folder.hpp"
#include "net/listener_sources.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>

namespace whorl::net {
namespace {

bool can_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const fs::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

bool can_accept(const fs::Fd& listening) {
  return fs::Fd(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)).is_open();
}

TEST_CASE("a Unix socket is listened on, and a dead one replaced") {
  const fs::test::TestFolder folder;
  const std::string path = folder.path("socket");
  {
    const auto first = listen_on_unix(path, 2);
    REQUIRE(first);
    CHECK(first->to_string() == "unix:" + path);
    CHECK(first->sockets.size() == 2);
    CHECK(can_connect(path));
    CHECK(can_accept(first->sockets[1]));
    const auto second = listen_on_unix(path, 1);
    REQUIRE_FALSE(second);
    CHECK(second.error().kind() == ErrorKind::AlreadyExists);
  }
  CHECK_FALSE(can_connect(path));
  CHECK(listen_on_unix(path, 1));
  CHECK_FALSE(listen_on_unix(folder.path(std::string(200, 'x')), 1));
  CHECK_FALSE(listen_on_unix(folder.path(), 1));
}

TEST_CASE("sockets of a service manager are taken when they are for this process") {
  CHECK(inherited_listeners(1)->empty());
  ::setenv("LISTEN_FDS", "1", 1);
  ::setenv("LISTEN_PID", "1", 1);
  CHECK(inherited_listeners(1)->empty());
  ::unsetenv("LISTEN_FDS");
  ::unsetenv("LISTEN_PID");
}

TEST_CASE("sockets are handed over, and serve on both sides until one drains") {
  const fs::test::TestFolder folder;
  const std::string path = folder.path("handover");
  std::vector<Listeners> old;
  old.push_back(*listen_on(*SocketAddress::from_ip("127.0.0.1", 0), 3));
  old.push_back(*listen_on_unix(folder.path("socket"), 1));
  old[1].is_shared = true;
  CHECK(take_over(path)->listeners.empty());
  auto offer = HandoverOffer::open(path);
  REQUIRE(offer);

  // One that goes away without a word changes nothing.
  {
    const fs::Fd asking(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(
        ::connect(asking.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0
    );
    CHECK_FALSE(offer->on_readable(old));
  }
  CHECK_FALSE(offer->on_readable(old));

  pid_t child = ::fork();
  if (child == 0) {
    auto taken = take_over(path);
    bool good = taken && taken->listeners.size() == 2 && taken->listeners[0].sockets.size() == 3 &&
                !taken->listeners[0].is_shared && taken->listeners[1].is_shared &&
                taken->listeners[0].to_string() == old[0].to_string() &&
                taken->listeners[1].to_string() == old[1].to_string();
    if (good) {
      auto sets = spread(std::move(taken->listeners[0]), 2);
      good = sets && (*sets)[0].size() == 2 && (*sets)[1].size() == 1;
      taken->finish();
    }
    ::_exit(good ? 0 : 1);
  }
  while (!offer->on_readable(old)) {
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("somebody offers at any moment of a takeover, also of one that comes to nothing") {
  const fs::test::TestFolder folder;
  const std::string path = folder.path("handover");
  std::vector<Listeners> old;
  old.push_back(*listen_on(*SocketAddress::from_ip("127.0.0.1", 0), 1));
  std::optional<HandoverOffer> first(*HandoverOffer::open(path));
  // A descriptor of each side, as take_over() and give() would have them, on one thread.
  const auto ask = [&](HandoverOffer& offer) {
    fs::Fd asking(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(
        ::connect(asking.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0
    );
    CHECK_FALSE(offer.on_readable(old));
    CHECK(offer.has_successor());
    return asking;
  };

  {
    const fs::Fd asking = ask(*first);
    const auto second = HandoverOffer::open(path);
    REQUIRE(second);
    CHECK(can_connect(path));
    // It ends without having said that it serves.
  }
  CHECK_FALSE(can_connect(path));
  CHECK_FALSE(first->on_readable(old));
  CHECK_FALSE(first->has_successor());
  CHECK(can_connect(path));
  CHECK_FALSE(first->on_readable(old));  // who connected just now and left
  CHECK_FALSE(first->on_readable(old));

  Takeover takeover{.listeners = {}, .predecessor = ask(*first)};
  auto second = HandoverOffer::open(path);
  REQUIRE(second);
  CHECK(can_connect(path));
  takeover.finish();
  CHECK(first->on_readable(old));
  first.reset();
  CHECK(can_connect(path));
}

TEST_CASE("an offer that was replaced leaves the path to who has it") {
  const fs::test::TestFolder folder;
  const std::string path = folder.path("handover");
  std::optional<HandoverOffer> first(*HandoverOffer::open(path));
  const auto second = HandoverOffer::open(path);
  REQUIRE(second);
  first.reset();
  CHECK(can_connect(path));
}

TEST_CASE("sockets are spread over more shards than they were made for") {
  auto two = listen_on(*SocketAddress::from_ip("127.0.0.1", 0), 2);
  REQUIRE(two);
  const auto sets = spread(*std::move(two), 5);
  REQUIRE(sets);
  for (const auto& set : *sets) {
    CHECK(set.size() == 1);
  }
}

}  // namespace
}  // namespace whorl::net
