#include "http/allowed_hosts.hpp"

#include "http/in_process_hosts.hpp"
#include "net/address.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace whorl::http {
namespace {

constexpr std::string_view kAllowAll = "insecure:allow-all";
constexpr std::array<std::pair<std::string_view, std::uint16_t>, 6> kDefaultPorts{{
    {"http", 80},
    {"https", 443},
    {"postgres", 5432},
    {"mysql", 3306},
    {"redis", 6379},
    {"mqtt", 1883},
}};

bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  return lower;
}

std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

template <class... Args>
Error invalid(fmt::format_string<Args...> text, Args&&... args) {
  return Error(ErrorKind::InvalidInput, fmt::format(text, std::forward<Args>(args)...));
}

std::string quoted(std::string_view text) {
  return fmt::format("\"{}\"", text);
}

std::optional<std::uint32_t> parse_number(std::string_view text) noexcept {
  std::uint16_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

Result<std::string> parse_scheme(std::string_view scheme) {
  if (scheme == "*") {
    return std::string();
  }
  if (scheme.starts_with('{')) {
    return invalid("scheme lists are not supported");
  }
  if (scheme.empty() || !std::ranges::all_of(scheme, is_letter)) {
    return invalid("only alphabetic characters are allowed");
  }
  return to_lower(scheme);
}

bool is_domain(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

/// The parts of an entry behind `://`.
struct Rest {
  std::string_view host;
  std::string_view port;
  std::string_view path;  ///< behind the slash
};

Rest split(std::string_view rest) noexcept {
  // A network has a slash of its own before the port, an IPv6 address colons within its brackets.
  const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : std::string_view::npos;
  const std::size_t from = bracket == std::string_view::npos ? 0 : bracket;
  const std::size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && colon >= from) {
    const std::string_view behind = rest.substr(colon + 1);
    const std::size_t slash = behind.find('/');
    return {
        rest.substr(0, colon),
        behind.substr(0, slash),
        slash == std::string_view::npos ? std::string_view() : behind.substr(slash + 1),
    };
  }
  if (net::IpNetwork::parse(rest)) {
    return {rest, {}, {}};
  }
  const std::size_t slash = rest.find('/', from);
  return {
      rest.substr(0, slash),
      {},
      slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1),
  };
}

}  // namespace

// --- AllowedHost ---------------------------------------------------------------------------------

Result<AllowedHost::Ports> AllowedHost::parse_port(std::string_view port, std::string_view scheme) {
  if (port.empty()) {
    const auto known = std::ranges::find(kDefaultPorts, to_lower(scheme), [](const auto& each) {
      return std::string(each.first);
    });
    if (known == kDefaultPorts.end()) {
      return invalid(
          "no port was provided and the scheme {} does not have a known default port number",
          quoted(scheme)
      );
    }
    return Ports{known->second, known->second + 1U};
  }
  if (port == "*") {
    return Ports{};
  }
  if (port.starts_with('{')) {
    return invalid("port lists are not yet supported");
  }
  if (const std::size_t dots = port.find(".."); dots != std::string_view::npos) {
    const auto first = parse_number(port.substr(0, dots));
    const auto end = parse_number(port.substr(dots + 2));
    if (!first || !end) {
      return invalid("port range {} contains non-number", quoted(port));
    }
    return Ports{*first, *end};
  }
  const auto number = parse_number(port);
  if (!number) {
    return invalid("port {} is not a number", quoted(port));
  }
  return Ports{*number, *number + 1};
}

Result<AllowedHost::Host> AllowedHost::parse_host(std::string_view host) {
  if (host == "*") {
    return Host(Any{});
  }
  if (host == "self" || host == "self.alt") {
    return Host(Self{});
  }
  if (host.starts_with('{')) {
    return invalid("host lists are not yet supported");
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    const std::string_view inner = host.substr(1, host.size() - 2);
    if (const auto network = net::IpNetwork::parse(inner)) {
      return Host(*network);
    }
    const auto address = net::SocketAddress::from_ip(inner, 0);
    if (!address || !address->is_v6()) {
      return invalid("invalid IPv6 address");
    }
    return Host(*net::IpNetwork::parse(fmt::format("{}/128", inner)));
  }
  if (const auto network = net::IpNetwork::parse(host)) {
    return Host(*network);
  }
  if (host.find('/') != std::string_view::npos) {
    return invalid("must not include a path");
  }
  const bool is_suffix = host.starts_with("*.");
  const std::string_view domain = is_suffix ? host.substr(2) : host;
  if (domain.find('*') != std::string_view::npos) {
    const bool is_bare = host.starts_with('*') && !is_suffix;
    return is_bare ? invalid("wildcards are allowed only as subdomains")
                   : invalid("wildcards are allowed only as prefixes");
  }
  if (net::SocketAddress::from_ip(domain, 0)) {
    if (is_suffix) {
      return invalid("wildcard suffix must be a domain");
    }
    return Host(Name{std::string(domain)});
  }
  if (!is_domain(domain)) {
    return invalid("invalid international domain name");
  }
  if (is_suffix) {
    return Host(Suffix{"." + to_lower(domain)});
  }
  return Host(Name{to_lower(domain)});
}

Result<AllowedHost> AllowedHost::parse(std::string_view text) {
  const std::string_view entry = trim(text);
  const std::size_t end = entry.find("://");
  if (end == std::string_view::npos) {
    if (entry == kAllowAll) {
      return invalid(
          "'insecure:allow-all' is not allowed - use '*://*:*' instead if you really want to allow "
          "all outbound traffic"
      );
    }
    const bool is_wild = entry.empty() || entry == "*" || entry == ":" || entry == "?";
    return is_wild
               ? invalid(
                     "{} is not allowed as an allowed outbound host - use '*://*:*' if you want "
                     "to allow all outbound hosts",
                     quoted(entry)
                 )
               : invalid("{} does not contain a scheme (e.g., 'http://' or '*://')", quoted(entry));
  }
  const std::string_view scheme = entry.substr(0, end);
  const Rest rest = split(entry.substr(end + 3));
  if (!rest.path.empty()) {
    return invalid("{} has a path but is not allowed to", quoted(entry));
  }
  AllowedHost made;
  WHORL_TRY(
      made.ports_,
      parse_port(rest.port, scheme).context("Invalid allowed host port {}", quoted(rest.port))
  );
  WHORL_TRY(
      made.scheme_, parse_scheme(scheme).context("Invalid allowed host scheme {}", quoted(scheme))
  );
  WHORL_TRY(
      made.host_, parse_host(rest.host).context("Invalid allowed host {}", quoted(rest.host))
  );
  return made;
}

bool AllowedHost::allows_host(std::string_view host) const {
  if (const auto* name = std::get_if<Name>(&host_)) {
    return name->name == host;
  }
  if (const auto* suffix = std::get_if<Suffix>(&host_)) {
    return host.size() > suffix->suffix.size() && host.ends_with(suffix->suffix) &&
           !net::SocketAddress::from_ip(host, 0);
  }
  if (const auto* network = std::get_if<net::IpNetwork>(&host_)) {
    const auto address = net::SocketAddress::from_ip(host, 0);
    return address && network->contains(net::IpBytes::of(*address));
  }
  return std::holds_alternative<Any>(host_);
}

bool AllowedHost::allows(std::string_view scheme, std::string_view host, std::uint16_t port) const {
  return (scheme_.empty() || scheme_ == scheme) && port >= ports_.first && port < ports_.end &&
         allows_host(host);
}

bool AllowedHost::allows_self() const noexcept {
  const bool is_http = scheme_.empty() || scheme_ == "http" || scheme_ == "https";
  return is_http && (std::holds_alternative<Self>(host_) || std::holds_alternative<Any>(host_));
}

bool AllowedHost::is_any_internal() const noexcept {
  const auto* suffix = std::get_if<Suffix>(&host_);
  return suffix != nullptr && suffix->suffix == kInternalSuffix;
}

AllowedHost AllowedHost::with_host(std::string name) const {
  AllowedHost other = *this;
  other.host_ = Name{std::move(name)};
  return other;
}

// --- AllowedHosts --------------------------------------------------------------------------------

Result<AllowedHosts> AllowedHosts::parse(
    std::span<const std::string> entries, std::span<const std::string> component_ids
) {
  AllowedHosts made;
  for (const std::string& entry : entries) {
    const std::string_view text = trim(entry);
    if (text.empty() || text == "http://" || text == "https://") {
      continue;  // what a template without a value leaves
    }
    WHORL_TRY(AllowedHost host, AllowedHost::parse(text));
    if (!host.is_any_internal()) {
      made.hosts_.push_back(std::move(host));
      continue;
    }
    for (const std::string& id : component_ids) {
      made.hosts_.push_back(host.with_host(to_lower(id) + std::string(kInternalSuffix)));
    }
  }
  return made;
}

bool AllowedHosts::allows(std::string_view scheme, std::string_view host, std::uint16_t port)
    const {
  return std::ranges::any_of(hosts_, [&](const AllowedHost& each) {
    return each.allows(scheme, host, port);
  });
}

bool AllowedHosts::allows_self() const noexcept {
  return std::ranges::any_of(hosts_, [](const AllowedHost& each) { return each.allows_self(); });
}

}  // namespace whorl::http
