/// MySQL as a capability: what the runtime plugs in.
#pragma once

#include "host/mysql/mysql_hosts.hpp"
#include "host/net_policy/client_capability.hpp"

#include <array>

namespace whorl::host::mysql {

/// The kind of client.
struct MysqlKind {
  using Client = MysqlClient;
  using Access = MysqlAccess;
  static constexpr std::array<const component::HostInterface*, 3> kInterfaces{
      &wit::fermyon_spin_mysql::kInterface,
      &wit::fermyon_spin_mysql_v1::kInterface,
      &wit::spin_mysql_mysql::kInterface,
  };
  /// They keep nothing of an instance.
  struct Hosts {
    explicit Hosts(const MysqlAccess& access) noexcept : spin(access), v1(access), spin3(access) {}
    [[nodiscard]] std::array<void*, 3> objects() noexcept {
      return {
          static_cast<wit::fermyon_spin_mysql::Host*>(&spin),
          static_cast<wit::fermyon_spin_mysql_v1::Host*>(&v1),
          static_cast<wit::spin_mysql_mysql::Host*>(&spin3),
      };
    }

    SpinHost spin;
    SpinV1Host v1;
    Spin3Host spin3;
  };
};

using MysqlCapability = net_policy::ClientCapability<MysqlKind>;
using AppMysqlCapability = net_policy::AppClientCapability<MysqlKind>;

}  // namespace whorl::host::mysql
