#include "cli/edge_flags.hpp"

#include "cli/values.hpp"

#include <fmt/format.h>

#include <string>

namespace whorl::cli {
namespace {

using std::chrono::milliseconds;

Result<milliseconds> parse_timeout(std::string_view text) {
  WHORL_TRY(const milliseconds time, parse_duration(text));
  if (time == milliseconds::zero()) {
    return whorl::fail(ErrorKind::InvalidInput, "there must be a limit");
  }
  return time;
}

Result<std::uint64_t> parse_at_least_one(std::string_view text) {
  WHORL_TRY(const std::uint64_t number, parse_number(text));
  if (number == 0) {
    return whorl::fail(ErrorKind::InvalidInput, "0 is too few");
  }
  return number;
}

UsageError missing(const FlagSpec& spec) {
  return UsageError{
      .message =
          fmt::format("the following required arguments were not provided:\n  {}", spec.to_text()),
      .usage = std::string(kTriggerUsage),
      .cause = {}
  };
}

/// Each certificate goes with the key at the same place.
void read_tls(FlagReader& reader, EdgeSettings& out) {
  const auto certificates = reader.all("tls-cert");
  const auto keys = reader.all("tls-key");
  if (certificates.size() != keys.size()) {
    reader.fail(missing(up_flag(certificates.size() < keys.size() ? "tls-cert" : "tls-key")));
    return;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    out.tls.push_back({.certificate = certificates[i], .private_key = keys[i]});
  }
  const auto roots = reader.all("tls-client-ca");
  if (!roots.empty() && out.tls.empty()) {
    reader.fail(missing(up_flag("tls-cert")));
    return;
  }
  out.tls_client_roots = roots.empty() ? "" : roots.back();
}

Result<ListenTarget> parse_target(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  ListenTarget target;
  if (text.starts_with(kUnix)) {
    target.unix_path = text.substr(kUnix.size());
    if (target.unix_path.empty()) {
      return whorl::fail(ErrorKind::InvalidInput, "the path of the socket is missing");
    }
    return target;
  }
  WHORL_TRY(target.address, parse_listen_address(text));
  target.is_localhost = text.starts_with("localhost:");
  return target;
}

void read_listen(FlagReader& reader, EdgeSettings& out) {
  for (const std::string& text : reader.all("listen")) {
    auto target = parse_target(text);
    if (!target) {
      reader.fail(invalid_value(up_flag("listen"), text, target.error().message()));
      return;
    }
    out.listen.push_back(*std::move(target));
  }
}

void read_proxies(FlagReader& reader, EdgeSettings& out) {
  for (const std::string& text : reader.all("proxy-protocol")) {
    if (auto added = out.proxies.add(text); !added) {
      reader.fail(invalid_value(up_flag("proxy-protocol"), text, added.error().message()));
      return;
    }
  }
}

}  // namespace

void read_edge_flags(FlagReader& reader, EdgeSettings& out) {
  read_listen(reader, out);
  read_tls(reader, out);
  read_proxies(reader, out);
  reader.read(
      "takeover",
      [](std::string_view text) { return Result<std::string>(std::string(text)); },
      [&](std::string path) { out.takeover_path = std::move(path); }
  );
  read_edge_limits(reader, out);
}

void read_edge_limits(FlagReader& reader, EdgeSettings& out) {
  reader.read("drain-timeout", parse_duration, [&](milliseconds time) { out.drain_time = time; });
  reader.read("header-timeout", parse_timeout, [&](milliseconds time) {
    out.header_timeout = time;
  });
  reader.read("idle-timeout", parse_timeout, [&](milliseconds time) { out.idle_timeout = time; });
  reader.read("body-timeout", parse_timeout, [&](milliseconds time) { out.body_timeout = time; });
  reader.read("write-timeout", parse_timeout, [&](milliseconds time) { out.write_timeout = time; });
  reader.read("min-body-rate", parse_number, [&](std::uint64_t rate) { out.min_body_rate = rate; });
  reader.read("min-write-rate", parse_number, [&](std::uint64_t rate) {
    out.min_write_rate = rate;
  });
  reader.read("rate-grace", parse_timeout, [&](milliseconds time) { out.rate_grace = time; });
  reader.read("max-connections", parse_at_least_one, [&](std::uint64_t count) {
    out.max_connections = count;
  });
  reader.read("max-client-connections", parse_number, [&](std::uint64_t count) {
    out.max_client_connections = count;
  });
  reader.read("max-request-body", parse_number, [&](std::uint64_t bytes) {
    out.max_body_bytes = bytes;
  });
}

}  // namespace whorl::cli
