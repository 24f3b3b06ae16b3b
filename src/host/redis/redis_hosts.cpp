#include "host/redis/redis_hosts.hpp"

#include "host/redis/redis_conversions.hpp"

#include <expected>
#include <utility>

namespace whorl::host::redis {
namespace {

namespace v1 = wit::fermyon_spin_redis_v1;
namespace v2 = wit::fermyon_spin_redis;

v2::Error to_error(const Error& error) {
  return error.kind() == ErrorKind::Overloaded ? v2::Error::too_many_connections()
                                               : v2::Error::other(error.message());
}

v2::Error to_set_error(const Error& error) {
  return is_type_error(error) ? v2::Error::type_error() : to_error(error);
}

/// Functions keep the session: the handle may be dropped while they wait.
class SpinConnection final : public v2::Connection {
 public:
  template <class T>
  using Answer = component::HostResult<std::expected<T, v2::Error>>;

  SpinConnection(std::shared_ptr<RedisSession> session, ConnectionCount& count) noexcept
      : session_(std::move(session)), count_(count) {}
  ~SpinConnection() override { count_.remove(); }

  Answer<void> publish(component::Call& call, std::string_view channel, ByteView payload) override {
    return answer(
        call,
        [&, session = session_](Caller caller) {
          return redis::publish(caller, *session, channel, payload);
        },
        to_error
    );
  }
  Answer<std::optional<Bytes>> get(component::Call& call, std::string_view key) override {
    return answer(
        call,
        [&, session = session_](Caller caller) { return redis::get(caller, *session, key); },
        to_error
    );
  }
  Answer<void> set(component::Call& call, std::string_view key, ByteView value) override {
    return answer(
        call,
        [&, session = session_](Caller caller) { return redis::set(caller, *session, key, value); },
        to_error
    );
  }
  Answer<std::int64_t> incr(component::Call& call, std::string_view key) override {
    return answer(
        call,
        [&, session = session_](Caller caller) { return increment(caller, *session, key); },
        to_error
    );
  }
  Answer<std::uint32_t> del(component::Call& call, std::vector<std::string_view> keys) override {
    return counted(call, "DEL", std::nullopt, keys);
  }
  Answer<std::uint32_t> sadd(
      component::Call& call, std::string_view key, std::vector<std::string_view> values
  ) override {
    return counted(call, "SADD", key, values);
  }
  Answer<std::vector<std::string>> smembers(component::Call& call, std::string_view key) override {
    return answer(
        call,
        [&, session = session_](Caller caller) { return members(caller, *session, key); },
        to_error
    );
  }
  Answer<std::uint32_t> srem(
      component::Call& call, std::string_view key, std::vector<std::string_view> values
  ) override {
    return counted(call, "SREM", key, values);
  }
  Answer<std::vector<v2::RedisResult>> execute(
      component::Call& call, std::string_view command, std::vector<v2::RedisParameter> arguments
  ) override {
    return answer(
        call,
        [&, session = session_](Caller caller) -> Result<std::vector<v2::RedisResult>> {
          const auto made = to_arguments(std::move(arguments));
          WHORL_TRY(auto parts, redis::execute(caller, *session, command, made));
          return from_parts<v2::RedisResult>(std::move(parts));
        },
        to_error
    );
  }

 private:
  Answer<std::uint32_t> counted(
      component::Call& call,
      std::string_view command,
      std::optional<std::string_view> first,
      const std::vector<std::string_view>& names
  ) {
    return answer(
        call,
        [&, session = session_](Caller caller) {
          return to_u32(redis::count(caller, *session, command, first, names));
        },
        to_set_error
    );
  }

  std::shared_ptr<RedisSession> session_;
  ConnectionCount& count_;
};

v1::Error to_v1(const Error&) {
  return v1::Error::Error;
}

}  // namespace

component::HostResult<std::expected<component::Own<v2::Connection>, v2::Error>>
SpinHost::connection_open(component::Call& call, std::string_view address) {
  using Opened = std::expected<component::Own<v2::Connection>, v2::Error>;
  HostSpan span(kOpenConnection);
  auto session = span.note(open_session(access_, address));
  if (!session) {
    return Opened(std::unexpect, v2::Error::invalid_address());
  }
  span.at((*session)->address().url.host, (*session)->address().url.port)
      .set("db.namespace", (*session)->address().database);
  auto checked =
      answer(call, [&](Caller caller) { return span.note((*session)->check(caller)); }, to_error);
  if (!checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (!*checked) {
    return Opened(std::unexpect, std::move(checked->error()));
  }
  if (!count_.try_add()) {
    return Opened(std::unexpect, v2::Error::too_many_connections());
  }
  return Opened(std::make_unique<SpinConnection>(*std::move(session), count_));
}

template <class Function>
auto SpinV1Host::run(component::Call& call, std::string_view address, Function function) {
  return answer(
      call,
      [&](Caller caller) -> std::invoke_result_t<Function, Caller, RedisSession&> {
        WHORL_TRY(const auto session, open_session(access_, address));
        return function(caller, *session);
      },
      to_v1
  );
}

SpinV1Host::Answer<void> SpinV1Host::publish(
    component::Call& call, std::string_view address, std::string_view channel, ByteView payload
) {
  return run(call, address, [&](Caller caller, RedisSession& session) {
    return redis::publish(caller, session, channel, payload);
  });
}

SpinV1Host::Answer<Bytes> SpinV1Host::get(
    component::Call& call, std::string_view address, std::string_view key
) {
  return run(call, address, [&](Caller caller, RedisSession& session) -> Result<Bytes> {
    WHORL_TRY(auto value, redis::get(caller, session, key));
    return std::move(value).value_or(Bytes());
  });
}

SpinV1Host::Answer<void> SpinV1Host::set(
    component::Call& call, std::string_view address, std::string_view key, ByteView value
) {
  return run(call, address, [&](Caller caller, RedisSession& session) {
    return redis::set(caller, session, key, value);
  });
}

SpinV1Host::Answer<std::int64_t> SpinV1Host::incr(
    component::Call& call, std::string_view address, std::string_view key
) {
  return run(call, address, [&](Caller caller, RedisSession& session) {
    return increment(caller, session, key);
  });
}

SpinV1Host::Answer<std::int64_t> SpinV1Host::del(
    component::Call& call, std::string_view address, std::vector<std::string_view> keys
) {
  return run(call, address, [&](Caller caller, RedisSession& session) {
    return redis::count(caller, session, "DEL", std::nullopt, keys);
  });
}

SpinV1Host::Answer<std::int64_t> SpinV1Host::sadd(
    component::Call& call,
    std::string_view address,
    std::string_view key,
    std::vector<std::string_view> values
) {
  return run(call, address, [&](Caller caller, RedisSession& session) {
    return redis::count(caller, session, "SADD", key, values);
  });
}

SpinV1Host::Answer<std::vector<std::string>> SpinV1Host::smembers(
    component::Call& call, std::string_view address, std::string_view key
) {
  return run(call, address, [&](Caller caller, RedisSession& session) {
    return members(caller, session, key);
  });
}

SpinV1Host::Answer<std::int64_t> SpinV1Host::srem(
    component::Call& call,
    std::string_view address,
    std::string_view key,
    std::vector<std::string_view> values
) {
  return run(call, address, [&](Caller caller, RedisSession& session) {
    return redis::count(caller, session, "SREM", key, values);
  });
}

SpinV1Host::Answer<std::vector<SpinV1Host::RedisResult>> SpinV1Host::execute(
    component::Call& call,
    std::string_view address,
    std::string_view command,
    std::vector<Parameter> arguments
) {
  return run(
      call,
      address,
      [&](Caller caller, RedisSession& session) -> Result<std::vector<RedisResult>> {
        const auto made = to_arguments(std::move(arguments));
        WHORL_TRY(auto parts, redis::execute(caller, session, command, made));
        return from_parts<RedisResult>(std::move(parts));
      }
  );
}

}  // namespace whorl::host::redis
