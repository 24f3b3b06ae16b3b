// Sockets as a guest uses them, against real peers on this machine.
#include "wasi/p2/sockets.hpp"

#include "wasi/p2/sockets_test_support.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace whorl::wasi::p2 {
namespace {

using component::Own;
using test::Code;
using test::Family;
using test::Listening;
using test::loopback;
using test::parse;
using test::v4;
using test::World;

udp_wit::OutgoingDatagram datagram(ByteView data, std::optional<net_wit::IpSocketAddress> to) {
  udp_wit::OutgoingDatagram made;
  made.data = decltype(made.data)(data.begin(), data.end());
  made.remote_address = to;
  return made;
}

std::string read_to_end(int fd) {
  std::string text;
  char part[4096];
  for (ssize_t count = 0; (count = ::recv(fd, part, sizeof part, 0)) > 0;) {
    text.append(part, static_cast<std::size_t>(count));
  }
  return text;
}

TEST_CASE("a connection carries bytes both ways and ends in order") {
  World world({"tcp://127.0.0.1:*"});
  Listening listening;
  auto socket = world.tcp();
  auto [in, out] = world.connected(*socket, listening.port);
  const fs::Fd peer = listening.accept();
  CHECK(*socket->remote_address(world.call) == loopback(listening.port));
  CHECK((*socket->local_address(world.call))->tag == net_wit::IpSocketAddress::Tag::Ipv4);
  CHECK((*in->read(world.call, 10))->empty());
  REQUIRE(::send(peer.get(), "hello", 5, MSG_NOSIGNAL) == 5);
  REQUIRE(*out->blocking_write_and_flush(world.call, as_bytes("request")));
  CHECK(*socket->shutdown(world.call, tcp_wit::ShutdownType::Send));
  CHECK(read_to_end(peer.get()) == "request");
  auto closed = *out->check_write(world.call);
  REQUIRE_FALSE(closed);
  ::shutdown(peer.get(), SHUT_WR);
  CHECK(world.read_all(*in) == "hello");
}

TEST_CASE("much is sent to a slow peer, also after the guest has let go") {
  World world({"*://*:*"});
  Listening listening;
  auto socket = world.tcp();
  auto [in, out] = world.connected(*socket, listening.port);
  fs::Fd peer = listening.accept();
  std::string received;
  std::string sent;
  std::thread reader([&] { received = read_to_end(peer.get()); });
  const std::string part(60'000, 'x');
  for (int i = 0; i < 200; ++i) {
    REQUIRE(world.run_until([&] { return **out->check_write(world.call) >= part.size(); }));
    REQUIRE(*out->write(world.call, as_bytes(part)));
    sent += part;
  }
  out.reset();
  in.reset();
  socket.reset();
  CHECK(world.memory.used() == 0);
  std::atomic<bool> done = false;
  std::thread waiter([&] {
    reader.join();
    done = true;
  });
  CHECK(world.run_until([&] { return done.load(); }));
  waiter.join();
  CHECK(received.size() == sent.size());
}

TEST_CASE("a refused connection, a broken one") {
  World world({"*://*:*"});
  int port = 0;
  {
    Listening listening;
    port = listening.port;
  }
  auto socket = world.tcp();
  const auto started = *socket->start_connect(world.call, world.network, loopback(port));
  if (started) {
    auto pollable = *socket->subscribe(world.call);
    REQUIRE(world.run_until([&] { return *pollable->ready(world.call); }));
    CHECK((*socket->finish_connect(world.call)).error() == Code::ConnectionRefused);
  } else {
    CHECK(started.error() == Code::ConnectionRefused);
  }
  CHECK(
      (*socket->start_connect(world.call, world.network, loopback(port))).error() ==
      Code::InvalidState
  );

  Listening listening;
  auto other = world.tcp();
  auto [in, out] = world.connected(*other, listening.port);
  fs::Fd peer = listening.accept();
  const linger reset{1, 0};
  ::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  peer = fs::Fd();
  REQUIRE(world.run_until([&] {
    const auto piece = *in->read(world.call, 10);
    return !piece.has_value();
  }));
}

TEST_CASE("states of a TCP socket") {
  World world({"*://*:*"});
  auto socket = world.tcp();
  auto& call = world.call;
  CHECK((*socket->start_bind(call, world.network, loopback(0))).error() == Code::AccessDenied);
  CHECK((*socket->finish_bind(call)).error() == Code::NotInProgress);
  CHECK((*socket->start_listen(call)).error() == Code::InvalidState);
  CHECK((*socket->finish_listen(call)).error() == Code::NotInProgress);
  CHECK((*socket->accept(call)).error() == Code::InvalidState);
  CHECK((*socket->finish_connect(call)).error() == Code::NotInProgress);
  CHECK((*socket->local_address(call)).error() == Code::InvalidState);
  CHECK((*socket->remote_address(call)).error() == Code::InvalidState);
  CHECK((*socket->shutdown(call, tcp_wit::ShutdownType::Both)).error() == Code::InvalidState);
  CHECK_FALSE(*socket->is_listening(call));
  CHECK(*socket->address_family(call) == Family::Ipv4);
  CHECK(*(*socket->subscribe(call))->ready(call));
}

TEST_CASE("options are set and read; zero is refused") {
  World world({});
  auto& call = world.call;
  for (const Family family : {Family::Ipv4, Family::Ipv6}) {
    auto socket = world.tcp(family);
    CHECK_FALSE(**socket->keep_alive_enabled(call));
    CHECK(*socket->set_keep_alive_enabled(call, true));
    CHECK(**socket->keep_alive_enabled(call));
    CHECK(*socket->set_keep_alive_idle_time(call, 1'500'000'000));
    CHECK(**socket->keep_alive_idle_time(call) == 2'000'000'000);
    CHECK(*socket->set_keep_alive_interval(call, ~std::uint64_t{0}));
    CHECK(**socket->keep_alive_interval(call) == 32'767'000'000'000);
    CHECK(*socket->set_keep_alive_count(call, 1'000'000));
    CHECK(**socket->keep_alive_count(call) == 127);
    CHECK(*socket->set_hop_limit(call, 42));
    CHECK(**socket->hop_limit(call) == 42);
    CHECK(*socket->set_receive_buffer_size(call, 10'000));
    CHECK(**socket->receive_buffer_size(call) == 10'000);
    CHECK(*socket->set_send_buffer_size(call, ~std::uint64_t{0}));
    CHECK(**socket->send_buffer_size(call) > 0);
    for (const auto& told :
         {*socket->set_keep_alive_idle_time(call, 0),
          *socket->set_keep_alive_interval(call, 0),
          *socket->set_keep_alive_count(call, 0),
          *socket->set_hop_limit(call, 0),
          *socket->set_receive_buffer_size(call, 0),
          *socket->set_send_buffer_size(call, 0),
          *socket->set_listen_backlog_size(call, 0)}) {
      REQUIRE_FALSE(told);
      CHECK(told.error() == Code::InvalidArgument);
    }
  }
}

struct Attempt {
  const char* ip;
  int port;
  bool allowed;
};
struct Corpus {
  std::vector<std::string> grants;
  std::vector<Attempt> attempts;
};

TEST_CASE("grants of sockets: a corpus") {
  const std::vector<Corpus> corpora = {
      {{}, {{"127.0.0.1", 80, false}, {"::1", 80, false}, {"8.8.8.8", 53, false}}},
      {{"tcp://127.0.0.1:80"},
       {{"127.0.0.1", 80, true},
        {"127.0.0.1", 81, false},
        {"127.0.0.2", 80, false},
        {"::1", 80, false}}},
      {{"http://127.0.0.1:80", "https://127.0.0.1:443", "redis://*:*", "udp://*:*", "http://self"},
       {{"127.0.0.1", 80, false}, {"127.0.0.1", 443, false}, {"127.0.0.1", 6379, false}}},
      {{"*://127.0.0.0/24:63"},
       {{"127.0.0.1", 63, true},
        {"127.0.0.255", 63, true},
        {"127.0.1.0", 63, false},
        {"127.0.0.1", 64, false},
        {"126.255.255.255", 63, false}}},
      {{"tcp://127.0.0.1:10..20"},
       {{"127.0.0.1", 9, false},
        {"127.0.0.1", 10, true},
        {"127.0.0.1", 19, true},
        {"127.0.0.1", 20, false}}},
      {{"tcp://[::1]:80"}, {{"::1", 80, true}, {"2001:db8::2", 80, false}, {"127.0.0.1", 80, false}}
      },
      {{"tcp://localhost:80", "tcp://*.example.com:80"},
       {{"127.0.0.1", 80, false}, {"::1", 80, false}, {"93.184.216.34", 80, false}}},
  };
  std::size_t cases = 0;
  for (const Corpus& corpus : corpora) {
    World world(corpus.grants);
    for (const Attempt& attempt : corpus.attempts) {
      CAPTURE(attempt.ip);
      CAPTURE(attempt.port);
      const auto address = parse(attempt.ip, attempt.port);
      const bool is_v6 = address.tag == net_wit::IpSocketAddress::Tag::Ipv6;
      const auto told = world.connect(address, is_v6 ? Family::Ipv6 : Family::Ipv4);
      CHECK((told != Code::AccessDenied) == attempt.allowed);
      ++cases;
    }
  }
  CHECK(cases == 25);
}

TEST_CASE("addresses that are none, or are another one in disguise") {
  World world({"*://*:*"});
  world.access_to.blocked.add(*net::IpNetwork::parse("10.0.0.0/8"));
  CHECK(world.connect(v4(0, 0, 0, 0, 80)) == Code::InvalidArgument);
  CHECK(world.connect(loopback(0)) == Code::InvalidArgument);
  CHECK(world.connect(v4(224, 0, 0, 1, 80)) == Code::InvalidArgument);
  CHECK(world.connect(v4(255, 255, 255, 255, 80)) == Code::InvalidArgument);
  CHECK(world.connect(parse("::1", 80), Family::Ipv4) == Code::InvalidArgument);
  CHECK(world.connect(loopback(80), Family::Ipv6) == Code::InvalidArgument);
  CHECK(world.connect(parse("::ffff:10.0.0.1", 80), Family::Ipv6) == Code::InvalidArgument);
  CHECK(world.connect(parse("::10.0.0.1", 80), Family::Ipv6) == Code::InvalidArgument);
  CHECK(world.connect(parse("::", 80), Family::Ipv6) == Code::InvalidArgument);
  CHECK(world.connect(v4(10, 1, 2, 3, 80)) == Code::AccessDenied);
}

TEST_CASE("names are looked up where a grant says them, and cover what they stand for") {
  const auto resolve = [](World& world, std::string_view name) {
    IpNameLookupHost host(world.around, world.access);
    return *host.resolve_addresses(world.call, world.network, name);
  };
  World all({"*://*:*", "http://localhost", "*://127.0.0.1:80"});
  for (const char* name : {"localhost", "example.com", "\xc3\xa9.example"}) {
    const auto told = resolve(all, name);
    REQUIRE_FALSE(told);
    CHECK(told.error() == Code::PermanentResolverFailure);
  }
  World world({"tcp://localhost:80"});
  CHECK(world.connect(loopback(80)) == Code::AccessDenied);
  auto stream = resolve(world, "LocalHost");
  REQUIRE(stream);
  bool found = false;
  while (auto address = **(*stream)->resolve_next_address(world.call)) {
    found |= *address == net_wit::IpAddress::ipv4({127, 0, 0, 1});
  }
  REQUIRE(found);
  CHECK(world.connect(loopback(80)) != Code::AccessDenied);
  CHECK(world.connect(loopback(81)) == Code::AccessDenied);
  CHECK(world.connect(v4(127, 0, 0, 2, 80)) == Code::AccessDenied);
  world.access.reset();
  CHECK(world.connect(loopback(80)) == Code::AccessDenied);
}

TEST_CASE("what is looked up is a name, as the grants and the resolver both see it") {
  World world({"tcp://*.example.com:*", "tcp://localhost:80"});
  IpNameLookupHost host(world.around, world.access);
  // The resolver would see no more than the first of these names, and the grant the whole.
  for (const std::string_view name :
       {std::string_view("localhost\0.example.com", 21),
        std::string_view("127.0.0.1\0.example.com", 21),
        std::string_view("local host"),
        std::string_view("localhost%lo"),
        std::string_view("1.2.3.4:80"),
        std::string_view("[localhost]"),
        std::string_view("")}) {
    CAPTURE(std::string(name));
    const auto told = *host.resolve_addresses(world.call, world.network, name);
    REQUIRE_FALSE(told);
    CHECK(told.error() == Code::InvalidArgument);
  }
  const std::string long_name = std::string(243, 'x') + ".example.com";
  CHECK(
      (*host.resolve_addresses(world.call, world.network, long_name)).error() ==
      Code::InvalidArgument
  );
  CHECK(world.connect(loopback(80)) == Code::AccessDenied);
}

TEST_CASE("an address is its own answer, and grants nothing") {
  World world({"tcp://10.0.0.1:80"});
  IpNameLookupHost host(world.around, world.access);
  const auto answers = [&](const char* text, const net_wit::IpAddress& address) {
    CAPTURE(std::string(text));
    auto stream = *host.resolve_addresses(world.call, world.network, text);
    REQUIRE(stream);
    CHECK(***(*stream)->resolve_next_address(world.call) == address);
    CHECK(**(*stream)->resolve_next_address(world.call) == std::nullopt);
  };
  answers("127.0.0.1", net_wit::IpAddress::ipv4({127, 0, 0, 1}));
  answers("::1", net_wit::IpAddress::ipv6({0, 0, 0, 0, 0, 0, 0, 1}));
  answers("[FE80::1]", net_wit::IpAddress::ipv6({0xfe80, 0, 0, 0, 0, 0, 0, 1}));
  answers("::ffff:127.0.0.1", net_wit::IpAddress::ipv4({127, 0, 0, 1}));
  CHECK(world.connect(loopback(80)) == Code::AccessDenied);
}

TEST_CASE("datagrams go where they are granted") {
  World world({"udp://127.0.0.1:*"});
  auto& call = world.call;
  auto socket = world.udp();
  CHECK((*socket->finish_bind(call)).error() == Code::NotInProgress);
  CHECK((*socket->stream(call, std::nullopt)).error() == Code::InvalidState);
  CHECK(
      (*socket->start_bind(call, world.network, v4(0, 0, 0, 0, 0))).error() == Code::AccessDenied
  );
  REQUIRE(*socket->start_bind(call, world.network, loopback(0)));
  REQUIRE(*socket->finish_bind(call));
  const auto own = **socket->local_address(call);
  CHECK((*socket->remote_address(call)).error() == Code::InvalidState);

  auto peer = world.udp();
  REQUIRE(*peer->start_bind(call, world.network, loopback(0)));
  REQUIRE(*peer->finish_bind(call));
  const auto theirs = **peer->local_address(call);
  CHECK((*peer->stream(call, v4(127, 0, 0, 2, 80))).error() == Code::AccessDenied);
  auto [peer_in, peer_out] = **peer->stream(call, own);
  CHECK_FALSE(peer->stream(call, std::nullopt));  // a trap: the streams are alive
  auto [in, out] = **socket->stream(call, std::nullopt);

  CHECK_FALSE(out->send(call, {datagram(as_bytes("x"), theirs)}));  // a trap: not permitted yet
  REQUIRE(**out->check_send(call) > 2);
  CHECK(
      (*out->send(call, {datagram(as_bytes("x"), std::nullopt)})).error() == Code::InvalidArgument
  );
  CHECK(
      (*out->send(call, {datagram(as_bytes("x"), v4(127, 0, 0, 2, 9))})).error() ==
      Code::AccessDenied
  );
  CHECK(
      (*out->send(call, {datagram(as_bytes("x"), v4(127, 0, 0, 1, 0))})).error() ==
      Code::InvalidArgument
  );
  const Bytes large(70'000);
  CHECK((*out->send(call, {datagram(large, theirs)})).error() == Code::DatagramTooLarge);
  CHECK(
      **out->send(call, {datagram(as_bytes("one"), theirs), datagram(as_bytes("two"), theirs)}) == 2
  );

  auto pollable = *peer_in->subscribe(call);
  REQUIRE(world.run_until([&] { return *pollable->ready(call); }));
  std::vector<std::string> received;
  REQUIRE(world.run_until([&] {
    for (const auto& datagram : **peer_in->receive(call, 10)) {
      CHECK(datagram.remote_address == own);
      received.emplace_back(as_text(datagram.data));
    }
    return received.size() == 2;
  }));
  CHECK(received == std::vector<std::string>{"one", "two"});
  CHECK((*peer_in->receive(call, 10))->empty());

  REQUIRE(**peer_out->check_send(call) > 1);
  CHECK(
      (*peer_out->send(call, {datagram(as_bytes("x"), theirs)})).error() == Code::InvalidArgument
  );
  CHECK(**peer_out->send(call, {datagram(as_bytes("back"), std::nullopt)}) == 1);
  auto ready = *in->subscribe(call);
  REQUIRE(world.run_until([&] { return *ready->ready(call); }));
  CHECK(as_text((**in->receive(call, 1))[0].data) == "back");
  CHECK(**peer->remote_address(call) == own);
  peer_in.reset();
  peer_out.reset();
  CHECK(*peer->stream(call, std::nullopt));
  CHECK((*peer->remote_address(call)).error() == Code::InvalidState);
  CHECK(*socket->set_unicast_hop_limit(call, 9));
  CHECK(**socket->unicast_hop_limit(call) == 9);
}

TEST_CASE("sockets are bounded, and there are none without a network") {
  World world({});
  std::vector<Own<tcp_wit::TcpSocket>> sockets;
  for (;;) {
    auto made = *TcpCreateSocketHost(world.around, world.access)
                     .create_tcp_socket(world.call, Family::Ipv4);
    if (!made) {
      CHECK(made.error() == Code::NewSocketLimit);
      break;
    }
    sockets.push_back(*std::move(made));
  }
  CHECK(sockets.size() == HostMemory::kDefaultLimit / kSocketCharge);
  sockets.clear();
  CHECK(world.memory.used() == 0);
  world.access_to.limits = {std::make_shared<http::ConnectionLimit>(1)};
  auto first = world.udp();
  const auto second =
      *UdpCreateSocketHost(world.around, world.access).create_udp_socket(world.call, Family::Ipv4);
  REQUIRE_FALSE(second);
  CHECK(second.error() == Code::NewSocketLimit);
  first.reset();
  first = world.udp();
  world.context.network = nullptr;
  CHECK(
      (*TcpCreateSocketHost(world.around, world.access).create_tcp_socket(world.call, Family::Ipv4))
          .error() == Code::AccessDenied
  );
}

TEST_CASE("addresses keep all their bits on the way") {
  for (const char* ip :
       {"1.2.3.4", "255.0.255.0", "::", "::1", "102:304:506:708:90a:b0c:d0e:f10"}) {
    const auto address = *net::SocketAddress::from_ip(ip, 4660);
    CHECK(to_socket_address(to_wit(address)).to_string() == address.to_string());
    CHECK(ip_text(address) == ip);
  }
  const auto scoped = net_wit::IpSocketAddress::ipv6(
      {.port = 1, .flow_info = 0x12345, .address = {0xfe80, 0, 0, 0, 0, 0, 0, 1}, .scope_id = 3}
  );
  CHECK(to_wit(to_socket_address(scoped)) == scoped);
}

}  // namespace
}  // namespace whorl::wasi::p2
