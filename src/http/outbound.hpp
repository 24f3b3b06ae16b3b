/// Outbound: where a component's HTTP requests go: the network, the application itself, or nowhere.
///
/// One per shard. Every version of the HTTP interface starts its requests here, so grants, requests
/// to the own application and service chaining are decided once. @thread shard
#pragma once

#include "http/allowed_hosts.hpp"
#include "http/client.hpp"
#include "http/client_exchange.hpp"
#include "http/in_process_hosts.hpp"

#include <expected>
#include <memory>
#include <string>

namespace whorl::telemetry {
class Recorder;
}

namespace whorl::http {

/// How a component reaches its own application: over TCP, like anybody.
struct SelfOrigin {
  Scheme scheme = Scheme::Http;
  std::string authority;  ///< the listening address, "127.0.0.1:3000"; empty: there is none
};

class Outbound {
 public:
  /// @param client  outlives this object
  explicit Outbound(Client& client) noexcept : client_(client) {}
  Outbound(const Outbound&) = delete;
  Outbound& operator=(const Outbound&) = delete;

  /// Where requests to the own application go; nowhere at first.
  void set_self(SelfOrigin self) { self_ = std::move(self); }
  /// Who answers `<component>.spin.internal`; nobody at first. @param hosts  outlives this object
  void set_in_process_hosts(InProcessHosts* hosts) noexcept { in_process_ = hosts; }

  /// Where spans of requests are recorded; nowhere at first. @param recorder  outlives this object
  void set_recorder(telemetry::Recorder* recorder) noexcept { recorder_ = recorder; }

  /// Starts a request for a component. A request without authority, or to `self.alt`, goes to the
  /// application itself. What is not granted is resolved as Denied, at once, and told to the
  /// operator.
  /// @return words for a trap: the name of a component that answers no HTTP
  [[nodiscard]] std::expected<void, std::string> start(
      const AllowedHosts& grants, std::shared_ptr<ClientExchange> exchange
  );

 private:
  void start_self(const AllowedHosts& grants, std::shared_ptr<ClientExchange> exchange);
  [[nodiscard]] std::expected<void, std::string> start_in_process(
      std::string component_id, std::shared_ptr<ClientExchange> exchange
  );

  Client& client_;
  SelfOrigin self_;
  InProcessHosts* in_process_ = nullptr;
  telemetry::Recorder* recorder_ = nullptr;
};

/// Tells the operator, on stderr, that a component tried to reach what it has no grant for.
/// @param destination  `scheme://host[:port]`, or `http://self`
void report_denied(std::string_view destination);

}  // namespace whorl::http
