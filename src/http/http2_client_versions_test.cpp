// Servers that speak HTTP/2 and want HTTP/1.1: HTTP_1_1_REQUIRED.
#include "http/test_http2_peer.hpp"

namespace whorl::http::test {
namespace {

constexpr std::uint32_t kHttp11Required = 13;

TEST_CASE("a server that wants HTTP/1.1 for a request gets it, if the request may be repeated") {
  for (const bool is_get : {true, false}) {
    CAPTURE(is_get);
    std::string received;
    std::vector<Server::Script> scripts{[&](Peer& peer) {
      H2Peer h2(peer);
      h2.send(reset_frame(h2.read_head().stream, kHttp11Required));
      if (!is_get) {
        h2.send(whole_answer(h2.read_head().stream, "new"));
        peer.wait_closed();
      }
    }};
    if (is_get) {
      scripts.emplace_back([&](Peer& peer) {
        received = peer.read_head();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold");
      });
    }
    Server server(std::move(scripts));
    {
      ClientOptions options;
      options.http2_authority = server.authority();
      Scene scene(std::move(options));
      if (is_get) {
        CHECK(told(scene, scene.send(get(server, "/a"))) == "200 old");
      } else {
        CHECK(
            told(scene, scene.send(post(server, nullptr))) ==
            "12: the server wants HTTP/1.1 for this request"
        );
        CHECK(told(scene, scene.send(get(server, "/b"))) == "200 new");
      }
    }
    server.join();
    CHECK(received.starts_with("GET /a HTTP/1.1\r\n") == is_get);
  }
}

TEST_CASE("a server whose goodbye wants HTTP/1.1 gets it, and is remembered") {
  std::vector<std::string> received;
  /// Answers by HTTP/1.1, until the client goes.
  const auto old = [&](Peer& peer) {
    while (true) {
      const std::string head = peer.read_head();
      if (head.empty()) {
        return;
      }
      received.push_back(head.substr(0, head.find('\r')));
      peer.send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold");
    }
  };
  struct Site {
    explicit Site(std::vector<Server::Script> scripts) : server(std::move(scripts)) {}
    ClientOptions options() {
      ClientOptions made;
      made.http2_authority = server.authority();
      return made;
    }
    Server server;
  };
  SUBCASE("requests that it passes over are made so, whether they may be repeated or not") {
    Site site(
        {[&](Peer& peer) {
           H2Peer h2(peer);
           const auto first = h2.read_head().stream;
           h2.read_head();
           h2.send(goaway(first, kHttp11Required) + whole_answer(first, "new"));
           peer.wait_closed();
         },
         old}
    );
    {
      Scene scene(site.options());
      const auto first = scene.send(get(site.server, "/a"));
      const auto second = scene.send(post(site.server, nullptr));
      CHECK(told(scene, first) == "200 new");
      CHECK(told(scene, second) == "200 old");
      CHECK(told(scene, scene.send(get(site.server, "/b"))) == "200 old");
      CHECK(scene.client.http2_connections() == 0);
    }
    site.server.join();
    CHECK(received == std::vector<std::string>{"POST / HTTP/1.1", "GET /b HTTP/1.1"});
  }
  SUBCASE("so are those that wait for room") {
    Site site(
        {[&](Peer& peer) {
           H2Peer h2(peer, setting(3, 1));
           const auto first = h2.read_head().stream;
           h2.send(head(first, {{":status", "200"}}));
           h2.wait_for(kData);
           h2.send(goaway(first, kHttp11Required) + data(first, "new", true));
           peer.wait_closed();
         },
         old}
    );
    {
      Scene scene(site.options());
      const auto body = make_local<BodyPipe>();
      const auto first = scene.outcome(*scene.send(post(site.server, body)));
      REQUIRE(first);
      const auto second = scene.send(get(site.server, "/waits"));
      for (int i = 0; i < 100; ++i) {
        scene.shard.poll();
      }
      body->write(as_bytes("a"));
      CHECK(scene.drain(*first->body) == "new");
      CHECK(told(scene, second) == "200 old");
    }
    site.server.join();
    CHECK(received == std::vector<std::string>{"GET /waits HTTP/1.1"});
  }
  SUBCASE("those that it may have begun only where they may be repeated") {
    const auto leave = [&](Peer& peer) {
      H2Peer h2(peer);
      const auto first = h2.read_head().stream;
      h2.send(goaway(first, kHttp11Required));
    };
    for (const bool is_get : {true, false}) {
      CAPTURE(is_get);
      received.clear();
      Site site(
          is_get ? std::vector<Server::Script>{leave, old} : std::vector<Server::Script>{leave}
      );
      {
        Scene scene(site.options());
        const auto answer =
            told(scene, scene.send(is_get ? get(site.server, "/c") : post(site.server, nullptr)));
        CHECK(answer.ends_with("old") == is_get);
      }
      site.server.join();
      CHECK(received.size() == (is_get ? 1 : 0));
    }
  }
  SUBCASE("but not those that are for HTTP/2 only") {
    Site site({[&](Peer& peer) {
      H2Peer h2(peer);
      h2.read_head();
      h2.send(goaway(0, kHttp11Required));
      peer.wait_closed();
    }});
    Scene scene(site.options());
    CHECK(
        told(scene, send_http2(scene, get(site.server))) ==
        "12: the server wants HTTP/1.1 for this request"
    );
  }
}

}  // namespace
}  // namespace whorl::http::test
