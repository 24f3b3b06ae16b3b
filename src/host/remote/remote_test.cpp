// Services over HTTP: addresses, answers within bounds, peers that misbehave.
#include "host/main_caller.hpp"
#include "host/remote/answer_json.hpp"
#include "host/remote/service_client.hpp"
#include "host/test_support.hpp"
#include "http/client_test_support.hpp"

#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <algorithm>

namespace whorl::host::remote {
namespace {

using http::test::Peer;
using http::test::Server;

TEST_CASE("where a service is") {
  struct Case {
    const char* text;
    const char* read;  ///< origin and path; "" for none
  };
  const Case cases[] = {
      {"http://h", "http://h|"},
      {"https://H.example:8443/a/b//", "https://H.example:8443|/a/b"},
      {"HTTP://[::1]:1/", "http://[::1]:1|"},
      {"ftp://h", ""},
      {"h", ""},
      {"http://", ""},
      {"http://u:s3cret@h/", ""},
      {"http://h/?a", ""},
      {"http://h/#a", ""},
  };
  for (const Case& item : cases) {
    CAPTURE(item.text);
    const auto url = parse_service_url(item.text);
    CHECK((url ? url->origin() + "|" + url->path : "") == item.read);
    if (!url) {
      CHECK_FALSE(url.error().to_line().contains("s3cret"));
    }
  }
  CHECK(parse_service_url("http://EXAMPLE.com:80")->host() == "example.com");
  CHECK(parse_service_url("http://[::1]:80")->host() == "::1");
}

TEST_CASE("forms") {
  CHECK(percent_encode("aZ0-_.~ /+&=%é") == "aZ0-_.~%20%2F%2B%26%3D%25%C3%A9");
  CHECK(encode_form({{"a", "1 2"}, {"b", "&"}}) == "a=1%202&b=%26");
}

TEST_CASE("what a peer says is shown without our secrets") {
  CHECK(without_secret("key tok3n, tok3n!", "tok3n") == "key ***, ***!");
  CHECK(without_secret("a\nb\x1b[1m", "") == "a b [1m");
  const std::string shown = without_secret(std::string(499, 'x') + "é", "");
  CHECK(shown == std::string(499, 'x'));
}

TEST_CASE("JSON within bounds") {
  const auto json = parse_answer_json(R"({"a":{"n":3,"t":"x","d":"12","f":1.5,"l":[1]}})");
  REQUIRE(json);
  CHECK(find_integer(*json, {"a", "n"}) == 3);
  CHECK(find_integer(*json, {"a", "d"}) == 12);
  CHECK(find_integer(*json, {"a", "f"}) == std::nullopt);
  CHECK(find_text(*json, {"a", "t"}) == "x");
  CHECK(find_text(*json, {"a", "n"}) == std::nullopt);
  CHECK(find_array(*json, {"a", "l"})->size() == 1);
  CHECK(find_value(*json, {"a", "t", "x"}) == nullptr);
  CHECK(find_count(*parse_answer_json(R"({"n":-1})"), {"n"}) == std::nullopt);
  CHECK(find_count(*parse_answer_json(R"({"n":4294967296})"), {"n"}) == std::nullopt);
  for (const char* bad : {"", "{", "{}x", "nope", "{\"a\":1}{}", "<html>"}) {
    CAPTURE(bad);
    REQUIRE_FALSE(parse_answer_json(bad));
    CHECK(parse_answer_json(bad).error().message() == "no JSON");
  }
  CHECK(
      parse_answer_json(std::string(100, '[')).error().message() == "JSON nested more than 64 deep"
  );
  std::string many = "[0";
  for (std::size_t i = 0; i < kMaxJsonValues; ++i) {
    many += ",0";
  }
  CHECK(parse_answer_json(many + "]").error().kind() == ErrorKind::ResourceLimit);
  // Commas of a text are no values.
  CHECK(parse_answer_json('"' + std::string(kMaxJsonValues + 10, ',') + "\\\",\""));
}

ServiceLimits quick() {
  return {
      .connect = std::chrono::milliseconds(2000),
      .silence = std::chrono::milliseconds(200),
      .whole = std::chrono::milliseconds(2000),
      .answer_bytes = 100,
  };
}

/// Sends one request to a server of these scripts. @return status and body, or kind and message
std::string send(std::vector<Server::Script> scripts, Repeat repeat = Repeat::Never) {
  Server server(std::move(scripts));
  MainCaller main;
  ServiceClient client;
  auto request = ServiceRequest::to(*parse_service_url("http://" + server.authority()), "/p");
  request.body = "hello";
  request.repeat = repeat;
  const auto answer = client.send(main.caller(), std::move(request), quick());
  return answer ? fmt::format("{} {}", answer->status, answer->body)
                : fmt::format("{}: {}", to_string(answer.error().kind()), answer.error().message());
}

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\n";

TEST_CASE("answers, and what is none") {
  struct Case {
    std::string answer;
    std::string came;
  };
  const std::string ok(kOk);
  const Case cases[] = {
      {ok + "content-length: 2\r\n\r\nhi", "200 hi"},
      {ok + "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "200 hi"},
      {"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", "404 "},
      {"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", "302 "},
      {ok + "content-length: 9\r\n\r\nhi", "disconnected: the service's answer was cut"},
      {"garbage\r\n\r\n", "unavailable: the service gave no HTTP answer"},
      {"", "unavailable: the service gave no HTTP answer"},
      {ok + "content-length: 101\r\n\r\n" + std::string(101, 'x'),
       "resource-limit: query result exceeds limit of 100 bytes"},
      {ok + "\r\n" + std::string(5000, 'x'),
       "resource-limit: query result exceeds limit of 100 bytes"},
  };
  for (const Case& item : cases) {
    CAPTURE(item.answer);
    CHECK(send({[&](Peer& peer) {
            peer.read_until("hello");
            peer.send(item.answer);
          }}) == item.came);
  }
}

TEST_CASE("a service that says nothing, or never ends") {
  CHECK(send({[](Peer& peer) {
          peer.wait_closed();
        }}) == "deadline-exceeded: the service did not answer in time");
  CHECK(send({[](Peer& peer) {
          peer.send(std::string(kOk) + "content-length: 9\r\n\r\nhi");
          peer.wait_closed();
        }}) == "deadline-exceeded: the service did not answer in time");
}

TEST_CASE("nobody listens there") {
  MainCaller main;
  ServiceClient client;
  const auto send_to = [&](const char* url) {
    const auto answer =
        client.send(main.caller(), ServiceRequest::to(*parse_service_url(url), "/"), quick());
    return answer ? "" : answer.error().to_line();
  };
  CHECK(send_to("http://127.0.0.1:1") == "the service refused the connection");
  CHECK(send_to("http://no-such-host.invalid") == "the service's name is not known");
}

TEST_CASE("connections are kept, and one that was closed meanwhile is replaced") {
  const auto reply = [](Peer& peer, const char* body) {
    peer.read_until("hello");
    peer.send(fmt::format("{}content-length: 1\r\n\r\n{}", kOk, body));
  };
  Server server({
      [&](Peer& peer) {
        reply(peer, "1");
        reply(peer, "2");
        peer.read_until("hello");  // and says nothing more
      },
      [&](Peer& peer) { reply(peer, "3"); },
  });
  MainCaller main;
  ServiceClient client;
  for (const char* expected : {"1", "2", "3"}) {
    auto request = ServiceRequest::to(*parse_service_url("http://" + server.authority()), "/");
    request.body = "hello";
    const auto answer = client.send(main.caller(), std::move(request), quick());
    REQUIRE(answer);
    CHECK(answer->body == expected);
  }
}

TEST_CASE("a guest that is being ended does not wait for its service") {
  Server server({[](Peer& peer) { peer.wait_closed(); }});
  test::Scene scene;
  {
    ServiceClient client;
    scene.run([&] {
      scene.fiber.is_cancelled = true;
      const auto answer = client.send(
          {scene.shard, scene.fiber},
          ServiceRequest::to(*parse_service_url("http://" + server.authority()), "/"),
          quick()
      );
      REQUIRE_FALSE(answer);
      CHECK(answer.error().kind() == ErrorKind::Cancelled);
    });
    // The request is ended, which the server sees.
    while (scene.shard.poll()) {
    }
  }
}

}  // namespace
}  // namespace whorl::host::remote
