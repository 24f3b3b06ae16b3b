#include "host/redis/redis_conversions.hpp"
#include "host/redis/redis_hosts.hpp"
#include "wit/spin_redis_redis_abi.hpp"

#include <utility>

namespace whorl::host::redis {
namespace {

namespace v3 = wit::spin_redis_redis;

v3::Error to_v3(const Error& error) {
  return error.kind() == ErrorKind::Overloaded ? v3::Error::too_many_connections()
                                               : v3::Error::other(error.message());
}

v3::Error to_v3_set(const Error& error) {
  return is_type_error(error) ? v3::Error::type_error() : to_v3(error);
}

std::vector<std::string_view> views_of(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

/// Keeps the session: the handle may be dropped while this waits.
template <class Function>
auto run(
    component::Call& call,
    std::shared_ptr<RedisSession> session,
    Function function,
    v3::Error (*to_error)(const Error&) = to_v3
) {
  return answer(call, [&](Caller caller) { return function(caller, *session); }, to_error);
}

/// Several calls of a guest may wait at once; the session puts those that need its own connection
/// one after the other.
class Spin3Connection final : public v3::Connection {
 public:
  template <class T>
  using Answer = component::HostResult<std::expected<T, v3::Error>>;

  Spin3Connection(std::shared_ptr<RedisSession> session, ConnectionCount& count) noexcept
      : session_(std::move(session)), count_(count) {}
  ~Spin3Connection() override { count_.remove(); }

  Answer<void> publish(component::Call& call, std::string channel, Bytes payload) override {
    return run(call, session_, [&](Caller caller, RedisSession& session) {
      return redis::publish(caller, session, channel, payload);
    });
  }
  Answer<std::optional<Bytes>> get(component::Call& call, std::string key) override {
    return run(call, session_, [&](Caller caller, RedisSession& session) {
      return redis::get(caller, session, key);
    });
  }
  Answer<void> set(component::Call& call, std::string key, Bytes value) override {
    return run(call, session_, [&](Caller caller, RedisSession& session) {
      return redis::set(caller, session, key, value);
    });
  }
  Answer<std::int64_t> incr(component::Call& call, std::string key) override {
    return run(call, session_, [&](Caller caller, RedisSession& session) {
      return increment(caller, session, key);
    });
  }
  Answer<std::uint32_t> del(component::Call& call, std::vector<std::string> keys) override {
    return counted(call, "DEL", std::nullopt, keys);
  }
  Answer<std::uint32_t> sadd(
      component::Call& call, std::string key, std::vector<std::string> values
  ) override {
    return counted(call, "SADD", key, values);
  }
  Answer<std::vector<std::string>> smembers(component::Call& call, std::string key) override {
    return run(call, session_, [&](Caller caller, RedisSession& session) {
      return members(caller, session, key);
    });
  }
  Answer<std::uint32_t> srem(
      component::Call& call, std::string key, std::vector<std::string> values
  ) override {
    return counted(call, "SREM", key, values);
  }
  Answer<std::vector<v3::RedisResult>> execute(
      component::Call& call, std::string command, std::vector<v3::RedisParameter> arguments
  ) override {
    return run(
        call,
        session_,
        [&](Caller caller, RedisSession& session) -> Result<std::vector<v3::RedisResult>> {
          const auto made = to_arguments(std::move(arguments));
          WHORL_TRY(auto parts, redis::execute(caller, session, command, made));
          return from_parts<v3::RedisResult>(std::move(parts));
        }
    );
  }

 private:
  Answer<std::uint32_t> counted(
      component::Call& call,
      std::string_view command,
      std::optional<std::string_view> first,
      const std::vector<std::string>& names
  ) {
    return run(
        call,
        session_,
        [&](Caller caller, RedisSession& session) {
          return to_u32(redis::count(caller, session, command, first, views_of(names)));
        },
        to_v3_set
    );
  }

  std::shared_ptr<RedisSession> session_;
  ConnectionCount& count_;
};

}  // namespace

component::HostResult<std::expected<component::Own<v3::Connection>, v3::Error>>
Spin3Host::connection_open(component::Call& call, std::string address) {
  using Opened = std::expected<component::Own<v3::Connection>, v3::Error>;
  HostSpan span(kOpenConnection);
  auto session = span.note(open_session(access_, address));
  if (!session) {
    return Opened(std::unexpect, v3::Error::invalid_address());
  }
  span.at((*session)->address().url.host, (*session)->address().url.port)
      .set("db.namespace", (*session)->address().database);
  auto checked =
      answer(call, [&](Caller caller) { return span.note((*session)->check(caller)); }, to_v3);
  if (!checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (!*checked) {
    return Opened(std::unexpect, std::move(checked->error()));
  }
  if (!count_.try_add()) {
    return Opened(std::unexpect, v3::Error::too_many_connections());
  }
  return Opened(std::make_unique<Spin3Connection>(*std::move(session), count_));
}

}  // namespace whorl::host::redis
