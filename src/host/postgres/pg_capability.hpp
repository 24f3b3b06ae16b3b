/// PostgreSQL as a capability: what the runtime plugs in.
#pragma once

#include "host/net_policy/client_capability.hpp"
#include "host/postgres/pg_hosts.hpp"

#include <array>

namespace whorl::host::postgres {

/// The kind of client.
struct PgKind {
  using Client = PgClient;
  using Access = PgAccess;
  static constexpr std::array<const component::HostInterface*, 4> kInterfaces{
      &wit::spin_postgres_postgres::kInterface,
      &wit::spin_postgres_postgres_v3::kInterface,
      &wit::fermyon_spin_postgres::kInterface,
      &wit::fermyon_spin_postgres_v1::kInterface,
  };
  /// They keep nothing of an instance.
  struct Hosts {
    explicit Hosts(const PgAccess& access) noexcept
        : spin4(access), spin3(access), spin(access), v1(access) {}
    [[nodiscard]] std::array<void*, 4> objects() noexcept {
      return {
          static_cast<wit::spin_postgres_postgres::Host*>(&spin4),
          static_cast<wit::spin_postgres_postgres_v3::Host*>(&spin3),
          static_cast<wit::fermyon_spin_postgres::Host*>(&spin),
          static_cast<wit::fermyon_spin_postgres_v1::Host*>(&v1),
      };
    }

    Spin4Host spin4;
    Spin3Host spin3;
    SpinHost spin;
    SpinV1Host v1;
  };
};

using PgCapability = net_policy::ClientCapability<PgKind>;
using AppPgCapability = net_policy::AppClientCapability<PgKind>;

}  // namespace whorl::host::postgres
