#include "net/ip_network.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

namespace whorl::net {
namespace {

constexpr std::size_t kV4Bytes = 4;
constexpr std::size_t kV6Bytes = 16;

/// A form of IPv6 addresses with an IPv4 one inside.
struct Embedding {
  std::array<std::uint8_t, 12> prefix;
  std::size_t prefix_bytes;
  std::size_t at;  ///< where the IPv4 address begins
};
/// @spec RFC 4291 §2.5.5, RFC 2765 §2.1, RFC 6052 §2.1, RFC 3056 §2
constexpr std::array kEmbeddings{
    Embedding{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 12, 12},     // mapped
    Embedding{{}, 12, 12},                                             // compatible
    Embedding{{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0}, 12, 12},     // translated
    Embedding{{0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}, 12, 12},  // NAT64
    Embedding{{0x20, 0x02}, 2, 2},                                     // 6to4
};

/// The IPv4 address inside an IPv6 one: where its packets may end up.
std::optional<IpBytes> embedded_v4(const IpBytes& address) noexcept {
  const auto& bytes = address.bytes;
  for (const Embedding& each : kEmbeddings) {
    if (address.is_v6 && std::equal(
                             each.prefix.begin(),
                             each.prefix.begin() + static_cast<std::ptrdiff_t>(each.prefix_bytes),
                             bytes.begin()
                         )) {
      IpBytes inner;
      std::copy_n(
          bytes.begin() + static_cast<std::ptrdiff_t>(each.at), kV4Bytes, inner.bytes.begin()
      );
      return inner;
    }
  }
  return std::nullopt;
}

/// Ranges that the registries call not globally reachable.
constexpr std::array<std::string_view, 27> kNotGlobal{
    "0.0.0.0/8",          "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12",      "192.0.0.0/24",   "192.0.2.0/24",  "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24",    "203.0.113.0/24", "240.0.0.0/4",   "::/128",         "::1/128",
    "64:ff9b:1::/48",     "100::/64",       "2001:2::/48",   "2001:10::/28",   "2001:db8::/32",
    "2002::/16",          "3fff::/20",      "5f00::/16",     "fc00::/7",       "fe80::/10",
    "255.255.255.255/32", "2001::/32",
};

const std::vector<IpNetwork>& not_global() {
  static const std::vector<IpNetwork> networks = [] {
    std::vector<IpNetwork> made;
    for (const std::string_view text : kNotGlobal) {
      made.push_back(*IpNetwork::parse(text));
    }
    return made;
  }();
  return networks;
}

bool is_global(const IpBytes& address) noexcept {
  return std::ranges::none_of(not_global(), [&](const IpNetwork& network) {
    return network.contains(address);
  });
}

}  // namespace

IpBytes IpBytes::of(const SocketAddress& address) noexcept {
  IpBytes out;
  out.is_v6 = address.is_v6();
  if (out.is_v6) {
    std::memcpy(
        out.bytes.data(),
        &reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_addr,
        kV6Bytes
    );
  } else {
    std::memcpy(
        out.bytes.data(), &reinterpret_cast<const sockaddr_in*>(address.data())->sin_addr, kV4Bytes
    );
  }
  return out;
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto address = SocketAddress::from_ip(text.substr(0, slash), 0);
  const std::string_view digits = text.substr(slash + 1);
  unsigned prefix = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (!address || code != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  IpNetwork network;
  network.base_ = IpBytes::of(*address);
  network.prefix_ = prefix;
  const unsigned most = 8 * (network.base_.is_v6 ? kV6Bytes : kV4Bytes);
  return prefix <= most ? std::optional(network) : std::nullopt;
}

bool IpNetwork::contains(const IpBytes& address) const noexcept {
  if (address.is_v6 != base_.is_v6) {
    return false;
  }
  const std::size_t whole = prefix_ / 8;
  const unsigned rest = prefix_ % 8;
  if (!std::equal(
          base_.bytes.begin(),
          base_.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
          address.bytes.begin()
      )) {
    return false;
  }
  if (rest == 0) {
    return true;
  }
  const unsigned mask = 0xffU << (8 - rest) & 0xffU;
  return (base_.bytes[whole] & mask) == (address.bytes[whole] & mask);
}

bool is_globally_routable(const SocketAddress& address) noexcept {
  const IpBytes bytes = IpBytes::of(address);
  const auto inner = embedded_v4(bytes);
  return is_global(bytes) && (!inner || is_global(*inner));
}

bool BlockedNetworks::blocks(const SocketAddress& address) const noexcept {
  if (private_ && !is_globally_routable(address)) {
    return true;
  }
  const IpBytes bytes = IpBytes::of(address);
  const auto inner = embedded_v4(bytes);
  return std::ranges::any_of(networks_, [&](const IpNetwork& network) {
    return network.contains(bytes) || (inner && network.contains(*inner));
  });
}

}  // namespace whorl::net
