#include "http/outbound.hpp"

#include "http/client_test_support.hpp"
#include "http/in_process_hosts.hpp"

namespace whorl::http {
namespace {

constexpr std::size_t kMost = std::size_t{128} * 1024;

/// One component, which never answers.
struct Silent final : InProcessHosts {
  [[nodiscard]] bool has_component(std::string_view component_id) const override {
    return component_id == "silent";
  }
  void serve(std::string_view /*component_id*/, LocalPtr<Exchange> exchange) override {
    bytes.push_back(exchange->request().fields.total_bytes());
  }
  std::vector<std::size_t> bytes;  ///< of the fields of what came
};

TEST_CASE("a request to a component of this program has a bounded head") {
  test::Scene scene;
  Outbound outbound(scene.client);
  Silent hosts;
  outbound.set_in_process_hosts(&hosts);
  const AllowedHosts grants =
      *AllowedHosts::parse(std::vector<std::string>{"http://silent.spin.internal"});
  const auto send = [&](std::size_t bytes) {
    Request request;
    request.authority = "silent.spin.internal";
    request.path_and_query = "/";
    request.fields.append("name", std::string(bytes - 4, 'x'));
    auto exchange = std::make_shared<ClientExchange>(std::move(request), ClientTimeouts{});
    CHECK(outbound.start(grants, exchange));
    return exchange;
  };
  const auto most = send(kMost);
  REQUIRE(scene.run_until([&] { return !hosts.bytes.empty(); }));
  const auto more = send(kMost + 1);
  CHECK(scene.outcome(*more)->status == 431);
  CHECK(hosts.bytes == std::vector<std::size_t>{kMost});
  most->abandon();
}

}  // namespace
}  // namespace whorl::http
