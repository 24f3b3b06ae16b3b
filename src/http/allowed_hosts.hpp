/// AllowedHosts: the destinations that a component's `allowed_outbound_hosts` grant it.
///
/// Each entry is `scheme://host[:port][/]`. Scheme: letters, or `*`. Host: `*`, a name, `*.domain`,
/// an IP address (IPv6 in brackets), a network in CIDR notation, `self` or `self.alt`. Port: a
/// number, `*`, or a range `a..b` without its end. What one entry grants every protocol of the host
/// obeys: HTTP, sockets, databases.
/// @thread any (immutable, once parsed)
#pragma once

#include "base/result.hpp"
#include "net/ip_network.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace whorl::http {

/// One entry.
class AllowedHost {
 public:
  /// @return InvalidInput; the messages are the ones people know from Spin
  [[nodiscard]] static Result<AllowedHost> parse(std::string_view text);

  /// @param scheme  lower case; for raw sockets "tcp" or "udp"
  /// @param host    lower case; an IPv6 address without brackets
  [[nodiscard]] bool allows(std::string_view scheme, std::string_view host, std::uint16_t port)
      const;
  /// Whether requests of a component to its own application are granted.
  [[nodiscard]] bool allows_self() const noexcept;
  /// The host is `*.spin.internal`.
  [[nodiscard]] bool is_any_internal() const noexcept;
  /// The same entry for one name.
  [[nodiscard]] AllowedHost with_host(std::string name) const;

 private:
  struct Any {};
  struct Self {};
  struct Name {
    std::string name;
  };
  struct Suffix {
    std::string suffix;  ///< ".example.com"
  };
  /// From first to before end.
  struct Ports {
    std::uint32_t first = 0;
    std::uint32_t end = 65'536;
  };
  using Host = std::variant<Any, Self, Name, Suffix, net::IpNetwork>;

  [[nodiscard]] static Result<Ports> parse_port(std::string_view port, std::string_view scheme);
  [[nodiscard]] static Result<Host> parse_host(std::string_view host);
  [[nodiscard]] bool allows_host(std::string_view host) const;

  std::string scheme_;  ///< lower case; empty: any
  Host host_;
  Ports ports_;
};

class AllowedHosts {
 public:
  /// Grants nothing.
  AllowedHosts() = default;
  /// Entries with their templates resolved. Those that became empty, or have a scheme and nothing
  /// else, are left out; `*.spin.internal` stands for the components of the application.
  ///
  /// @param component_ids  of the application
  /// @return InvalidInput: AllowedHost::parse()'s
  [[nodiscard]] static Result<AllowedHosts> parse(
      std::span<const std::string> entries, std::span<const std::string> component_ids = {}
  );

  /// See AllowedHost.
  [[nodiscard]] bool allows(std::string_view scheme, std::string_view host, std::uint16_t port)
      const;
  [[nodiscard]] bool allows_self() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return hosts_.empty(); }

 private:
  std::vector<AllowedHost> hosts_;
};

}  // namespace whorl::http
