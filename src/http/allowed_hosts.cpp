#include "http/allowed_hosts.hpp"

#include "http/in_process_hosts.hpp"
#include "net/address.hpp"

#include <algorithm>
#include <utility>

namespace whorl::http {
namespace {

using Kind = app::AllowedHost::HostKind;

std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// What a template without a value leaves.
bool is_blank(std::string_view entry) noexcept {
  return entry.empty() || entry == "http://" || entry == "https://";
}

std::optional<net::IpNetwork> network_of(const app::AllowedHost& pattern) {
  if (pattern.kind == Kind::Network) {
    return net::IpNetwork::parse(pattern.host);
  }
  // An address has more than one spelling; a network of one compares the number.
  const auto address = net::SocketAddress::from_ip(pattern.host, 0);
  if (pattern.kind != Kind::Exact || !address) {
    return std::nullopt;
  }
  return net::IpNetwork::parse(pattern.host + (address->is_v6() ? "/128" : "/32"));
}

}  // namespace

void AllowedHosts::add(app::AllowedHost pattern) {
  auto network = network_of(pattern);
  entries_.push_back({std::move(pattern), network});
}

Result<AllowedHosts> AllowedHosts::parse(
    std::span<const std::string> entries, std::span<const std::string> component_ids
) {
  AllowedHosts made;
  for (const std::string& entry : entries) {
    if (is_blank(trim(entry))) {
      continue;
    }
    WHORL_TRY(app::AllowedHost pattern, app::parse_allowed_host(entry));
    if (pattern.kind != Kind::Suffix || pattern.host != kInternalSuffix.substr(1)) {
      made.add(std::move(pattern));
      continue;
    }
    pattern.kind = Kind::Exact;
    for (const std::string& id : component_ids) {
      pattern.host = id + std::string(kInternalSuffix);
      made.add(pattern);
    }
  }
  return made;
}

bool AllowedHosts::Entry::allows_host(std::string_view host) const {
  if (network) {
    const auto address = net::SocketAddress::from_ip(host, 0);
    return address && network->contains(net::IpBytes::of(*address));
  }
  switch (pattern.kind) {
    case Kind::Any:
      return true;
    case Kind::Exact:
      return pattern.host == host;
    case Kind::Suffix:
      return host.size() > pattern.host.size() + 1 && host.ends_with(pattern.host) &&
             host[host.size() - pattern.host.size() - 1] == '.' &&
             !net::SocketAddress::from_ip(host, 0);
    case Kind::Self:
    case Kind::Network:
      break;
  }
  return false;
}

bool AllowedHosts::allows(std::string_view scheme, std::string_view host, std::uint16_t port)
    const {
  return std::ranges::any_of(entries_, [&](const Entry& entry) {
    const app::AllowedHost& pattern = entry.pattern;
    return (pattern.scheme.empty() || pattern.scheme == scheme) && port >= pattern.first_port &&
           port < pattern.end_port && entry.allows_host(host);
  });
}

bool AllowedHosts::names(std::string_view scheme, std::string_view name) const {
  return std::ranges::any_of(entries_, [&](const Entry& entry) {
    const app::AllowedHost& pattern = entry.pattern;
    return (pattern.scheme.empty() || pattern.scheme == scheme) && pattern.kind != Kind::Any &&
           !entry.network && entry.allows_host(name);
  });
}

bool AllowedHosts::allows_self() const noexcept {
  return std::ranges::any_of(entries_, [](const Entry& entry) {
    const app::AllowedHost& pattern = entry.pattern;
    const bool is_http =
        pattern.scheme.empty() || pattern.scheme == "http" || pattern.scheme == "https";
    return is_http && (pattern.kind == Kind::Self || pattern.kind == Kind::Any);
  });
}

}  // namespace whorl::http
