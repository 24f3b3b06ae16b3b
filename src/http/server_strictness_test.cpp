// How strictly requests are read: for each one which class of status is allowed, or that the server
// waits for more. The expectations are those of public HTTP/1.1 strictness suites.
#include "http/server.hpp"
#include "http/server_test_support.hpp"

namespace whorl::http {
namespace {

using test::Client;
using test::Site;

enum class Want : std::uint8_t { Wait, Good, ClientError, AnyError, GoodOrContinue };

struct Case {
  const char* what;
  std::string in;
  Want want;
  std::string body = {};  ///< to be echoed
};

const std::string kGet = "GET / HTTP/1.1\r\nHost: example.com\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: example.com\r\n";

std::vector<Case> cases() {
  std::vector<Case> list;
  // Every way to stop in the middle of a request.
  for (const char* part : {
           "G",
           "GET ",
           "GET /hello",
           "GET /hello ",
           "GET /hello HTTP",
           "GET /hello HTTP/1.1",
           "GET /hello HTTP/1.1\r",
           "GET /hello HTTP/1.1\r\n",
           "GET /hello HTTP/1.1\r\nHos",
           "GET /hello HTTP/1.1\r\nHost:",
           "GET /hello HTTP/1.1\r\nHost: ",
           "GET /hello HTTP/1.1\r\nHost: localhost",
           "GET /hello HTTP/1.1\r\nHost: localhost\r",
           "GET /hello HTTP/1.1\r\nHost: localhost\r\n",
           "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r",
       }) {
    list.push_back({"fragment", part, Want::Wait});
  }
  const std::vector<Case> whole = {
      {"no version", "GET / \r\n\r\n", Want::AnyError},
      {"expectation", kGet + "Expect: 100-continue\r\n\r\n", Want::GoodOrContinue},
      {"valid", kGet + "\r\n", Want::Good},
      {"odd but valid", "GET / HTTP/1.1\r\nhoSt:\texample.com\r\nempty:\r\n\r\n", Want::Good},
      {"name with brackets", kGet + "X-Invalid[]: test\r\n\r\n", Want::ClientError},
      {"no host", "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", Want::ClientError},
      {"two hosts", kGet + "Host: example.org\r\n\r\n", Want::ClientError},
      {"very negative length",
       kGet + "Content-Length: -123456789123456789123456789\r\n\r\n",
       Want::ClientError},
      {"negative length", kGet + "Content-Length: -1234\r\n\r\n", Want::ClientError},
      {"length of letters", kGet + "Content-Length: abc\r\n\r\n", Want::ClientError},
      {"empty value", kGet + "X-Empty-Header: \r\n\r\n", Want::Good},
      {"control byte", kGet + "X-Bad-Control-Char: test\x07\r\n\r\n", Want::ClientError},
      {"version 9.9", "GET / HTTP/9.9\r\nHost: example.com\r\n\r\n", Want::AnyError},
      {"text before", "Extra lineGET / HTTP/1.1\r\nHost: example.com\r\n\r\n", Want::AnyError},
      {"bare CR", kGet + "\rSome-Header: Test\r\n\r\n", Want::ClientError},
      {"body by length", kPost + "Content-Length: 5\r\n\r\nhello", Want::Good, "hello"},
      {"body in chunks",
       kPost + "Transfer-Encoding: chunked\r\n\r\nc\r\nHellO world1\r\n0\r\n\r\n",
       Want::Good,
       "HellO world1"},
      {"length and chunks",
       kPost +
           "content-LengtH: 5\r\nTransFer-Encoding: chunked\r\n\r\nc\r\nHellO world1\r\n0\r\n\r\n",
       Want::ClientError},
  };
  list.insert(list.end(), whole.begin(), whole.end());
  return list;
}

bool fits(Want want, int status) {
  switch (want) {
    case Want::Wait:
      return status == -1;
    case Want::Good:
      return status >= 200 && status <= 299;
    case Want::ClientError:
      return status >= 400 && status <= 499;
    case Want::AnyError:
      return status >= 400 && status <= 599;
    case Want::GoodOrContinue:
      return status == 100 || (status >= 200 && status <= 299);
  }
  return false;
}

TEST_CASE("strictness: 33 requests") {
  Site site;
  // Echoes whole bodies, so that they are framed by length.
  site.answer("/", [](const auto& exchange) {
    const auto body = exchange->request().body;
    exchange->respond({.status = 200, .fields = {}, .body = body});
  });
  const std::vector<Case> list = cases();
  CHECK(list.size() == 33);
  for (const Case& c : list) {
    CAPTURE(c.what);
    CAPTURE(c.in);
    Client client(site.address);
    client.send(c.in);
    if (c.want == Want::Wait) {
      site.settle();
      client.receive();
    } else {
      site.receive(client, 60 + c.body.size());
    }
    const int status = client.received.size() < 12 ? -1 : std::stoi(client.received.substr(9, 3));
    CHECK(fits(c.want, status));
    CHECK_FALSE((c.want == Want::Wait && client.closed));
    if (!c.body.empty()) {
      CHECK(client.received.ends_with("\r\n\r\n" + c.body));
    }
  }
}

}  // namespace
}  // namespace whorl::http
