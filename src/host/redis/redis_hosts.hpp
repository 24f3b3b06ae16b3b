/// What guests import to use Redis: `spin:redis@3.0.0`, whose functions are asynchronous,
/// `fermyon:spin/redis@2.0.0` and the older `fermyon:spin/redis`. What their functions do is in
/// redis_functions.hpp, for any version of the interface.
#pragma once

#include "host/capability.hpp"
#include "host/redis/redis_functions.hpp"
#include "wit/fermyon_spin_redis.hpp"
#include "wit/fermyon_spin_redis_v1.hpp"
#include "wit/spin_redis_redis.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::host::redis {

/// fermyon:spin/redis@2.0.0
class SpinHost final : public wit::fermyon_spin_redis::Host {
 public:
  /// @param access  of the component
  /// @param count   of the instance; both outlive this object and its connections
  SpinHost(const RedisAccess& access, ConnectionCount& count) noexcept
      : access_(access), count_(count) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::fermyon_spin_redis::Connection>,
      wit::fermyon_spin_redis::Error>>
  connection_open(component::Call& call, std::string_view address) override;

 private:
  const RedisAccess& access_;
  ConnectionCount& count_;
};

/// spin:redis/redis@3.0.0
class Spin3Host final : public wit::spin_redis_redis::Host {
 public:
  /// As of SpinHost.
  Spin3Host(const RedisAccess& access, ConnectionCount& count) noexcept
      : access_(access), count_(count) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::spin_redis_redis::Connection>,
      wit::spin_redis_redis::Error>>
  connection_open(component::Call& call, std::string address) override;

 private:
  const RedisAccess& access_;
  ConnectionCount& count_;
};

/// fermyon:spin/redis without version: every call names the server. Keeps nothing of an instance.
class SpinV1Host final : public wit::fermyon_spin_redis_v1::Host {
 public:
  using Error = wit::fermyon_spin_redis_v1::Error;
  using Parameter = wit::fermyon_spin_redis_v1::RedisParameter;
  using RedisResult = wit::fermyon_spin_redis_v1::RedisResult;
  template <class T>
  using Answer = component::HostResult<std::expected<T, Error>>;

  explicit SpinV1Host(const RedisAccess& access) noexcept : access_(access) {}
  [[nodiscard]] Answer<void> publish(
      component::Call& call, std::string_view address, std::string_view channel, ByteView payload
  ) override;
  [[nodiscard]] Answer<Bytes> get(
      component::Call& call, std::string_view address, std::string_view key
  ) override;
  [[nodiscard]] Answer<void> set(
      component::Call& call, std::string_view address, std::string_view key, ByteView value
  ) override;
  [[nodiscard]] Answer<std::int64_t> incr(
      component::Call& call, std::string_view address, std::string_view key
  ) override;
  [[nodiscard]] Answer<std::int64_t> del(
      component::Call& call, std::string_view address, std::vector<std::string_view> keys
  ) override;
  [[nodiscard]] Answer<std::int64_t> sadd(
      component::Call& call,
      std::string_view address,
      std::string_view key,
      std::vector<std::string_view> values
  ) override;
  [[nodiscard]] Answer<std::vector<std::string>> smembers(
      component::Call& call, std::string_view address, std::string_view key
  ) override;
  [[nodiscard]] Answer<std::int64_t> srem(
      component::Call& call,
      std::string_view address,
      std::string_view key,
      std::vector<std::string_view> values
  ) override;
  [[nodiscard]] Answer<std::vector<RedisResult>> execute(
      component::Call& call,
      std::string_view address,
      std::string_view command,
      std::vector<Parameter> arguments
  ) override;

 private:
  /// Runs a function of RedisFunctions with a session of its own.
  template <class Function>
  auto run(component::Call& call, std::string_view address, Function function);

  const RedisAccess& access_;
};

/// The host objects of one instance.
class Hosts final : public InstanceHosts {
 public:
  /// @param access  outlives this object
  explicit Hosts(const RedisAccess& access) noexcept
      : spin(access, count), spin3(access, count), v1(access) {}
  void reset() noexcept override {}
  /// In the order of RedisKind::kInterfaces.
  [[nodiscard]] std::array<void*, 3> objects() noexcept {
    return {
        static_cast<wit::fermyon_spin_redis::Host*>(&spin),
        static_cast<wit::fermyon_spin_redis_v1::Host*>(&v1),
        static_cast<wit::spin_redis_redis::Host*>(&spin3),
    };
  }

  ConnectionCount count;
  SpinHost spin;
  Spin3Host spin3;
  SpinV1Host v1;
};

}  // namespace whorl::host::redis
