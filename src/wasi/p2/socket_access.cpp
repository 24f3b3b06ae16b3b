#include "wasi/p2/socket_access.hpp"

#include "http/outbound.hpp"

#include <algorithm>

namespace whorl::wasi::p2 {

SocketOutcome<> SocketAccess::check(std::string_view scheme, const net::SocketAddress& address)
    const {
  const std::string ip = ip_text(address);
  const http::AllowedHosts* allowed = context_.allowed_hosts;
  const auto covers = [&](std::string_view host) {
    return allowed->allows(scheme, host, address.port());
  };
  const bool granted = allowed != nullptr &&
                       (covers(ip) || std::ranges::any_of(learned_, [&](const Learned& learned) {
                          return learned.ip == ip && covers(learned.name);
                        }));
  const bool blocked = context_.network == nullptr || context_.network->blocked.blocks(address);
  if (!granted) {
    http::report_denied(fmt::format("{}://{}", scheme, address.to_string()));
  }
  if (!granted || blocked) {
    return SocketOutcome<>(std::unexpect, SocketError::AccessDenied);
  }
  return {};
}

bool SocketAccess::may_look_up(std::string_view name) const {
  return context_.allowed_hosts != nullptr && context_.network != nullptr &&
         (context_.allowed_hosts->names("tcp", name) || context_.allowed_hosts->names("udp", name));
}

void SocketAccess::learn(const std::string& name, std::span<const net::SocketAddress> addresses) {
  for (const net::SocketAddress& address : addresses) {
    if (learned_.size() < kMaxLearned) {
      learned_.push_back({name, ip_text(address)});
    }
  }
}

}  // namespace whorl::wasi::p2
