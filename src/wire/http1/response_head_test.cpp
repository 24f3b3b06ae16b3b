#include "wire/http1/response_head.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

namespace whorl::wire::http1 {
namespace {

using State = ResponseScanner::State;

struct Case {
  const char* what;
  std::string head;
  std::string expected;  ///< of describe()
  RequestKind request = RequestKind::Other;
};

std::string describe(std::string_view head, RequestKind request) {
  ResponseHead out;
  const ResponseLimits limits{.head_bytes = 1000, .fields = 3};
  if (const auto refused = parse_response_head(head, request, limits, out)) {
    return fmt::format("refused: {}", *refused);
  }
  std::string text = fmt::format("{}", out.status);
  for (const FieldView& field : out.fields) {
    text += fmt::format(" {}={}", field.name, field.value);
  }
  switch (out.framing) {
    case ResponseFraming::None:
      text += " none";
      break;
    case ResponseFraming::Length:
      text += fmt::format(" length {}", out.content_length);
      break;
    case ResponseFraming::Chunked:
      text += " chunked";
      break;
    case ResponseFraming::UntilClose:
      text += " until-close";
      break;
  }
  return text + (out.keep_alive ? " keep" : "");
}

TEST_CASE("response heads") {
  const std::string start = "HTTP/1.1 200 OK\r\n";
  const std::vector<Case> cases = {
      {"bare", start + "\r\n", "200 until-close"},
      {"length", start + "Content-Length: 5\r\n\r\n", "200 Content-Length=5 length 5 keep"},
      {"chunked",
       start + "Transfer-Encoding: chunked\r\n\r\n",
       "200 Transfer-Encoding=chunked chunked keep"},
      {"no phrase",
       "HTTP/1.1 299\r\ncontent-length: 0\r\n\r\n",
       "299 content-length=0 length 0 keep"},
      {"empty phrase", "HTTP/1.1 404 \r\n\r\n", "404 until-close"},
      {"bytes in the phrase", "HTTP/1.1 404 n\xc3\xa9\r\n\r\n", "404 until-close"},
      {"LF alone", "HTTP/1.1 200 OK\ncontent-length: 1\n\n", "200 content-length=1 length 1"},
      {"1.0", "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n", "200 content-length=1 length 1"},
      {"1.0 keep-alive",
       "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 1\r\n\r\n",
       "200 connection=Keep-Alive content-length=1 length 1 keep"},
      {"close",
       start + "connection: x, close\r\ncontent-length: 1\r\n\r\n",
       "200 connection=x, close content-length=1 length 1"},
      {"204", "HTTP/1.1 204 No\r\ncontent-length: 9\r\n\r\n", "204 content-length=9 none keep"},
      {"304",
       "HTTP/1.1 304 No\r\ntransfer-encoding: chunked\r\n\r\n",
       "304 transfer-encoding=chunked none keep"},
      {"100", "HTTP/1.1 100 Continue\r\n\r\n", "100 none keep"},
      {"HEAD",
       start + "content-length: 9\r\n\r\n",
       "200 content-length=9 none keep",
       RequestKind::Head},
      {"same length twice",
       start + "content-length: 9\r\ncontent-length: 9\r\n\r\n",
       "200 content-length=9 content-length=9 length 9"},
      {"two lengths",
       start + "content-length: 9\r\ncontent-length: 8\r\n\r\n",
       "refused: malformed or contradicting content-length"},
      {"list of lengths",
       start + "content-length: 9, 9\r\n\r\n",
       "refused: malformed or contradicting content-length"},
      {"both",
       start + "content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n",
       "refused: transfer-encoding beside content-length or in HTTP/1.0"},
      {"coding in 1.0",
       "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
       "refused: transfer-encoding beside content-length or in HTTP/1.0"},
      {"gzip",
       start + "transfer-encoding: gzip, chunked\r\n\r\n",
       "refused: unknown transfer coding"},
      {"chunked twice",
       start + "transfer-encoding: chunked, chunked\r\n\r\n",
       "refused: unknown transfer coding"},
      {"chunked beside an empty element",
       start + "transfer-encoding: ,chunked\r\n\r\n",
       "refused: unknown transfer coding"},
      {"folded", start + "a: b\r\n c\r\n\r\n", "refused: malformed field line"},
      {"no colon", start + "a\r\n\r\n", "refused: malformed field line"},
      {"bare CR", start + "a: b\rc\r\n\r\n", "refused: malformed field line"},
      {"too many", start + "a:\r\nb:\r\nc:\r\nd:\r\n\r\n", "refused: too many field lines"},
      {"version 2", "HTTP/1.2 200 OK\r\n\r\n", "refused: HTTP version not supported"},
      {"short code", "HTTP/1.1 20 OK\r\n\r\n", "refused: malformed status code"},
      {"long code", "HTTP/1.1 2000 OK\r\n\r\n", "refused: malformed status code"},
      {"code 099", "HTTP/1.1 099 OK\r\n\r\n", "refused: malformed status code"},
      {"two blanks", "HTTP/1.1  200 OK\r\n\r\n", "refused: malformed status code"},
      {"tab", "HTTP/1.1\t200 OK\r\n\r\n", "refused: malformed status line"},
      {"control byte", "HTTP/1.1 200 O\x01K\r\n\r\n", "refused: malformed phrase"},
      {"no end", "HTTP/1.1 200 OK\r\n", "refused: a line does not end"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    CHECK(describe(c.head, c.request) == c.expected);
  }
}

TEST_CASE("the end of a head is found however its bytes arrive") {
  const ResponseLimits limits{.head_bytes = 40, .fields = 3};
  for (const std::string head : {"HTTP/1.1 200 OK\r\na: b\r\n\r\n", "HTTP/1.1 200 OK\na: b\n\n"}) {
    const std::string text = head + "body\n\n";
    ResponseScanner whole;
    CHECK(whole.scan(text, limits) == State::Complete);
    CHECK(whole.end() == head.size());
    ResponseScanner split;
    for (std::size_t i = 0; i < head.size(); ++i) {
      CHECK(split.scan(text.substr(0, i), limits) == State::NeedMore);
    }
    CHECK(split.scan(head, limits) == State::Complete);
    CHECK(split.end() == head.size());
  }
}

TEST_CASE("what is no response is noticed at once") {
  const ResponseLimits limits{.head_bytes = 40, .fields = 3};
  const auto scan = [&](std::string_view text) { return ResponseScanner().scan(text, limits); };
  CHECK(scan("") == State::NeedMore);
  CHECK(scan("HTT") == State::NeedMore);
  CHECK(scan("h") == State::Malformed);
  CHECK(scan("SSH-2.0-x\r\n") == State::Malformed);
  CHECK(scan("HTTP/2.0 200 OK\r\n") == State::Malformed);
  CHECK(scan("HTTP/1.1 200 OK\r\na: " + std::string(40, 'x')) == State::TooLong);
  CHECK(scan("HTTP/1.1 200 OK\r\na: " + std::string(20, 'x') + "\r\n\r\n") == State::TooLong);
}

}  // namespace
}  // namespace whorl::wire::http1
