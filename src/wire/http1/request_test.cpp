#include "wire/http1/request.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace whorl::wire::http1 {
namespace {

using State = HeadScanner::State;

/// What a server makes of a head that arrives in one piece: 0 for good, else the status.
int judge(std::string_view text, const HeadLimits& limits = {}, RequestHead* out = nullptr) {
  HeadScanner scanner;
  const State state = scanner.scan(text, limits);
  if (state == State::NeedMore) {
    return -1;
  }
  if (state == State::Refused) {
    return scanner.refusal().status;
  }
  RequestHead head;
  RequestHead& target = out != nullptr ? *out : head;
  const auto refused = parse_request_head(
      text.substr(scanner.begin(), scanner.end() - scanner.begin()), limits, target
  );
  return refused ? refused->status : 0;
}

/// The same, byte after byte.
int judge_slowly(std::string_view text, const HeadLimits& limits = {}) {
  HeadScanner scanner;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    // A fresh copy each time: the buffer may move between calls.
    const std::string part(text.substr(0, size));
    const State state = scanner.scan(part, limits);
    if (state == State::Refused) {
      return scanner.refusal().status;
    }
    if (state == State::Complete) {
      RequestHead head;
      const auto refused = parse_request_head(
          std::string_view(part).substr(scanner.begin(), scanner.end() - scanner.begin()),
          limits,
          head
      );
      return refused ? refused->status : 0;
    }
  }
  return -1;
}

struct Case {
  const char* what;
  std::string text;
  int status;
};

const std::string kHost = "Host: a\r\n";

std::vector<Case> cases() {
  const auto get = [](const std::string& fields) {
    return "GET / HTTP/1.1\r\n" + kHost + fields + "\r\n";
  };
  const auto post10 = [](const std::string& fields) {
    return "POST / HTTP/1.0\r\n" + fields + "\r\n";
  };
  const auto target = [](const std::string& text) {
    return "GET " + text + " HTTP/1.1\r\n" + kHost + "\r\n";
  };
  return {
      // --- line ends and request line ---
      {"plain", get(""), 0},
      {"empty lines first", "\r\n\r\n" + get(""), 0},
      {"too many empty lines", "\r\n\r\n\r\n\r\n\r\n" + get(""), 400},
      {"bare LF first", "\n" + get(""), 400},
      {"bare LF in request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"bare LF in field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"bare CR in field", get("a: b\rc\r\n"), 400},
      {"bare CR for a line", "GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n", 400},
      {"CR CR LF", get("a: b\r\r\n"), 400},
      {"no version", "GET /\r\n\r\n", 400},
      {"no version but space", "GET / \r\n\r\n", 400},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"two spaces before version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"tab", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"space at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"space first", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"any token as method", "gE!#$%&'*+-.^_`|~T / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"no token as method", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"long method", std::string(65, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"TLS", "\x16\x03\x01\x02", 400},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"HTTP/9.9", "GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505},
      {"HTTP/1.", "GET / HTTP/1.\r\nHost: a\r\n\r\n", 400},
      {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
      {"http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      // --- target ---
      {"query", target("/a?b=c&d"), 0},
      {"odd but common bytes", target("/\"<>[]^`{|}\\"), 0},
      {"UTF-8", target("/\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), 0},
      {"not UTF-8", target("/\xff"), 400},
      {"UTF-8 surrogate", target("/\xed\xa0\x80"), 400},
      {"overlong UTF-8", target("/\xc0\xaf"), 400},
      {"fragment", target("/a#b"), 400},
      {"control byte", target("/\x01"), 400},
      {"space inside", target("/a b"), 400},
      {"relative", target("a"), 400},
      {"absolute", target("http://a/x"), 0},
      {"absolute without path", target("HTTP://A"), 0},
      {"absolute query without path", target("http://a?x"), 400},
      {"absolute, other host", target("http://b/"), 400},
      {"absolute with user", target("http://u@a/"), 400},
      {"absolute without host", target("http:///"), 400},
      {"other scheme", target("ftp://a/"), 400},
      {"asterisk", target("*"), 400},
      {"asterisk with OPTIONS", "OPTIONS * HTTP/1.1\r\n" + kHost + "\r\n", 0},
      {"CONNECT", "CONNECT a:1 HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"CONNECT with path", "CONNECT / HTTP/1.1\r\n" + kHost + "\r\n", 400},
      {"authority of GET", target("a:1"), 400},
      // --- fields ---
      {"no blank", get("a:b\r\n"), 0},
      {"blanks around", get("a:\t b \t\r\n"), 0},
      {"empty value", get("a:\r\n"), 0},
      {"high bytes", get("a: \x80\xff\r\n"), 0},
      {"blank before colon", get("a : b\r\n"), 400},
      {"tab before colon", get("a\t: b\r\n"), 400},
      {"no colon", get("a\r\n"), 400},
      {"no name", get(": b\r\n"), 400},
      {"brackets in name", get("X[]: b\r\n"), 400},
      {"high byte in name", get("\xc3\xa4: b\r\n"), 400},
      {"folded", get("a: b\r\n c\r\n"), 400},
      {"folded by tab", get("a: b\r\n\tc\r\n"), 400},
      {"first line folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"NUL", get(std::string("a: \0\r\n", 6)), 400},
      {"BEL", get("a: \x07\r\n"), 400},
      {"DEL", get("a: \x7f\r\n"), 400},
      // --- host ---
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"no host in 1.0", "GET / HTTP/1.0\r\n\r\n", 0},
      {"two hosts", get(kHost), 400},
      {"two hosts in 1.0", "GET / HTTP/1.0\r\n" + kHost + kHost + "\r\n", 400},
      {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"host with port", "GET / HTTP/1.1\r\nHost: a.b-c_d:8080\r\n\r\n", 0},
      {"host with empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 0},
      {"host with long port", "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", 400},
      {"host with bad port", "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", 400},
      {"host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400},
      {"IPv6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0},
      {"open IPv6", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
      {"text behind IPv6", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400},
      {"host with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"host with slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
      {"escaped host", "GET / HTTP/1.1\r\nHost: a%20b\r\n\r\n", 0},
      {"badly escaped host", "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", 400},
      // --- framing ---
      {"length", get("Content-Length: 5\r\n"), 0},
      {"length zero", get("Content-Length: 0\r\n"), 0},
      {"leading zeros", get("Content-Length: 0005\r\n"), 0},
      {"same length twice", get("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
      {"two lengths", get("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
      {"length list", get("Content-Length: 5, 5\r\n"), 400},
      {"negative", get("Content-Length: -5\r\n"), 400},
      {"plus", get("Content-Length: +5\r\n"), 400},
      {"hex", get("Content-Length: 0x5\r\n"), 400},
      {"no number", get("Content-Length: abc\r\n"), 400},
      {"empty length", get("Content-Length:\r\n"), 400},
      {"blank inside", get("Content-Length: 5 5\r\n"), 400},
      {"greatest length", get("Content-Length: 9223372036854775807\r\n"), 0},
      {"one more", get("Content-Length: 9223372036854775808\r\n"), 400},
      {"overflow", get("Content-Length: 18446744073709551621\r\n"), 400},
      {"chunked", get("Transfer-Encoding: chunked\r\n"), 0},
      {"chunked in any case", get("tRANSFER-eNCODING: CHUNKED\r\n"), 0},
      {"empty elements", get("Transfer-Encoding: , chunked ,\r\n"), 400},
      {"an empty element before", get("Transfer-Encoding: ,chunked\r\n"), 400},
      {"an empty element behind", get("Transfer-Encoding: chunked,\r\n"), 400},
      {"identity", get("Transfer-Encoding: identity\r\n"), 400},
      {"no coding", get("Transfer-Encoding:\r\n"), 400},
      {"chunked then no coding", get("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n"), 400},
      {"xchunked", get("Transfer-Encoding: xchunked\r\n"), 400},
      {"chunked with parameter", get("Transfer-Encoding: chunked;q=1\r\n"), 400},
      {"quoted", get("Transfer-Encoding: \"chunked\"\r\n"), 400},
      {"vertical tab",
       get("Transfer-Encoding: \x0b"
           "chunked\r\n"),
       400},
      {"gzip, chunked", get("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"chunked, gzip", get("Transfer-Encoding: chunked, gzip\r\n"), 400},
      {"chunked twice", get("Transfer-Encoding: chunked, chunked\r\n"), 400},
      {"chunked on two lines",
       get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
       400},
      {"both", get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"both, other order", get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
      {"chunked in 1.0", post10("Transfer-Encoding: chunked\r\n"), 400},
      {"length in 1.0", post10("Content-Length: 5\r\n"), 0},
      // --- expect ---
      {"continue", get("Expect: 100-Continue\r\n"), 0},
      {"other expectation", get("Expect: 200-ok\r\n"), 417},
      {"expectation in 1.0", post10("Expect: whatever\r\n"), 0},
      // --- not yet ---
      {"nothing", "", -1},
      {"no end", "GET / HTTP/1.1\r\nHost: a\r\n\r", -1},
  };
}

TEST_CASE("heads are judged the same in one piece and byte after byte") {
  for (const Case& c : cases()) {
    CAPTURE(c.what);
    CHECK(judge(c.text) == c.status);
    CHECK(judge_slowly(c.text) == c.status);
  }
}

TEST_CASE("what a head says") {
  RequestHead head;
  REQUIRE(
      judge(
          "\r\nPOST http://Example.org:80/p?q HTTP/1.1\r\nhost: example.org:80\r\n"
          "Content-Length: 12\r\nX: \t y z \r\nExpect: 100-continue\r\n\r\nrest",
          {},
          &head
      ) == 0
  );
  CHECK(head.method == "POST");
  CHECK(head.version == Version::Http11);
  CHECK(head.path_and_query == "/p?q");
  CHECK(head.authority == "Example.org:80");
  CHECK_FALSE(head.https_target);
  CHECK(head.fields.size() == 4);
  CHECK(head.fields[2].name == "X");
  CHECK(head.fields[2].value == "y z");
  CHECK(head.framing == Framing::Length);
  CHECK(head.content_length == 12);
  CHECK(head.expects_continue);

  REQUIRE(
      judge("OPTIONS * HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", {}, &head) == 0
  );
  CHECK(head.path_and_query == "*");
  CHECK(head.authority == "a");
  CHECK(head.framing == Framing::Chunked);
  CHECK_FALSE(head.expects_continue);
  CHECK(head.content_length == 0);

  REQUIRE(judge("GET https://a HTTP/1.1\r\nHost: a\r\n\r\n", {}, &head) == 0);
  CHECK(head.https_target);
  CHECK(head.path_and_query == "/");
  CHECK(head.framing == Framing::None);
}

TEST_CASE("whether the connection stays") {
  struct Row {
    const char* version;
    const char* fields;
    bool keep;
    bool asks;
  };
  for (const Row& row : {
           Row{"1.1", "", true, false},
           Row{"1.1", "Connection: close\r\n", false, false},
           Row{"1.1", "Connection: x, CLOSE\r\n", false, false},
           Row{"1.1", "Connection: x\r\nConnection: close\r\n", false, false},
           Row{"1.1", "Connection: keep-alive\r\n", true, true},
           Row{"1.1", "Connection: closed\r\n", true, false},
           Row{"1.1", "Connection: keep-alive, close\r\n", false, true},
           Row{"1.0", "", false, false},
           Row{"1.0", "Connection: Keep-Alive\r\n", true, true},
           Row{"1.0", "Connection: keep-alive, close\r\n", false, true},
       }) {
    CAPTURE(row.fields);
    RequestHead head;
    const std::string text =
        "GET / HTTP/" + std::string(row.version) + "\r\nHost: a\r\n" + row.fields + "\r\n";
    REQUIRE(judge(text, {}, &head) == 0);
    CHECK(head.keep_alive == row.keep);
    CHECK(head.asks_keep_alive == row.asks);
  }
}

TEST_CASE("limits of target, field lines and their number") {
  const HeadLimits limits{.target_bytes = 10, .fields_bytes = 40, .fields = 3};
  const auto with_target = [](std::size_t n) {
    return "GET /" + std::string(n - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  CHECK(judge(with_target(10), limits) == 0);
  CHECK(judge(with_target(11), limits) == 414);
  CHECK(judge_slowly(with_target(11), limits) == 414);
  CHECK(judge_slowly("GET /" + std::string(1000, 'x'), limits) == 414);

  // 9 bytes of Host, 2 of the end, the rest in one field.
  const auto with_field = [](std::size_t n) {
    return "GET / HTTP/1.1\r\nHost: a\r\na: " + std::string(n - 5, 'x') + "\r\n\r\n";
  };
  CHECK(judge(with_field(29), limits) == 0);
  CHECK(judge_slowly(with_field(29), limits) == 0);
  CHECK(judge(with_field(30), limits) == 431);
  CHECK(judge_slowly(with_field(30), limits) == 431);
  CHECK(judge_slowly("GET / HTTP/1.1\r\na: " + std::string(1000, 'x'), limits) == 431);

  CHECK(judge("GET / HTTP/1.1\r\nHost: a\r\na:\r\nb:\r\n\r\n", limits) == 0);
  CHECK(judge("GET / HTTP/1.1\r\nHost: a\r\na:\r\nb:\r\nc:\r\n\r\n", limits) == 431);
}

TEST_CASE("a head of pipelined requests ends where the next begins") {
  const std::string two = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  HeadScanner scanner;
  REQUIRE(scanner.scan(two, {}) == State::Complete);
  CHECK(scanner.end() == two.size() / 2);
}

TEST_CASE("empty lines do not start a request") {
  HeadScanner scanner;
  CHECK(scanner.scan("\r\n\r", {}) == State::NeedMore);
  CHECK_FALSE(scanner.has_started());
  CHECK(scanner.scan("\r\n\r\nG", {}) == State::NeedMore);
  CHECK(scanner.has_started());
  HeadScanner in_one_piece;
  CHECK(in_one_piece.scan("GET / HTTP/1.1\r\nhost:", {}) == State::NeedMore);
  CHECK(in_one_piece.has_started());
}

}  // namespace
}  // namespace whorl::wire::http1
