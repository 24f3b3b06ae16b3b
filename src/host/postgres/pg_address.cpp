#include "host/postgres/pg_address.hpp"

#include "host/net_policy/outbound_url.hpp"
#include "host/postgres/pg_library.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

namespace whorl::host::postgres {
namespace {

constexpr std::size_t kMaxServers = 8;
/// What a guest may say beside its servers. Files, services and other ways in are the host's.
constexpr std::array<std::string_view, 9> kSettings{
    "user",
    "password",
    "dbname",
    "sslmode",
    "application_name",
    "options",
    "channel_binding",
    "target_session_attrs",
    "sslsni",
};
/// What Spin's client knows too and has no meaning here.
constexpr std::array<std::string_view, 7> kIgnored{
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "load_balance_hosts",
};

Error no_address(std::string_view why) {
  return fail(ErrorKind::InvalidInput, "invalid connection string: {}", why);
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(comma + 1);
  }
}

/// Hosts and ports go together by their index; one port stands for all.
Result<> read_servers(std::string_view hosts, std::string_view ports, PgAddress& out) {
  const auto names = split(hosts);
  const auto numbers = split(ports);
  if (names.size() > kMaxServers || (numbers.size() != 1 && numbers.size() != names.size())) {
    return no_address("the hosts and ports do not go together");
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty() || names[i].starts_with('/') || names[i].starts_with('@')) {
      return fail(ErrorKind::InvalidInput, "Unix sockets are not supported on WebAssembly");
    }
    const std::string_view number = numbers.size() == 1 ? numbers[0] : numbers[i];
    const bool is_v6 = names[i].find(':') != std::string_view::npos;
    WHORL_TRY(
        const auto url,
        net_policy::parse_outbound_url(
            fmt::format(
                "postgres://{}{}{}{}{}",
                is_v6 ? "[" : "",
                names[i],
                is_v6 ? "]" : "",
                number.empty() ? "" : ":",
                number
            ),
            "postgres",
            5432
        )
    );
    if (!url.user.empty() || url.password || !url.path.empty() || !url.query.empty()) {
      return no_address("a host is no name");
    }
    out.servers.push_back({url.host, url.port});
  }
  return {};
}

/// A value between quotes (libpq's keyword strings).
std::string quoted(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + "'";
}

}  // namespace

std::string PgAddress::Server::to_destination() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format("postgres://{}{}{}:{}", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

Result<PgAddress> parse_pg_address(std::string_view text) {
  WHORL_TRY(const PgLibrary* pq, PgLibrary::get());
  if (text.size() > kMaxPgAddress || text.find('\0') != std::string_view::npos) {
    return no_address("too long, or with a zero byte");
  }
  char* message = nullptr;
  const auto free_list = [pq](PQconninfoOption* list) { pq->conninfo_free(list); };
  const std::unique_ptr<PQconninfoOption, decltype(free_list)> list(
      pq->conninfo_parse(std::string(text).c_str(), &message), free_list
  );
  if (message != nullptr) {
    pq->free_memory(message);  // it may repeat a secret
  }
  if (list == nullptr) {
    return no_address("it is neither a URL nor a list of keywords");
  }
  PgAddress out;
  std::string hosts;
  std::string ports;
  for (const PQconninfoOption* each = list.get(); each->keyword != nullptr; ++each) {
    if (each->val == nullptr) {
      continue;
    }
    const std::string_view name = each->keyword;
    if (name == "host") {
      hosts = each->val;
    } else if (name == "port") {
      ports = each->val;
    } else if (std::ranges::find(kSettings, name) != kSettings.end()) {
      out.settings.emplace_back(name, each->val);
    } else if (std::ranges::find(kIgnored, name) == kIgnored.end()) {
      return no_address(fmt::format("the setting {} is not available to guests", name));
    }
  }
  const auto has_user = std::ranges::any_of(out.settings, [](const auto& setting) {
    return setting.first == "user" && !setting.second.empty();
  });
  if (!has_user) {
    return no_address("user missing");
  }
  WHORL_CHECKED(read_servers(hosts, ports, out));
  return out;
}

std::string to_conninfo(
    const PgAddress& address,
    const std::vector<std::pair<std::size_t, net::SocketAddress>>& resolved,
    std::string_view root_file
) {
  // Defaults first: of two settings of a name the last counts. A file that is not there stands for
  // one in the user's folder.
  std::string out =
      "password='' dbname='' options='' application_name='' passfile='/nonexistent' "
      "sslcert='/nonexistent' sslkey='/nonexistent' sslcrl='/nonexistent' gssencmode=disable "
      "sslmode=prefer client_encoding=UTF8 requirepeer='' ";
  std::string user;
  std::string mode = "prefer";
  for (const auto& [name, value] : address.settings) {
    user = name == "user" ? value : user;
    mode = name == "sslmode" ? value : mode;
    out += fmt::format("{}={} ", name, quoted(value));
  }
  // A connection that must be encrypted must be with the right server too; so must one for which a
  // root was given.
  const bool is_verified = mode == "require" || mode.starts_with("verify-") ||
                           (!address.ca_root.empty() && mode != "disable");
  out += fmt::format("sslmode={} ", quoted(is_verified ? "verify-full" : mode));
  if (out.find("dbname='' ") != std::string::npos &&
      std::ranges::none_of(address.settings, [](const auto& each) {
        return each.first == "dbname" && !each.second.empty();
      })) {
    out += fmt::format("dbname={} ", quoted(user));
  }
  std::string hosts;
  std::string numbers;
  std::string ports;
  for (const auto& [index, target] : resolved) {
    const std::string_view comma = hosts.empty() ? "" : ",";
    const std::string shown = target.with_port(0).to_string();  // "1.2.3.4:0", "[::1]:0"
    std::string_view number = std::string_view(shown).substr(0, shown.rfind(':'));
    if (number.starts_with('[')) {
      number = number.substr(1, number.size() - 2);
    }
    hosts += fmt::format("{}{}", comma, address.servers[index].host);
    numbers += fmt::format("{}{}", comma, number);
    ports += fmt::format("{}{}", comma, address.servers[index].port);
  }
  return out + fmt::format(
                   "host={} hostaddr={} port={} sslrootcert={}",
                   quoted(hosts),
                   quoted(numbers),
                   quoted(ports),
                   quoted(is_verified ? root_file : "/nonexistent")
               );
}

}  // namespace whorl::host::postgres
