// A server that answers every request with the same few bytes: what the HTTP layer alone costs.
//
//     whorl_http_hello [ADDRESS [SHARDS [CERTIFICATE KEY]]]
//
// Compare with nginx `return 200` in the same run, by CPU time per request.
#include "async/shard.hpp"
#include "http/server.hpp"
#include "net/listener.hpp"
#include "net/tls_server.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <memory>
#include <string_view>
#include <vector>

namespace whorl {
namespace {

class Hello final : public http::Handler {
 public:
  void handle(LocalPtr<http::Exchange> exchange) override {
    http::Response response;
    response.fields.append("content-type", "text/plain");
    response.body = make_local<http::BodyPipe>();
    response.body->write(as_bytes("Hello from Whorl\n"));
    response.body->finish();
    exchange->respond(std::move(response));
  }
};

using Tls = std::shared_ptr<const net::TlsServerContext>;

int serve(std::string_view address_text, unsigned shard_count, const Tls& tls) {
  const auto address = net::resolve_listen_address(address_text);
  auto listeners = address ? net::listen_on(*address, shard_count)
                           : Result<net::Listeners>(address.error().clone());
  if (!listeners) {
    fmt::print(stderr, "Error: {}\n", listeners.error().to_line());
    return 1;
  }
  Hello hello;
  async::ShardSet shards(shard_count);
  std::vector<std::unique_ptr<http::Server>> servers;
  for (unsigned i = 0; i < shard_count; ++i) {
    servers.push_back(std::make_unique<http::Server>(shards[i], hello));
    servers.back()->set_tls(tls);
    servers.back()->listen(std::move(listeners->sockets[i]));
  }
  fmt::print(
      "Serving {}://{} on {} shards\n",
      tls == nullptr ? "http" : "https",
      listeners->address.to_string(),
      shard_count
  );
  std::fflush(stdout);
  if (const auto started = shards.start(); !started) {
    fmt::print(stderr, "Error: {}\n", started.error().to_line());
    return 1;
  }
  shards.join();
  return 0;
}

}  // namespace
}  // namespace whorl

int main(int argc, char** argv) {
  const std::string_view address = argc > 1 ? argv[1] : "127.0.0.1:3000";
  unsigned shards = whorl::async::ShardSet::default_count();
  if (argc > 2) {
    const std::string_view text = argv[2];
    std::from_chars(text.data(), text.data() + text.size(), shards);
  }
  whorl::Tls tls;
  if (argc > 4) {
    auto read = whorl::net::TlsServerContext::create(
        {.identities = {{.certificate_file = argv[3], .private_key_file = argv[4]}}}
    );
    if (!read) {
      fmt::print(stderr, "Error: {}\n", read.error().to_line());
      return 1;
    }
    tls = *std::move(read);
  }
  return whorl::serve(address, shards > 0 ? shards : 1, tls);
}
