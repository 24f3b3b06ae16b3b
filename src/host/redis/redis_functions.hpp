/// What a guest does with Redis, apart from any interface's version: open a session, call one of
/// its functions. All park the calling fiber. @thread shard
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"
#include "host/host_span.hpp"
#include "host/redis/redis_client.hpp"
#include "http/allowed_hosts.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace whorl::host::redis {

/// Most connections a guest has open at once.
inline constexpr std::size_t kMaxConnections = 1024;

/// Counts a guest's connections. Outlives them.
class ConnectionCount {
 public:
  [[nodiscard]] bool try_add() noexcept {
    if (count_ >= kMaxConnections) {
      return false;
    }
    ++count_;
    return true;
  }
  void remove() noexcept { --count_; }

 private:
  std::size_t count_ = 0;
};

/// The span of opening a connection.
inline constexpr SpanSite kOpenConnection{
    .name = "spin_outbound_redis.open_connection", .system = "redis"
};

/// What a component may use. @thread any (immutable)
struct RedisAccess {
  std::shared_ptr<RedisClient> client;
  http::AllowedHosts grants;
};

/// A session with a server that the component was granted; nothing was sent yet.
/// @return errors: PermissionDenied (no such address, or not granted: the operator was told)
[[nodiscard]] Result<std::shared_ptr<RedisSession>> open_session(
    const RedisAccess& access, std::string_view address
);

/// An argument: a number or bytes. The alternatives are those of the interfaces' variants.
using Argument = std::variant<std::monostate, std::int64_t, Bytes>;
/// A part of an answer: nothing, a status, a number, bytes.
using Part = std::variant<std::monostate, std::string, std::int64_t, Bytes>;
enum class PartTag : std::uint8_t { Nil, Status, Int64, Binary };

[[nodiscard]] Result<> publish(
    Caller caller, RedisSession& session, std::string_view channel, ByteView payload
);
[[nodiscard]] Result<std::optional<Bytes>> get(
    Caller caller, RedisSession& session, std::string_view key
);
[[nodiscard]] Result<> set(
    Caller caller, RedisSession& session, std::string_view key, ByteView value
);
[[nodiscard]] Result<std::int64_t> increment(
    Caller caller, RedisSession& session, std::string_view key
);
/// A command whose arguments are names and whose answer is a number: DEL, SADD, SREM.
/// @param first  nothing, or what stands before `names`
[[nodiscard]] Result<std::int64_t> count(
    Caller caller,
    RedisSession& session,
    std::string_view command,
    std::optional<std::string_view> first,
    const std::vector<std::string_view>& names
);
[[nodiscard]] Result<std::vector<std::string>> members(
    Caller caller, RedisSession& session, std::string_view key
);
/// Any command. Arrays in arrays come as one list.
[[nodiscard]] Result<std::vector<std::pair<PartTag, Part>>> execute(
    Caller caller,
    RedisSession& session,
    std::string_view command,
    const std::vector<Argument>& arguments
);

/// Whether an error is an answer of another type than the function promises.
[[nodiscard]] bool is_type_error(const Error& error) noexcept;

}  // namespace whorl::host::redis
