// Spellings of addresses that must not get a request past grants or blocked networks: each names a
// server that listens here, in a way that some parser or resolver is known to read differently.
#include "http/client_test_support.hpp"
#include "http/outbound.hpp"

#include <algorithm>
#include <array>

namespace whorl::http {
namespace {

/// A server that nobody may reach.
class Canary {
 public:
  Canary() {
    auto listeners = net::listen_on(*net::SocketAddress::from_ip("127.0.0.1", 0), 1);
    REQUIRE(listeners);
    port_ = listeners->address.port();
    socket_ = std::move(listeners->sockets[0]);
  }
  [[nodiscard]] std::string port() const { return fmt::to_string(port_); }
  /// Whether somebody has connected since the last call.
  [[nodiscard]] bool was_reached() const {
    pollfd entry{socket_.get(), POLLIN, 0};
    if (::poll(&entry, 1, 0) != 1) {
      return false;
    }
    const fs::Fd peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return peer.is_open();
  }

 private:
  std::uint16_t port_ = 0;
  fs::Fd socket_;
};

/// Other spellings of 127.0.0.1 and of what leads to it, without ports.
std::vector<std::string> loopback_hosts() {
  std::vector<std::string> hosts = {
      // as it is, and names
      "127.0.0.1",
      "localhost",
      "LOCALHOST",
      "LocalHost",
      "localhost.",
      "127.0.0.1.",
      // short, decimal, octal, hexadecimal, mixed
      "127.1",
      "127.0.1",
      "2130706433",
      "0x7f000001",
      "0X7F000001",
      "017700000001",
      "0177.0.0.1",
      "0177.0000.0000.0001",
      "0x7f.0.0.1",
      "0x7f.1",
      "0x7f.0x0.0x0.0x1",
      "127.0x1",
      "0177.1",
      "127.000.000.001",
      "00127.0.0.1",
      "127.0.0.01",
      "127.0.0.0x1",
      "00000000177.0.0.1",
      "0x0000000000007f000001",
      "0x000000007f.0.0.1",
      "4294967295.0.0.1",
      "6442450942",
      "383.0.0.1",
      "127.0.0.257",
      "127.256.0.1",
      "-2164260863",
      "+127.0.0.1",
      "127.0.0.1e0",

      // elsewhere in the block
      "127.0.0.2",
      "127.255.255.254",
      "127.127.127.127",
      "127.0.0.0",
      "127.255.255.255",
      // the unspecified address, which leads here too
      "0.0.0.0",
      "0",
      "0x0",
      "00",
      "0.0",
      "0.0.0",
      "00.00.00.00",
      "0x0.0x0",
      // IPv6
      "[::1]",
      "[0:0:0:0:0:0:0:1]",
      "[0000:0000:0000:0000:0000:0000:0000:0001]",
      "[::0001]",
      "[0::1]",
      "[::0:1]",
      "[::]",
      "[0:0:0:0:0:0:0:0]",
      "[0::0]",
      // IPv4 inside of IPv6
      "[::ffff:127.0.0.1]",
      "[::FFFF:127.0.0.1]",
      "[0:0:0:0:0:ffff:127.0.0.1]",
      "[::ffff:7f00:1]",
      "[::ffff:7f00:0001]",
      "[0000::ffff:7f00:1]",
      "[::127.0.0.1]",
      "[::7f00:1]",
      "[::ffff:0.0.0.0]",
      "[::ffff:0:0]",
      "[::ffff:0:127.0.0.1]",
      "[64:ff9b::127.0.0.1]",
      "[64:ff9b::7f00:1]",
      "[64:ff9b:1::7f00:1]",
      "[2002:7f00:1::]",
      "[2002:7f00:1::1]",
      "[2001:0:7f00:1::]",
      "[::ffff:127.1]",
      "[::ffff:0x7f.0.0.1]",
      "[::ffff:2130706433]",
      "[fe80::1]",
      "[fe80::1%lo]",
      "[fe80::1%25lo]",
      "[::1%lo]",
      "[::1%25lo]",
      "[::1%1]",
      "[ff02::1]",
      "[fc00::1]",
      "[fd00:ec2::254]",
      // brackets that are none
      "[127.0.0.1]",
      "[localhost]",
      "[::1",
      "::1]",
      "::1",
      "[[::1]]",
      "[]",
      "[::1]x",
      "x[::1]",
      // other encodings of the same text
      "%31%32%37%2e%30%2e%30%2e%31",
      "127%2e0.0.1",
      "127.0.0%2E1",
      "%6cocalhost",
      "localhos%74",
      "127.0.0.1%00",
      "127.0.0.1%20",
      "127.0.0.1%09",
      "127.0.0.1%23",
      "127.0.0.1%2f",
      "127.0.0.1%40x",
      "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1",
      "127\xe3\x80\x82"
      "0\xe3\x80\x82"
      "0\xe3\x80\x82"
      "1",
      "127\xef\xbc\x8e"
      "0.0.1",
      "127\xef\xbd\xa1"
      "0.0.1",
      "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",
      "\xe2\x93\x9b\xe2\x93\x9e\xe2\x93\x92\xe2\x93\x90\xe2\x93\x9b\xe2\x93\x97\xe2\x93\x9e\xe2\x93"
      "\xa2\xe2\x93\xa3",
      "l\xc3\xb6"
      "calhost",
      "loc\xc2\xad"
      "alhost",
      "127.0.0.1\xe2\x80\x8b",
      "\xef\xbb\xbf"
      "127.0.0.1",
      // blanks and controls
      " 127.0.0.1",
      "127.0.0.1 ",
      "\t127.0.0.1",
      "127.0.0.1\t",
      "127.0.0.1\r",
      "127.0.0.1\n",
      "127.0.0.1\r\nx: y",
      "127.\n0.0.1",
      "127.0.0.1\v",
      "127.0.0.1\f",
      "127.0.0.1\x7f",
      std::string("127.0.0.1\0", 10),
      std::string("127.0.0.1\0.granted.invalid", 26),
      // punctuation
      "127..0.0.1",
      ".127.0.0.1",
      "127.0.0.1..",
      "127,0,0,1",
      "127.0.0.1;",
      "127.0.0.1,granted.invalid",
      "127.0.0.1|",
      "127.0.0.1&",
      "127.0.0.1'",
      "\"127.0.0.1\"",
      "(127.0.0.1)",
      "<127.0.0.1>",
      "{127.0.0.1}",
      "127.0.0.1$",
      "127.0.0.1!",
      "127.0.0.1*",
      "*",
      "*.invalid",
      "127.0.0.*",
  };
  return hosts;
}

/// Authorities with something in front of the host or behind it that names what is granted.
std::vector<std::string> disguised(const std::string& port) {
  std::vector<std::string> out;
  constexpr std::array<std::string_view, 3> kHosts{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"};
  for (const std::string_view host : kHosts) {
    for (const std::string_view form : {
             "granted.invalid@{}:{}",
             "granted.invalid:80@{}:{}",
             "u:p@{}:{}",
             "@{}:{}",
             ":@{}:{}",
             "granted.invalid%40{}:{}",
             "granted.invalid#@{}:{}",
             "granted.invalid?@{}:{}",
             "granted.invalid/@{}:{}",
             "granted.invalid\\@{}:{}",
             "granted.invalid\\.{}:{}",
             "granted.invalid%2f@{}:{}",
             "granted.invalid%00@{}:{}",
             "granted.invalid\t@{}:{}",
             "granted.invalid @{}:{}",
             "granted.invalid:{1}@{0}:{1}",
             "granted.invalid;{}:{}",
             "{}:{}#granted.invalid",
             "{}:{}/granted.invalid",
             "{}:{}?granted.invalid",
             "{}:{}\\granted.invalid",
             "{}:{}@granted.invalid:x",
             "{}:{}%23.granted.invalid",
             "//{}:{}",
             "http://{}:{}",
             "{}:{}:80",
             "{}:80:{}",
             "{}:{} ",
             "{}: {}",
             "{}:+{}",
             "{}:0{}",
             "{}:00000000{}",
             "{}:{}x",
             "{}:{}.0",
             "{}:{}%20",
             "{}::{}",
             "{}:-{}",
         }) {
      out.push_back(fmt::format(fmt::runtime(form), host, port));
    }
  }
  return out;
}

struct World : test::Scene {
  World(std::vector<std::string> grants, ClientOptions options)
      : Scene(std::move(options)), allowed(*AllowedHosts::parse(grants)), outbound(client) {}

  /// Sends a request. @return whether there was a response
  bool try_reach(Scheme scheme, const std::string& authority, std::string path = "/") {
    Request request;
    request.scheme = scheme;
    request.authority = authority;
    request.path_and_query = std::move(path);
    const auto patience = std::chrono::seconds(5);
    const auto exchange = std::make_shared<ClientExchange>(
        std::move(request),
        ClientTimeouts{.connect = patience, .first_byte = patience, .between_bytes = patience}
    );
    if (!outbound.start(allowed, exchange)) {
      return false;
    }
    return outcome(*exchange).has_value();
  }

  AllowedHosts allowed;
  Outbound outbound;
};

/// Tries all forms. @return how many there were
std::size_t try_all(World& world, const Canary& canary) {
  std::vector<std::string> authorities = disguised(canary.port());
  for (const std::string& host : loopback_hosts()) {
    authorities.push_back(host + ":" + canary.port());
  }
  for (const std::string& authority : authorities) {
    CAPTURE(authority);
    CHECK_FALSE(world.try_reach(Scheme::Http, authority));
    CHECK_FALSE(canary.was_reached());
  }
  return authorities.size();
}

TEST_CASE("grants of other places let no form of an address through") {
  const Canary canary;
  World world(
      {"http://granted.invalid:*",
       "http://*.granted.invalid:*",
       "https://127.0.0.1:*",
       "http://127.0.0.1:1",
       "http://10.0.0.0/8:*",
       "http://[::2]:*",
       "redis://localhost:*"},
      {}
  );
  const std::size_t forms = try_all(world, canary);
  CHECK(forms >= 200);
}

TEST_CASE("what is blocked is blocked in every form, whatever is granted") {
  const Canary canary;
  ClientOptions options;
  options.blocked.block_private();
  World world({"*://*:*"}, std::move(options));
  const std::size_t forms = try_all(world, canary);
  CHECK(forms >= 200);
}

TEST_CASE("an address is granted in its other spellings only where it is the same address") {
  const Canary canary;
  World world({"http://127.0.0.1:" + canary.port()}, {});
  for (const char* host :
       {"127.1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "[::ffff:127.0.0.1]",
        "0177.0.0.1",
        "127.0.0.2",
        "0.0.0.0"}) {
    CAPTURE(host);
    CHECK_FALSE(world.try_reach(Scheme::Http, fmt::format("{}:{}", host, canary.port())));
    CHECK_FALSE(canary.was_reached());
  }
  CHECK_FALSE(world.try_reach(Scheme::Https, "127.0.0.1:" + canary.port()));
  CHECK_FALSE(canary.was_reached());
}

TEST_CASE("redirects are answers, never followed") {
  const Canary canary;
  for (const int status : {301, 302, 303, 307, 308}) {
    CAPTURE(status);
    test::Server server({[&](test::Peer& peer) {
      peer.read_head();
      peer.send(fmt::format(
          "HTTP/1.1 {} Away\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n",
          status,
          canary.port()
      ));
    }});
    World world({"http://" + server.authority()}, {});
    CHECK(world.try_reach(Scheme::Http, server.authority()));
    CHECK_FALSE(canary.was_reached());
  }
}

}  // namespace
}  // namespace whorl::http
