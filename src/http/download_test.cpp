#include "http/download.hpp"

#include "fs/file.hpp"
#include "net/listener.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <vector>

namespace whorl::http {
namespace {

constexpr int kPatienceMs = 20'000;

/// Answers one connection after another with fixed bytes, and notes the request lines.
class Server {
 public:
  explicit Server(std::vector<std::string> answers) {
    auto listeners = net::listen_on(*net::SocketAddress::from_ip("127.0.0.1", 0), 1);
    REQUIRE(listeners);
    address_ = listeners->address;
    thread_ =
        std::thread([socket = std::move(listeners->sockets[0]), answers = std::move(answers)] {
          for (const std::string& answer : answers) {
            answer_one(socket, answer);
          }
        });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { thread_.join(); }
  [[nodiscard]] std::string url(std::string_view path) const {
    return "http://" + address_.to_string() + std::string(path);
  }

 private:
  static void answer_one(const fs::Fd& listener, const std::string& answer) {
    pollfd entry{listener.get(), POLLIN, 0};
    if (::poll(&entry, 1, kPatienceMs) != 1) {
      return;
    }
    const fs::Fd peer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string head;
    char part[1024];
    while (!head.contains("\r\n\r\n")) {
      const ssize_t count = ::recv(peer.get(), part, sizeof part, 0);
      if (count <= 0) {
        return;
      }
      head.append(part, static_cast<std::size_t>(count));
    }
    static_cast<void>(::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL));
  }

  net::SocketAddress address_;
  std::thread thread_;
};

class TextSink final : public DownloadSink {
 public:
  Result<void> expect(std::uint64_t bytes) override {
    if (bytes > limit) {
      return fail(ErrorKind::ResourceLimit, "too long");
    }
    return {};
  }
  Result<void> write(ByteView part) override {
    if (part.size() + text.size() > limit) {
      return fail(ErrorKind::ResourceLimit, "too long");
    }
    text += as_text(part);
    return {};
  }
  std::string text;
  std::uint64_t limit = 1'000'000;
};

std::string outcome(
    const std::string& url, std::uint64_t limit = 1'000'000, const DownloadOptions& options = {}
) {
  TextSink sink;
  sink.limit = limit;
  auto done = download(url, sink, options);
  return done ? sink.text : done.error().to_line();
}

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string moved(const std::string& to) {
  return "HTTP/1.1 302 Found\r\nLocation: " + to + "\r\nContent-Length: 0\r\n\r\n";
}

TEST_CASE("files are downloaded, in every framing") {
  const std::string large(300'000, 'x');
  const Server server(
      {ok("hello"),
       ok(large),
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
       "HTTP/1.0 200 OK\r\n\r\nuntil the end"}
  );
  CHECK(outcome(server.url("/a")) == "hello");
  CHECK(outcome(server.url("/b")) == large);
  CHECK(outcome(server.url("/c")) == "abcde");
  CHECK(outcome(server.url("")) == "until the end");
}

TEST_CASE("redirects are followed, within a network of one's own and not for ever") {
  const Server server({moved("/second?x"), moved("third"), ok("here")});
  CHECK(outcome(server.url("/a/first")) == "here");
  const Server loop(std::vector<std::string>(11, moved("/again")));
  CHECK(outcome(loop.url("/")) == "too many redirects, the last to " + loop.url("/again"));
  const Server nowhere({"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"});
  CHECK(
      outcome(nowhere.url("/")) ==
      "HTTP status unexpected (302 Found) for url (" + nowhere.url("/") + ")"
  );
  const Server elsewhere({moved("file:///etc/passwd"), moved("ftp://x/")});
  CHECK(outcome(elsewhere.url("/")).contains("URL scheme is not allowed"));
  CHECK(outcome(elsewhere.url("/")).contains("URL scheme is not allowed"));
}

TEST_CASE("a redirect from outside does not lead inwards") {
  const Server server({moved("/inside"), ok("secret")});
  const DownloadOptions guarded{.guard = RedirectGuard::Always};
  CHECK(
      outcome(server.url("/"), 100, guarded) ==
      "a redirect leads to " + server.url("/inside") + ", which is not on the public network"
  );
  // The URL itself may be of any network; and nobody asked for what lay inside before.
  CHECK(outcome(server.url("/inside"), 100, guarded) == "secret");
}

TEST_CASE("what does not work is said") {
  const Server server(
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
       "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
       "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
       ok("12345"),
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
       "garbage\r\n\r\n"}
  );
  CHECK(
      outcome(server.url("/x")) ==
      "HTTP status client error (404 Not Found) for url (" + server.url("/x") + ")"
  );
  CHECK(
      outcome(server.url("/x")) ==
      "HTTP status server error (503 Service Unavailable) for url (" + server.url("/x") + ")"
  );
  CHECK(
      outcome(server.url("/x")) ==
      "error sending request for url (" + server.url("/x") + "): the file was cut"
  );
  CHECK(outcome(server.url("/x"), 4) == "too long");
  CHECK(outcome(server.url("/x"), 4) == "too long");
  CHECK(outcome(server.url("/x")).starts_with("error sending request for url ("));
  CHECK(outcome("http://127.0.0.1:1/x").starts_with("error sending request for url (http://127.0"));
}

TEST_CASE("URLs") {
  struct Row {
    std::string_view url;
    std::string_view expected;
  };
  const Row rows[] = {
      {"http://a", "http://a/"},
      {"HTTPS://A:444/x?y#z", "https://A:444/x?y"},
      {"http://[::1]:80/x", "http://[::1]:80/x"},
      {"http://a?x", "http://a/?x"},
      {"a/b", "builder error: relative URL without a base"},
      {"ftp://x/y", "builder error for url (ftp://x/y): URL scheme is not allowed"},
      {"file:///x", "builder error for url (file:///x): URL scheme is not allowed"},
      {"http://u@a/", "builder error for url (http://u@a/): \"u@a\" is no host"},
      {"http:///x", "builder error for url (http:///x): \"\" is no host"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.url);
    const auto parsed = parse_download_url(row.url);
    CHECK((parsed ? parsed->to_text() : parsed.error().to_line()) == row.expected);
  }
  const DownloadUrl from = *parse_download_url("https://a:1/x/y?z");
  const Row redirects[] = {
      {"http://b/c", "http://b/c"},
      {"//b/c", "https://b/c"},
      {"/c?d", "https://a:1/c?d"},
      {"c/d", "https://a:1/x/c/d"},
      {"?q", "https://a:1/x/y?q"},
      {"", "https://a:1/x/"},
      {"c:d", "builder error: relative URL without a base"},
  };
  for (const Row& row : redirects) {
    CAPTURE(row.url);
    const auto to = redirected(from, row.url);
    CHECK((to ? to->to_text() : to.error().to_line()) == row.expected);
  }
}

}  // namespace
}  // namespace whorl::http
