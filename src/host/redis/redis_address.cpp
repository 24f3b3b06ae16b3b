#include "host/redis/redis_address.hpp"

#include <charconv>

namespace whorl::host::redis {

Result<RedisAddress> parse_redis_address(std::string_view text) {
  RedisAddress made;
  WHORL_TRY(made.url, net_policy::parse_outbound_url(text, "redis", kDefaultPort));
  if (made.url.scheme != "redis" && made.url.scheme != "rediss") {
    return fail(ErrorKind::InvalidInput, "the scheme of a Redis address is redis or rediss");
  }
  made.is_tls = made.url.scheme == "rediss";
  std::string_view path = made.url.path;
  path.remove_prefix(path.starts_with('/') ? 1 : 0);
  path.remove_suffix(path.ends_with('/') ? 1 : 0);
  if (!path.empty()) {
    const auto [end, code] = std::from_chars(path.data(), path.data() + path.size(), made.database);
    if (code != std::errc() || end != path.data() + path.size() || made.database < 0) {
      return fail(ErrorKind::InvalidInput, "a Redis database is a number");
    }
  }
  return made;
}

}  // namespace whorl::host::redis
