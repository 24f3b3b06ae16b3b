#include "wire/http1/request.hpp"

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace whorl::wire::http1 {
namespace {

constexpr HeadLimits kLimits{.target_bytes = 20, .fields_bytes = 150, .fields = 5};

/// A head by the long way, and where it ends.
struct Long {
  RequestHead head;
  std::size_t end = 0;
};
std::optional<Long> read_long(std::string_view text, const HeadLimits& limits = kLimits) {
  HeadScanner scanner;
  Long out;
  if (scanner.scan(text, limits) != HeadScanner::State::Complete) {
    return std::nullopt;
  }
  out.end = scanner.end();
  const std::string_view lines = text.substr(scanner.begin(), scanner.end() - scanner.begin());
  if (parse_request_head(lines, limits, out.head)) {
    return std::nullopt;
  }
  return out;
}

/// One that holds leftovers of another head.
RequestHead used_head() {
  RequestHead head;
  head.version = Version::Http10;
  head.authority = "left.over";
  head.https_target = true;
  head.fields = {{"left", "over"}};
  head.field_lines = "left: over\r\n";
  head.framing = Framing::Chunked;
  head.content_length = 7;
  head.keep_alive = false;
  head.asks_keep_alive = true;
  head.expects_continue = true;
  return head;
}

/// What the short way takes, the long way takes and reads the same. @return whether it was taken
bool check_same(std::string_view text, const HeadLimits& limits = kLimits) {
  CAPTURE(text);
  RequestHead head = used_head();
  const std::size_t end = parse_usual_head(text, limits, head);
  if (end == 0) {
    return false;
  }
  const auto expected = read_long(text, limits);
  REQUIRE(expected.has_value());
  CHECK(end == expected->end);
  CHECK(head.method == expected->head.method);
  CHECK(head.version == expected->head.version);
  CHECK(head.path_and_query == expected->head.path_and_query);
  CHECK(head.authority == expected->head.authority);
  CHECK(head.https_target == expected->head.https_target);
  CHECK(head.field_lines == expected->head.field_lines);
  CHECK(head.framing == expected->head.framing);
  CHECK(head.content_length == expected->head.content_length);
  CHECK(head.keep_alive == expected->head.keep_alive);
  CHECK(head.asks_keep_alive == expected->head.asks_keep_alive);
  CHECK(head.expects_continue == expected->head.expects_continue);
  REQUIRE(head.fields.size() == expected->head.fields.size());
  for (std::size_t i = 0; i < head.fields.size(); ++i) {
    CHECK(head.fields[i].name == expected->head.fields[i].name);
    CHECK(head.fields[i].value == expected->head.fields[i].value);
  }
  return true;
}

TEST_CASE("heads that go the short way, and read there as on the long one") {
  const std::string host = "Host: localhost:3000\r\n";
  for (const std::string& text : {
           "GET / HTTP/1.1\r\n" + host + "\r\n",
           "GET /a?b=c HTTP/1.1\r\n" + host + "User-Agent: hey/0.0.1\r\nAccept: gzip\r\n\r\n",
           "POST /\xc3\xa4 HTTP/1.1\r\n" + host + "content-length: 12\r\n\r\nbody of twelve",
           "PUT /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\n",
           std::string("GET / HTTP/1.1\r\n") + "A:b\r\nHost:a\r\nC:   d e   \r\nF:\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + "Connection: keep-alive, close\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + "Expect: 100-continue\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + "a: \x80\xff\r\n\r\nGET / HTTP/1.1\r\n",
           std::string("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"),
       }) {
    CHECK_MESSAGE(check_same(text), text);
  }
  RequestHead head;
  CHECK(parse_usual_head("GET /1 HTTP/1.1\r\nHost: a\r\nb:  c \r\n\r\nrest", {}, head) == 36);
  CHECK(head.path_and_query == "/1");
  CHECK(head.authority == "a");
  CHECK(head.field_lines == "Host: a\r\nb:  c \r\n");
  REQUIRE(head.fields.size() == 2);
  CHECK(head.fields[1].name == "b");
  CHECK(head.fields[1].value == "c");
}

TEST_CASE("heads that go the long way: what is rare, incomplete or wrong") {
  RequestHead head;
  for (const std::string_view text : {
           "",
           "GET / HTTP/1.1\r\nHost: a\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\n\r",
           "GET / HTTP/1.1\r\n\r\n",
           "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
           "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
           "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
           "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET / b HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET / HTTP/1.1\nHost: a\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
           "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nb: c\td\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nb: c\x7f\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nExpect: nothing\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       }) {
    CAPTURE(text);
    CHECK(parse_usual_head(text, {}, head) == 0);
  }
}

TEST_CASE("the limits of the long way hold on the short one") {
  const auto text = [](std::size_t target, std::size_t value, std::size_t fields) {
    std::string out = "GET /" + std::string(target - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n";
    out += "a: " + std::string(value, 'y') + "\r\n";
    for (std::size_t i = 2; i < fields; ++i) {
      out += "b:\r\n";
    }
    return out + "\r\n";
  };
  RequestHead head;
  for (std::size_t target = 18; target < 23; ++target) {
    CHECK(check_same(text(target, 1, 2)) == (target <= kLimits.target_bytes));
  }
  for (std::size_t fields = 3; fields < 8; ++fields) {
    CHECK(check_same(text(1, 1, fields)) == (fields <= kLimits.fields));
  }
  // 9 bytes of Host, 5 around the value, 2 of the end.
  for (std::size_t value = 132; value < 137; ++value) {
    CHECK(check_same(text(1, value, 2)) == (value + 16 <= kLimits.fields_bytes));
  }
}

TEST_CASE("of random heads the short way takes none that the long way reads otherwise") {
  constexpr std::array<std::string_view, 30> kPieces{
      "GET ",
      "POST ",
      "CONNECT ",
      "/",
      "/a?b",
      "*",
      "http://a/",
      " HTTP/1.1\r\n",
      " HTTP/1.0\r\n",
      "Host: a\r\n",
      "Host: a:80 \r\n",
      "Content-Length: 5\r\n",
      "content-length:0\r\n",
      "Transfer-Encoding: chunked\r\n",
      "Connection: close\r\n",
      "Expect: 100-continue\r\n",
      "X-Long-Name-Of-A-Field: a value that is longer than eight bytes\r\n",
      "a:b\r\n",
      "\r\n",
      "\r",
      "\n",
      " ",
      "\t",
      ":",
      "\x7f",
      "\x1f",
      "\x80",
      "\xc3\xa4",
      "#",
      "z"
  };
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t n) { return random() % n; };
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    // Mostly a head as it should be, with some pieces put in, and bytes changed or cut.
    std::string text = "GET /abc HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = below(4); i > 0; --i) {
      text += kPieces[9 + below(9)];
    }
    text += "\r\n";
    for (std::size_t i = below(3); i > 0; --i) {
      text.insert(below(text.size() + 1), kPieces[below(kPieces.size())]);
    }
    if (below(3) == 0) {
      text[below(text.size())] = static_cast<char>(below(256));
    }
    if (below(8) == 0) {
      text.resize(below(text.size() + 1));
    }
    taken += check_same(text) ? 1 : 0;
  }
  CHECK(taken > 1'000);
}

}  // namespace
}  // namespace whorl::wire::http1
