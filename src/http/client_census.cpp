#include "http/client_census.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace whorl::http {
namespace {

constexpr std::size_t kLongestAddress = 64;

/// 1.2.3.4 as 1.2.3.4, whether it came as such or as ::ffff:1.2.3.4; no /64 begins with zeros.
ClientCensus::Key key_of_v4(const std::uint8_t* bytes) noexcept {
  ClientCensus::Key key = {};
  std::copy_n(bytes, 4, key.begin() + 4);
  return key;
}

}  // namespace

std::optional<ClientCensus::Key> ClientCensus::key_of(std::string_view address) noexcept {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || address.size() > kLongestAddress) {
    return std::nullopt;
  }
  std::string_view ip = address.substr(0, colon);
  if (!ip.starts_with('[')) {
    in_addr v4 = {};
    if (::inet_pton(AF_INET, std::string(ip).c_str(), &v4) != 1 || v4.s_addr == INADDR_ANY) {
      return std::nullopt;
    }
    return key_of_v4(reinterpret_cast<const std::uint8_t*>(&v4));
  }
  ip = ip.substr(1, ip.find_first_of("]%") - 1);
  in6_addr v6 = {};
  if (::inet_pton(AF_INET6, std::string(ip).c_str(), &v6) != 1) {
    return std::nullopt;
  }
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    return key_of_v4(v6.s6_addr + 12);
  }
  Key key = {};
  std::copy_n(v6.s6_addr, key.size(), key.begin());
  return key;
}

bool ClientCensus::is_full(const Key& client) const {
  const std::scoped_lock lock(mutex_);
  const auto found = open_.find(client);
  return (found == open_.end() ? 0 : found->second) >= most_;
}

void ClientCensus::enter(const Key& client) {
  const std::scoped_lock lock(mutex_);
  ++open_[client];
}

void ClientCensus::leave(const Key& client) noexcept {
  const std::scoped_lock lock(mutex_);
  const auto found = open_.find(client);
  if (found != open_.end() && --found->second == 0) {
    open_.erase(found);
  }
}

std::size_t ClientCensus::clients() const {
  const std::scoped_lock lock(mutex_);
  return open_.size();
}

}  // namespace whorl::http
