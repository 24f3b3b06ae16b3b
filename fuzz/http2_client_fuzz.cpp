// A server of HTTP/2 that sends anything, in pieces, to a client with requests of several kinds:
// what is held for it stays within bounds, and each request gets an answer, a failure, or waits
// still.
#include "http/http2_client_session.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::http {
namespace {

constexpr std::size_t kMaxUnsent = 256 * 1024;
constexpr std::size_t kRequests = 12;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

class NoWake final : public Http2ClientSession::Owner {
 public:
  void on_session_wake() noexcept override {}
};

struct Asked {
  std::shared_ptr<ClientExchange> exchange;
  std::shared_ptr<Http2ClientStream> stream;
  LocalPtr<BodyPipe> answer;
};

class Requests {
 public:
  explicit Requests(Http2ClientSession& session) : session_(session) {}

  /// A request of one of several kinds: without a body, with a whole one, with one that goes on,
  /// with a length it keeps or does not.
  void ask(std::uint32_t kind) {
    if (asked_.size() >= kRequests || !session_.has_room()) {
      return;
    }
    Request request;
    request.authority = "a";
    request.method = kind % 5 == 0 ? "HEAD" : kind % 5 == 1 ? "GET" : "POST";
    if (kind % 5 > 1) {
      request.body = make_local<BodyPipe>();
      request.body->write(as_bytes(std::string(kind % 3000, 'x')));
    }
    if (kind % 5 > 2) {
      request.body->finish();
      request.fields.append("content-length", std::to_string(kind % 5 == 3 ? kind % 3000 : 5));
    }
    Asked asked;
    asked.exchange = std::make_shared<ClientExchange>(std::move(request), ClientTimeouts{});
    asked.stream = session_.open(asked.exchange);
    asked_.push_back(std::move(asked));
  }

  /// Reads some of what came, and gives some requests up.
  void work(std::uint32_t seed) {
    for (Asked& asked : asked_) {
      if (auto outcome = asked.exchange->take_outcome()) {
        require(outcome->has_value());
        const Response& response = **outcome;
        require(response.status >= 200 && response.status <= 999);
        require(response.fields.size() <= 256 && response.fields.total_bytes() <= 128 * 1024);
        asked.answer = response.body;
      }
      if (asked.answer != nullptr) {
        const std::size_t ready = asked.answer->readable().size();
        require(ready <= Http2ClientSession::kStreamWindow);
        asked.answer->consume(ready / 2);
        if (auto trailers = asked.answer->take_trailers()) {
          require(trailers->size() <= 64);
        }
      }
      seed = seed * 1664525U + 1013904223U;
      if (seed >> 28 == 0 && asked.answer != nullptr) {
        asked.answer->stop_reading();
      } else if (seed >> 28 == 1) {
        session_.cancel(*asked.stream);
      } else if (const auto& body = asked.exchange->request().body;
                 seed >> 28 == 2 && body != nullptr && !body->is_ended()) {
        body->finish();
      }
    }
    std::erase_if(asked_, [](const Asked& each) { return each.stream->is_closed; });
  }
  /// Every request has ended one way or the other.
  void require_all_over() const {
    for (const Asked& asked : asked_) {
      require(asked.stream->is_closed);
      require(asked.exchange->is_resolved() || asked.stream->failure.has_value());
    }
  }

 private:
  Http2ClientSession& session_;
  std::vector<Asked> asked_;
};

void run(std::string_view bytes, std::uint32_t seed) {
  NoWake owner;
  Http2ClientSession session(owner);
  Requests requests(session);
  // Half of the servers begin as they should.
  std::string stream((seed & 1) != 0 ? std::string_view("\0\0\0\4\0\0\0\0\0", 9) : "");
  stream.append(bytes);
  requests.ask(seed);
  std::size_t used = 0;
  while (used < stream.size() && !session.is_over()) {
    seed = seed * 1664525U + 1013904223U;
    const std::size_t piece = std::min<std::size_t>(1 + (seed >> 20), stream.size() - used);
    // A copy of exactly these bytes, so that the sanitizer sees every byte beyond.
    const std::string part = stream.substr(used, piece);
    session.receive(as_bytes(part));
    used += piece;
    session.advance();
    const std::size_t ready = session.output().size();
    require(ready <= kMaxUnsent);
    session.sent((seed & 0x100) != 0 ? ready : ready / 2);
    if ((seed & 0x200) == 0) {
      requests.ask(seed >> 12);
    }
    if ((seed & 0xc00) == 0) {
      requests.work(seed);
    }
  }
  requests.work(seed);
  session.advance();
  session.end();
  session.sent(session.output().size());
  session.abandon("the end");
  requests.require_all_over();
}

}  // namespace
}  // namespace whorl::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const std::uint32_t seed = data[0] | data[1] << 8U;
  whorl::http::run({reinterpret_cast<const char*>(data) + 2, size - 2}, seed);
  return 0;
}
