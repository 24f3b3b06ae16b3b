#include "host/net_policy/outbound_url.hpp"

#include "net/address.hpp"

#include <algorithm>
#include <charconv>

namespace whorl::host::net_policy {
namespace {

constexpr std::size_t kMaxText = 4096;
constexpr std::size_t kMaxHost = 253;

Error no_url(std::string_view why) {
  return fail(ErrorKind::InvalidInput, "the address is no URL: {}", why);
}

bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

int hex_value(char c) noexcept {
  return is_digit(c)              ? c - '0'
         : (c >= 'a' && c <= 'f') ? c - 'a' + 10
         : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                  : -1;
}

/// Percent-decoding; a `%` that begins no escape stands for itself. Control characters come
/// through: nobody puts what is decoded into a line.
std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// A name whose last label begins with a digit is one that some resolvers take for an address.
Result<std::string> read_host(std::string_view text) {
  if (text.empty() || text.size() > kMaxHost) {
    return no_url("no host");
  }
  std::string host = to_lower(text);
  const bool is_name = std::ranges::all_of(host, [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
  });
  if (!is_name || host.starts_with('.') || host.find("..") != std::string::npos) {
    return no_url("the host is no name");
  }
  if (net::SocketAddress::from_ip(host, 0)) {
    return host;
  }
  const std::string_view whole = std::string_view(host).substr(0, host.find_last_not_of('.') + 1);
  const std::string_view last = whole.substr(whole.rfind('.') + 1);
  if (last.empty() || is_digit(last.front())) {
    return no_url("the host is no name");
  }
  return host;
}

Result<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (code != std::errc() || end != text.data() + text.size() || port == 0) {
    return no_url("the port is no number");
  }
  return port;
}

/// `host[:port]`
Result<> read_place(std::string_view text, OutboundUrl& out) {
  std::size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return no_url("an IPv6 address is not closed");
    }
    out.host = to_lower(text.substr(1, close - 1));
    const auto address = net::SocketAddress::from_ip(out.host, 0);
    if (!address || !address->is_v6() || (close + 1 < text.size() && text[close + 1] != ':')) {
      return no_url("no IPv6 address");
    }
    colon = close + 1 < text.size() ? close + 1 : std::string_view::npos;
  } else {
    WHORL_TRY(out.host, read_host(text.substr(0, colon)));
  }
  if (colon != std::string_view::npos) {
    WHORL_TRY(out.port, read_port(text.substr(colon + 1)));
    out.has_port = true;
  }
  return {};
}

void read_query(std::string_view text, OutboundUrl& out) {
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const std::size_t equal = part.find('=');
    if (!part.empty()) {
      out.query.emplace_back(
          decode(part.substr(0, equal)),
          equal == std::string_view::npos ? std::string() : decode(part.substr(equal + 1))
      );
    }
  }
}

}  // namespace

std::string OutboundUrl::to_destination() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  std::string text = fmt::format("{}://{}{}{}", scheme, is_v6 ? "[" : "", host, is_v6 ? "]" : "");
  return has_port ? text + fmt::format(":{}", port) : text;
}

const std::string* OutboundUrl::find(std::string_view key) const noexcept {
  const auto found =
      std::ranges::find(query, key, [](const auto& pair) { return std::string_view(pair.first); });
  return found != query.end() ? &found->second : nullptr;
}

Result<OutboundUrl> parse_outbound_url(
    std::string_view text, std::string_view scheme, std::uint16_t default_port
) {
  const bool is_printable =
      std::ranges::all_of(text, [](char c) { return c > ' ' && c != '\x7f'; });
  if (text.size() > kMaxText || !is_printable) {
    return no_url("blanks, control characters, or too long");
  }
  OutboundUrl out;
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos) {
    out.scheme = scheme;
  } else {
    out.scheme = to_lower(text.substr(0, mark));
    text.remove_prefix(mark + 3);
  }
  const bool is_scheme = !out.scheme.empty() && is_letter(out.scheme.front()) &&
                         std::ranges::all_of(out.scheme, [](char c) {
                           return is_letter(c) || is_digit(c) || c == '+' || c == '-';
                         });
  if (!is_scheme) {
    return no_url("no scheme");
  }
  text = text.substr(0, text.find('#'));
  std::string_view authority = text.substr(0, text.find_first_of("/?"));
  text.remove_prefix(authority.size());
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view info = authority.substr(0, at);
    const std::size_t colon = info.find(':');
    out.user = decode(info.substr(0, colon));
    if (colon != std::string_view::npos) {
      out.password = decode(info.substr(colon + 1));
    }
    authority.remove_prefix(at + 1);
  }
  out.port = default_port;
  WHORL_CHECKED(read_place(authority, out));
  if (out.port == 0) {
    return no_url("no port");
  }
  const std::size_t question = text.find('?');
  out.path = decode(text.substr(0, question));
  if (question != std::string_view::npos) {
    read_query(text.substr(question + 1), out);
  }
  return out;
}

}  // namespace whorl::host::net_policy
