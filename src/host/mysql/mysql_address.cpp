#include "host/mysql/mysql_address.hpp"

#include <algorithm>
#include <array>

namespace whorl::host::mysql {
namespace {

constexpr std::array<std::string_view, 20> kPlain{
    "select", "insert",   "update", "delete",   "replace",  "values",    "table",
    "with",   "create",   "drop",   "alter",    "truncate", "begin",     "start",
    "commit", "rollback", "show",   "describe", "explain",  "savepoint",
};
constexpr std::array<std::string_view, 5> kTelling{
    "@",
    "temporary",
    "get_lock",
    "last_insert_id",
    "sql_calc_found_rows",
};

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

}  // namespace

Result<MysqlAddress> parse_mysql_address(std::string_view text) {
  MysqlAddress made;
  WHORL_TRY(made.url, net_policy::parse_outbound_url(text, "mysql", kDefaultPort));
  if (made.url.scheme != "mysql") {
    return fail(ErrorKind::InvalidInput, "the scheme of a MySQL address is mysql");
  }
  std::string_view path = made.url.path;
  path.remove_prefix(path.starts_with('/') ? 1 : 0);
  made.database = path;
  for (const auto& [key, value] : made.url.query) {
    const std::string name = to_lower(key);
    if (name == "ssl-mode" || name == "sslmode") {
      made.is_tls = to_lower(value) != "disabled";
    }
  }
  for (const std::string_view part : {
           std::string_view(made.url.user),
           std::string_view(made.database),
           std::string_view(made.url.password ? *made.url.password : made.url.user),
       }) {
    if (part.find('\0') != std::string_view::npos) {
      return fail(ErrorKind::InvalidInput, "a zero byte in a MySQL address");
    }
  }
  return made;
}

bool keeps_state(std::string_view statement) {
  const std::string lower = to_lower(statement);
  const std::size_t begin = std::min(lower.find_first_not_of(" \t\r\n("), lower.size());
  const std::size_t end =
      std::min(lower.find_first_not_of("abcdefghijklmnopqrstuvwxyz", begin), lower.size());
  const std::string_view word = std::string_view(lower).substr(begin, end - begin);
  return std::ranges::find(kPlain, word) == kPlain.end() ||
         std::ranges::any_of(kTelling, [&](std::string_view each) {
           return lower.find(each) != std::string::npos;
         });
}

}  // namespace whorl::host::mysql
