// Requests over HTTP/2 to servers that are wrong, or mean harm.
#include "http/http2_client_session.hpp"
#include "http/test_http2_peer.hpp"

#include <optional>

namespace whorl::http::test {
namespace {

using namespace std::chrono_literals;

struct Answered {
  std::string what;
  std::string frames;  ///< on stream 1
  std::string told;
};

TEST_CASE("answers that are right, odd and wrong") {
  const std::string ok = head(1, {{":status", "200"}});
  const std::vector<Answered> cases = {
      {"whole", whole_answer(1, "abc"), "200 abc"},
      {"no body", head(1, {{":status", "204"}}, true), "204 "},
      {"empty body", ok + data(1, "", true), "200 "},
      {"a length",
       head(1, {{":status", "200"}, {"content-length", "3"}}) + data(1, "abc", true),
       "200 abc"},
      {"a length that is not kept",
       head(1, {{":status", "200"}, {"content-length", "4"}}) + data(1, "abc", true),
       "200 abc cut"},
      {"cut by a reset", ok + data(1, "abc") + reset_frame(1, 2), "200 abc cut"},
      {"padding", ok + frame(kData, 9, 1, std::string("\2ab\0\0", 5)), "200 ab"},
      {"reset", reset_frame(1, 2), "12: the server ended the request without an answer"},
      {"reset without a reason",
       reset_frame(1, 0),
       "12: the server ended the request without an answer"},
      {"HTTP/1.1 wanted", reset_frame(1, 13), "12: the server wants HTTP/1.1 for this request"},
      {"no status",
       head(1, {{"a", "b"}}, true),
       "12: the server ended the request without an answer"},
      {"a capital letter",
       head(1, {{":status", "200"}, {"A", "b"}}, true),
       "12: the server ended the request without an answer"},
      {"a field of the connection",
       head(1, {{":status", "200"}, {"connection", "x"}}, true),
       "12: the server ended the request without an answer"},
      {"101", head(1, {{":status", "101"}}), "12: the server ended the request without an answer"},
      {"31 interim answers",
       repeat(head(1, {{":status", "103"}}), 31) + whole_answer(1, "a"),
       "200 a"},
      {"too many interim answers",
       repeat(head(1, {{":status", "103"}}), 33),
       "12: an interim response that was not asked for"},
      {"too many fields",
       frame(
           kHeaders,
           kHeadIsWhole,
           1,
           packed({{":status", "200"}}) + repeat(packed({{"a", "b"}}), 300)
       ),
       "11: the response's head is too long"},
      {"a push",
       frame(5, kHeadIsWhole, 1, number(2) + packed({{":method", "GET"}})),
       "12: the server closed the connection"},
      {"bytes of HTTP/1.1",
       "HTTP/1.1 400 Bad Request\r\n\r\n",
       "12: the server closed the connection"},
      {"a frame that is too large",
       std::string("\x7f\xff\xff\0\0\0\0\0\1", 9),
       "12: the server closed the connection"},
      {"data on no stream", data(0, "a"), "12: the server closed the connection"},
  };
  for (const Answered& c : cases) {
    CAPTURE(c.what);
    Server server({[&](Peer& peer) {
      H2Peer h2(peer);
      h2.read_head();
      h2.send(c.frames);
      peer.wait_closed();
    }});
    {
      Scene scene;
      ClientTimeouts timeouts;
      timeouts.first_byte = 5s;
      CHECK(told(scene, send_http2(scene, get(server), timeouts)) == c.told);
    }
    server.join();
  }
}

TEST_CASE("floods by a server are ended, each kind of them") {
  struct Flood {
    std::string what;
    std::string first;
    std::string each;
    std::optional<std::uint32_t> code;
  };
  constexpr std::uint32_t kCalm = 11;
  const std::vector<Flood> floods = {
      {"pings", "", frame(kPing, 0, 0, "12345678"), kCalm},
      {"settings", "", frame(kSettings, 0, 0, ""), kCalm},
      {"windows", "", frame(kWindow, 0, 0, number(1)), kCalm},
      {"priorities", "", frame(2, 0, 1, std::string(5, '\0')), kCalm},
      {"frames of no known kind", "", frame(0x55, 0, 0, ""), kCalm},
      {"empty data", head(1, {{":status", "200"}}), data(1, ""), kCalm},
      {"a head without end",
       frame(kHeaders, 0, 1, packed({{":status", "200"}})),
       frame(9, 0, 1, packed({{"a", "b"}})),
       kCalm},
  };
  for (const Flood& flood : floods) {
    CAPTURE(flood.what);
    std::uint32_t code = 0;
    Server server({[&](Peer& peer) {
      H2Peer h2(peer);
      h2.read_head();
      h2.send(flood.first);
      for (int i = 0; i < 60; ++i) {
        h2.send(repeat(flood.each, 100));
      }
      const H2Peer::Frame end = h2.wait_for(kGoaway);
      if (end.type == kGoaway) {
        code = static_cast<unsigned char>(end.payload[7]);
      }
      peer.close();
    }});
    Scene scene;
    const auto exchange = send_http2(scene, get(server));
    auto outcome = scene.outcome(*exchange);
    if (outcome) {
      REQUIRE(scene.run_until([&] { return outcome->body->is_ended(); }));
      CHECK(outcome->body->failure() == ErrorKind::Disconnected);
    } else {
      CHECK(outcome.error().failure == ClientFailure::Protocol);
    }
    CHECK(scene.run_until([&] { return scene.client.http2_connections() == 0; }));
    server.join();
    // A reset of the connection may overtake the goodbye.
    CHECK((code == 0 || code == flood.code));
  }
}

TEST_CASE("a server that sends beyond the window is left") {
  Server server({[&](Peer& peer) {
    H2Peer h2(peer);
    h2.read_head();
    h2.send(head(1, {{":status", "200"}}) + repeat(data(1, std::string(16 * 1024, 'x')), 17));
    peer.wait_closed();
  }});
  Scene scene;
  auto outcome = scene.outcome(*send_http2(scene, get(server)));
  REQUIRE(outcome);
  REQUIRE(scene.run_until([&] { return outcome->body->is_ended(); }));
  CHECK(outcome->body->failure() == ErrorKind::Disconnected);
  CHECK(outcome->body->readable().size() == Http2ClientSession::kStreamWindow);
}

}  // namespace
}  // namespace whorl::http::test
