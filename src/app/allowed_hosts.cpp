#include "app/allowed_hosts.hpp"

#include "app/template.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace whorl::app {
namespace {

constexpr std::string_view kAllowAll = "insecure:allow-all";
constexpr std::string_view kChainingSuffix = ".spin.internal";
constexpr std::string_view kHelpUrl =
    "https://spinframework.dev/v3/http-outbound#granting-http-permissions-to-components";
constexpr unsigned kMaxPort = 65535;

Error invalid(std::string message, std::source_location where = std::source_location::current()) {
  return Error(ErrorKind::InvalidInput, std::move(message), where);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const auto begin = text.find_first_not_of(kBlanks);
  return begin == std::string_view::npos
             ? std::string_view()
             : text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string with_slash_quotes(std::string_view text) {
  return fmt::format("\"{}\"", text);
}

bool is_ipv4(std::string_view text) {
  in_addr address{};
  return ::inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

bool is_ipv6(std::string_view text) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

std::optional<unsigned> default_port(std::string_view scheme) {
  struct Row {
    std::string_view scheme;
    unsigned port;
  };
  static constexpr std::array<Row, 6> kPorts{{
      {"http", 80},
      {"https", 443},
      {"postgres", 5432},
      {"mysql", 3306},
      {"redis", 6379},
      {"mqtt", 1883},
  }};
  const auto found = std::ranges::find(kPorts, scheme, &Row::scheme);
  return found == kPorts.end() ? std::nullopt : std::optional(found->port);
}

/// A number of 16 bits; what is wrong is said as Rust's integers say it, which is Spin's last line.
Result<unsigned> parse_u16(std::string_view text) {
  if (text.starts_with('+') && text.size() > 1) {
    text.remove_prefix(1);
  }
  if (text.empty()) {
    return invalid("cannot parse integer from empty string");
  }
  if (!std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    return invalid("invalid digit found in string");
  }
  unsigned number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || number > kMaxPort) {
    return invalid("number too large to fit in target type");
  }
  return number;
}

Result<void> parse_port(std::string_view port, std::string_view scheme, AllowedHost& out) {
  if (port.empty()) {
    const auto known = default_port(scheme);
    if (!known) {
      return invalid(fmt::format(
          "no port was provided and the scheme \"{}\" does not have a known default port number",
          scheme
      ));
    }
    out.first_port = *known;
    out.end_port = *known + 1;
    return {};
  }
  if (port.starts_with('{')) {
    return invalid("port lists are not yet supported");
  }
  if (port == "*") {
    return {};
  }
  if (const auto dots = port.find(".."); dots != std::string_view::npos) {
    WHORL_TRY(
        out.first_port,
        parse_u16(port.substr(0, dots))
            .context("port range {} contains non-number", with_slash_quotes(port))
    );
    WHORL_TRY(
        out.end_port,
        parse_u16(port.substr(dots + 2))
            .context("port range {} contains non-number", with_slash_quotes(port))
    );
    return {};
  }
  WHORL_TRY(
      out.first_port, parse_u16(port).context("port {} is not a number", with_slash_quotes(port))
  );
  out.end_port = out.first_port + 1;
  return {};
}

Result<void> parse_scheme(std::string_view scheme, AllowedHost& out) {
  if (scheme == "*") {
    return {};
  }
  if (scheme.starts_with('{')) {
    return invalid("scheme lists are not supported");
  }
  if (!std::ranges::all_of(scheme, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      })) {
    return invalid("only alphabetic characters are allowed");
  }
  out.scheme = scheme;
  return {};
}

/// A name or address without wildcards. @spec WHATWG URL §3.2 (forbidden domain code points)
Result<std::string> parse_plain_host(std::string_view host) {
  constexpr std::string_view kForbidden = " #/:<>?@[\\]^|%\x7F";
  if (host.empty()) {
    return invalid("empty host");
  }
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || !is_ipv6(host.substr(1, host.size() - 2))) {
      return invalid("invalid IPv6 address");
    }
    return std::string(host.substr(1, host.size() - 2));
  }
  const bool is_odd = std::ranges::any_of(host, [&](char c) {
    return static_cast<unsigned char>(c) < 0x20 || kForbidden.contains(c);
  });
  if (is_odd) {
    return invalid("invalid international domain name");
  }
  return lower(host);
}

bool is_network(std::string_view host) {
  const auto slash = host.find('/');
  if (slash == std::string_view::npos) {
    return false;
  }
  const std::string_view address = host.substr(0, slash);
  const auto bits = parse_u16(host.substr(slash + 1));
  return bits && ((is_ipv4(address) && *bits <= 32) || (is_ipv6(address) && *bits <= 128));
}

Result<void> parse_suffix(std::string_view suffix, AllowedHost& out) {
  if (suffix.contains('*')) {
    return invalid("wildcards are allowed only as prefixes");
  }
  WHORL_TRY(
      out.host,
      parse_plain_host(suffix).context(
          "invalid wildcard host {}", with_slash_quotes(fmt::format("*.{}", suffix))
      )
  );
  if (is_ipv4(out.host) || is_ipv6(out.host)) {
    return invalid("wildcard suffix must be a domain");
  }
  out.kind = AllowedHost::HostKind::Suffix;
  return {};
}

Result<void> parse_host(std::string_view host, AllowedHost& out) {
  using Kind = AllowedHost::HostKind;
  if (is_network(host)) {
    out.kind = Kind::Network;
    out.host = host;
    return {};
  }
  if (host.ends_with('/')) {
    host.remove_suffix(1);
  }
  if (host == "*") {
    out.kind = Kind::Any;
    return {};
  }
  if (host.starts_with('{')) {
    return invalid("host lists are not yet supported");
  }
  if (host == "self" || host == "self.alt") {
    out.kind = Kind::Self;
    return {};
  }
  if (host.contains('/')) {
    return invalid("must not include a path");
  }
  if (host.starts_with("*.")) {
    return parse_suffix(host.substr(2), out);
  }
  if (host.contains('*')) {
    return invalid("wildcards are allowed only as subdomains");
  }
  out.kind = Kind::Exact;
  WHORL_TRY(out.host, parse_plain_host(host));
  return {};
}

/// Splits what follows the scheme at the colon before the port; those of an address in brackets
/// don't count.
std::pair<std::string_view, std::string_view> split_port(std::string_view rest) {
  const auto bracket = rest.starts_with('[') ? rest.find(']') : std::string_view::npos;
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
    return {rest, {}};
  }
  return {rest.substr(0, colon), rest.substr(colon + 1)};
}

Error no_scheme(std::string_view pattern) {
  if (pattern == kAllowAll) {
    return invalid(
        "'insecure:allow-all' is not allowed - use '*://*:*' instead if you really want to allow "
        "all outbound traffic'"
    );
  }
  const bool is_near_miss = pattern.empty() || pattern == "*" || pattern == ":" || pattern == "?";
  return invalid(fmt::format(
      "\"{}\" {}\nLearn more: {}",
      pattern,
      is_near_miss
          ? "is not an allowed outbound host format.\n"
            "Hosts must be in the form <scheme>://<host>[:<port>], with '*' wildcards allowed for "
            "each.\n"
            "If you intended to allow all outbound networking, you can use '*://*:*' - this will "
            "obviate all network sandboxing."
          : "does not contain a scheme (e.g., 'http://' or '*://')",
      kHelpUrl
  ));
}

/// The text as Spin writes a template: one blank on either side of a name.
std::string canonical(const Template& parsed) {
  std::string out;
  for (const Template::Part& part : parsed.parts()) {
    out += part.is_variable ? fmt::format("{{{{ {} }}}}", part.text) : part.text;
  }
  return out;
}

bool is_skipped(std::string_view resolved) {
  return resolved.empty() || resolved == "http://" || resolved == "https://";
}

Result<void> check_pattern(
    const std::string& pattern, const std::map<std::string, std::string>& defaults
) {
  WHORL_TRY(const Template parsed, Template::parse(pattern).map_error([](const Error& error) {
    return invalid("invalid variable template: " + error.message());
  }));
  if (parsed.is_literal()) {
    WHORL_TRY(const AllowedHost unused, parse_allowed_host(pattern));
    static_cast<void>(unused);
    return {};
  }
  const auto value_of = [&](std::string_view name) -> Result<std::string> {
    const auto found = defaults.find(std::string(name));
    if (found == defaults.end()) {
      return fail(ErrorKind::NotFound, "{} has no default", name);
    }
    return found->second;
  };
  const auto resolved = parsed.resolve(value_of);
  if (!resolved || is_skipped(*resolved)) {
    return {};
  }
  WHORL_TRY(
      const AllowedHost unused,
      parse_allowed_host(*resolved).context(
          "using default variable value(s) with template \"{}\" results in invalid config \"{}\"",
          canonical(parsed),
          *resolved
      )
  );
  static_cast<void>(unused);
  return {};
}

/// An entry of `allowed_http_hosts` as the two patterns it stands for.
Result<std::array<std::string, 2>> from_http_host(const std::string& entry) {
  std::string_view rest = entry;
  unsigned usual_port = 80;
  if (rest.starts_with("https://")) {
    usual_port = 443;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  }
  const auto no_host = [&] {
    return invalid(fmt::format("{} isn't a valid host or host:port string", entry));
  };
  if (rest.contains("://")) {
    return no_host();
  }
  const auto end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view path = rest.substr(end, rest.find_first_of("?#") - end);
  rest = rest.substr(0, end);
  if (!path.empty() && path != "/") {
    return invalid(fmt::format("{} contains a path, should be host and optional port only", entry));
  }
  rest.remove_prefix(rest.rfind('@') + 1);
  const auto [host, port] = split_port(rest);
  auto name = parse_plain_host(host);
  const auto number = port.empty() ? Result<unsigned>(usual_port) : parse_u16(port);
  if (!name || !number) {
    return no_host();
  }
  if (host.starts_with('[')) {
    *name = fmt::format("[{}]", *name);
  }
  const std::string suffix = *number == usual_port ? "" : fmt::format(":{}", *number);
  return std::array{
      fmt::format("http://{}{}", *name, suffix), fmt::format("https://{}{}", *name, suffix)
  };
}

}  // namespace

bool AllowedHost::is_service_chaining() const noexcept {
  if (kind == HostKind::Suffix) {
    return host == kChainingSuffix.substr(1) || host.ends_with(kChainingSuffix);
  }
  return kind == HostKind::Exact && host.ends_with(kChainingSuffix);
}

Result<AllowedHost> parse_allowed_host(std::string_view pattern) {
  pattern = trimmed(pattern);
  const auto separator = pattern.find("://");
  if (separator == std::string_view::npos) {
    return no_scheme(pattern);
  }
  const std::string_view scheme = pattern.substr(0, separator);
  auto [host, port] = split_port(pattern.substr(separator + 3));
  if (const auto slash = port.find('/'); slash != std::string_view::npos) {
    if (slash + 1 != port.size()) {
      return invalid(fmt::format("\"{}\" has a path but is not allowed to", pattern));
    }
    port.remove_suffix(1);
  }
  AllowedHost out;
  WHORL_CHECKED(parse_port(port, scheme, out).context("Invalid allowed host port \"{}\"", port));
  WHORL_CHECKED(parse_scheme(scheme, out).context("Invalid allowed host scheme \"{}\"", scheme));
  WHORL_CHECKED(parse_host(host, out).context("Invalid allowed host \"{}\"", host));
  return out;
}

Result<void> check_allowed_hosts(
    std::span<const std::string> patterns, const std::map<std::string, std::string>& defaults
) {
  for (const std::string& pattern : patterns) {
    WHORL_CHECKED(check_pattern(pattern, defaults));
  }
  return {};
}

bool needs_service_chaining(std::span<const std::string> patterns) {
  return std::ranges::any_of(patterns, [](const std::string& pattern) {
    const auto parsed =
        pattern.contains("{{") ? Result<AllowedHost>(AllowedHost()) : parse_allowed_host(pattern);
    return parsed && parsed->is_service_chaining();
  });
}

Result<std::vector<std::string>> from_allowed_http_hosts(std::span<const std::string> hosts) {
  if (std::ranges::find(hosts, kAllowAll) != hosts.end()) {
    return std::vector<std::string>{"http://*:*", "https://*:*", "http://self"};
  }
  std::vector<std::string> out;
  std::string wrong;
  for (const std::string& host : hosts) {
    if (host == "self") {
      out.emplace_back("http://self");
      continue;
    }
    auto patterns = from_http_host(host);
    if (patterns) {
      out.insert(out.end(), patterns->begin(), patterns->end());
    } else {
      wrong += "\n" + patterns.error().message();
    }
  }
  if (!wrong.empty()) {
    return invalid("One or more allowed_http_hosts entries was invalid:" + wrong);
  }
  return out;
}

}  // namespace whorl::app
