#include "net/trusted_peers.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace whorl::net {
namespace {

/// ::ffff:a.b.c.d as a.b.c.d: a socket that listens on both families shows IPv4 clients so.
IpBytes without_mapping(const IpBytes& address) noexcept {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!address.is_v6 || !std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) {
    return address;
  }
  IpBytes inner;
  std::copy_n(address.bytes.begin() + kMapped.size(), 4, inner.bytes.begin());
  return inner;
}

}  // namespace

Result<> TrustedPeers::add(std::string_view list) {
  while (true) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view one = list.substr(0, comma);
    std::string text(one);
    if (one.find('/') == std::string_view::npos) {
      text += one.find(':') == std::string_view::npos ? "/32" : "/128";
    }
    if (one == "unix") {
      unix_ = true;
    } else if (const auto network = IpNetwork::parse(text)) {
      networks_.push_back(*network);
    } else {
      return fail(
          ErrorKind::InvalidInput, "'{}' is neither a network such as 10.0.0.0/8 nor 'unix'", one
      );
    }
    if (comma == list.size()) {
      return {};
    }
    list.remove_prefix(comma + 1);
  }
}

bool TrustedPeers::contains(const SocketAddress& peer) const noexcept {
  const IpBytes address = without_mapping(IpBytes::of(peer));
  if (peer.port() == 0 && address.bytes == IpBytes().bytes) {
    return unix_;
  }
  return std::ranges::any_of(networks_, [&](const IpNetwork& network) {
    return network.contains(address);
  });
}

}  // namespace whorl::net
