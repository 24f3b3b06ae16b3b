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

SocketOutcome<SocketAccess::Name> SocketAccess::parse_name(std::string_view name) {
  // RFC 1035 §2.3.4, and a dot at the end.
  constexpr std::size_t kMaxName = 254;
  // What has no other meaning to a resolver. Bytes beyond ASCII are looked up by nobody here, but
  // are no mistake.
  const auto is_name_char = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           c == '-' || c == '_' || c == '.';
  };
  if (name.size() > kMaxName) {
    return std::unexpected(SocketError::InvalidArgument);
  }
  Name made;
  made.text.resize(name.size());
  std::ranges::transform(name, made.text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  std::string_view number = made.text;
  if (number.starts_with('[') && number.ends_with(']')) {
    number = number.substr(1, number.size() - 2);
  }
  if (const auto address = net::SocketAddress::from_ip(number, 0)) {
    made.address = *address;
  } else if (made.text.empty() || !std::ranges::all_of(made.text, is_name_char)) {
    return std::unexpected(SocketError::InvalidArgument);
  }
  return made;
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
