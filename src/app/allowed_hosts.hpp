/// The patterns of `allowed_outbound_hosts`: `scheme://host[:port]`, each part with wildcards.
///
/// Here they are read and checked; whether a request is covered by them is decided where requests
/// are made. Messages are Spin's. @thread any (pure functions)
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::app {

/// One pattern without templates, taken apart.
struct AllowedHost {
  enum class HostKind : std::uint8_t {
    Any,     ///< `*`
    Self,    ///< `self`, `self.alt`: the application itself
    Suffix,  ///< `*.domain`: `host` is the domain, which does not match itself
    Exact,   ///< a name or an address, lower case, an IPv6 address without brackets
    Network  ///< addresses in CIDR notation
  };
  std::string scheme{};  ///< letters; empty: any
  HostKind kind = HostKind::Any;
  std::string host{};
  std::uint32_t first_port = 0;
  std::uint32_t end_port = 65536;  ///< exclusive; not above `first_port`: none

  /// A component of the same application is meant (`*.spin.internal`), or all of them.
  [[nodiscard]] bool is_service_chaining() const noexcept;
  [[nodiscard]] bool operator==(const AllowedHost&) const = default;
};

/// Reads one pattern; templates must have been resolved.
/// @return errors: InvalidInput, the part that is wrong as context
[[nodiscard]] Result<AllowedHost> parse_allowed_host(std::string_view pattern);

/// Checks a component's patterns as far as can be before values are known: those with templates are
/// tried with the default values, if every variable in them has one.
/// @param defaults  variable name → default value
[[nodiscard]] Result<void> check_allowed_hosts(
    std::span<const std::string> patterns, const std::map<std::string, std::string>& defaults
);

/// Some pattern names a component of the same application; patterns with templates don't count.
[[nodiscard]] bool needs_service_chaining(std::span<const std::string> patterns);

/// What the older `allowed_http_hosts` stands for, as patterns.
/// @return errors: InvalidInput, with a line for each entry that is wrong
[[nodiscard]] Result<std::vector<std::string>> from_allowed_http_hosts(
    std::span<const std::string> hosts
);

}  // namespace whorl::app
