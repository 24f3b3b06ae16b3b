// A client of HTTP/2 that sends anything, in pieces, and reads as it likes: what is held for it
// stays within bounds, and whatever its requests were, each is answered, given up, or still there.
#include "async/shard.hpp"
#include "http/http2_session.hpp"
#include "http/server_core.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::http {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kMaxUnsent = 256 * 1024;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

class NoWake final : public Http2Session::Owner {
 public:
  void on_session_wake() noexcept override {}
};

/// Answers at once, late, with what it was sent, or not at all, by the length of the path.
class AnyHandler final : public Handler {
 public:
  void handle(LocalPtr<Exchange> exchange) override {
    const Request& request = exchange->request();
    require(request.body != nullptr && !request.path_and_query.empty());
    require(request.fields.size() <= 101);
    switch (request.path_and_query.size() % 4) {
      case 0:
        exchange->abort(200);
        break;
      case 1: {
        auto body = make_local<BodyPipe>();
        body->write(as_bytes(std::string(5000, 'x')));
        exchange->respond({.status = 200, .fields = request.fields, .body = body});
        open_.push_back(std::move(exchange));
        break;
      }
      case 2:
        request.body->demand();
        open_.push_back(std::move(exchange));
        break;
      default:
        request.body->stop_reading();
        open_.push_back(std::move(exchange));
        break;
    }
  }

  /// Does a little for each request that is open.
  void work() {
    for (auto& exchange : open_) {
      BodyPipe& body = *exchange->request().body;
      require(body.readable().size() <= BodyPipe::kDefaultCapacity);
      body.consume(body.readable().size() / 2 + body.readable().size() % 2);
      if (exchange->has_response()) {
        auto trailers = std::make_unique<Fields>();
        trailers->append("x-end", "1");
        exchange->response().body->finish(std::move(trailers));
      } else if (body.is_ended() || exchange->client_gone()) {
        exchange->abort(204);
      } else {
        continue;
      }
      exchange.reset();
    }
    std::erase(open_, nullptr);
  }
  [[nodiscard]] std::size_t open() const noexcept { return open_.size(); }

 private:
  std::vector<LocalPtr<Exchange>> open_;
};

void run(std::string_view bytes, std::uint32_t seed) {
  async::Shard shard(0);
  AnyHandler handler;
  ServerOptions options;
  options.max_streams = 20;
  options.max_body_bytes = 100'000;
  ServerCore core(shard, handler, options);
  NoWake owner;
  Http2Session session(core, owner, "192.0.2.1:1");
  const bool with_preface = (seed & 1) != 0;
  std::string stream(with_preface ? kPreface : std::string_view());
  stream.append(bytes);
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
    if ((seed & 0x600) == 0) {
      handler.work();
    }
    if ((seed & 0x3800) == 0) {
      session.sweep(++core.now);
    }
    require(handler.open() <= options.max_streams + 4096);
  }
  for (int i = 0; i < 4; ++i) {
    handler.work();
    session.advance();
    session.sent(session.output().size());
  }
  session.begin_drain();
  session.sweep(core.now += 100);
  session.sent(session.output().size());
  session.abandon();
  handler.work();
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
