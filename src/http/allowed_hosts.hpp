/// AllowedHosts: the destinations that a component's `allowed_outbound_hosts` grant it.
///
/// What a grant says every protocol of the host obeys: HTTP, sockets, databases. The patterns are
/// read by app/allowed_hosts.hpp; here requests are compared with them.
/// @thread any (immutable, once parsed)
#pragma once

#include "app/allowed_hosts.hpp"
#include "base/result.hpp"
#include "net/ip_network.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::http {

class AllowedHosts {
 public:
  /// Grants nothing.
  AllowedHosts() = default;
  /// Entries with their templates resolved. Those that became empty, or have a scheme and nothing
  /// else, are left out; `*.spin.internal` stands for the components of the application.
  ///
  /// @param component_ids  of the application
  /// @return InvalidInput: app::parse_allowed_host()'s
  [[nodiscard]] static Result<AllowedHosts> parse(
      std::span<const std::string> entries, std::span<const std::string> component_ids = {}
  );

  /// @param scheme  lower case; for raw sockets "tcp" or "udp"
  /// @param host    lower case; an IPv6 address without brackets
  [[nodiscard]] bool allows(std::string_view scheme, std::string_view host, std::uint16_t port)
      const;
  /// Whether an entry for that scheme says this name, or its domain, whatever the port. `*` says
  /// no name.
  [[nodiscard]] bool names(std::string_view scheme, std::string_view name) const;
  /// Whether requests of a component to its own application are granted, whatever their scheme.
  [[nodiscard]] bool allows_self() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

 private:
  struct Entry {
    app::AllowedHost pattern;
    std::optional<net::IpNetwork> network;  ///< of an address range, and of a single address
    [[nodiscard]] bool allows_host(std::string_view host) const;
  };
  void add(app::AllowedHost pattern);

  std::vector<Entry> entries_;
};

}  // namespace whorl::http
