/// What guests import to use PostgreSQL: `spin:postgres@4`, which has asynchronous functions too,
/// and
/// `@3`, `fermyon:spin/postgres@2.0.0` and the older `fermyon:spin/postgres`.
#pragma once

#include "host/capability.hpp"
#include "host/kept_memory.hpp"
#include "host/postgres/pg_client.hpp"
#include "http/allowed_hosts.hpp"
#include "wit/fermyon_spin_postgres.hpp"
#include "wit/fermyon_spin_postgres_v1.hpp"
#include "wit/spin_postgres_postgres.hpp"
#include "wit/spin_postgres_postgres_v3.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::host::postgres {

/// What a component may use. @thread any (immutable)
struct PgAccess {
  std::shared_ptr<PgClient> client;
  http::AllowedHosts grants;
  /// Of connection-builders.
  std::shared_ptr<KeptMemory> kept = std::make_shared<KeptMemory>(std::uint64_t{16} << 20);
};

/// Opens a session with servers that the component was granted, all of them; any version's way in.
/// @param ca_root  PEM; empty: the system's roots
/// @return errors: connection-failed; the operator is told of what was not granted
[[nodiscard]] Outcome<std::shared_ptr<PgSession>> open_session(
    Caller caller, const PgAccess& access, std::string_view address, std::string ca_root = {}
);

/// spin:postgres/postgres@4. Like all here it keeps nothing of an instance.
class Spin4Host final : public wit::spin_postgres_postgres::Host {
 public:
  explicit Spin4Host(const PgAccess& access) noexcept : access_(access) {}
  [[nodiscard]] component::HostResult<
      component::Own<wit::spin_postgres_postgres::ConnectionBuilder>>
  connection_builder_new(component::Call& call, std::string_view address) override;
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::spin_postgres_postgres::Connection>,
      wit::spin_postgres_postgres::Error>>
  connection_open(component::Call& call, std::string_view address) override;
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::spin_postgres_postgres::Connection>,
      wit::spin_postgres_postgres::Error>>
  connection_open_async(component::Call& call, std::string address) override;

 private:
  const PgAccess& access_;
};

/// spin:postgres/postgres@3
class Spin3Host final : public wit::spin_postgres_postgres_v3::Host {
 public:
  explicit Spin3Host(const PgAccess& access) noexcept : access_(access) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::spin_postgres_postgres_v3::Connection>,
      wit::spin_postgres_postgres_v3::Error>>
  connection_open(component::Call& call, std::string_view address) override;

 private:
  const PgAccess& access_;
};

/// fermyon:spin/postgres@2.0.0
class SpinHost final : public wit::fermyon_spin_postgres::Host {
 public:
  explicit SpinHost(const PgAccess& access) noexcept : access_(access) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::fermyon_spin_postgres::Connection>,
      wit::fermyon_spin_postgres::Error>>
  connection_open(component::Call& call, std::string_view address) override;

 private:
  const PgAccess& access_;
};

/// fermyon:spin/postgres without version: every call names the server.
class SpinV1Host final : public wit::fermyon_spin_postgres_v1::Host {
 public:
  using PgError = wit::fermyon_spin_postgres_v1::PgError;
  using Parameter = wit::fermyon_spin_postgres_v1::ParameterValue;
  using RowSet = wit::fermyon_spin_postgres_v1::RowSet;

  explicit SpinV1Host(const PgAccess& access) noexcept : access_(access) {}
  [[nodiscard]] component::HostResult<std::expected<RowSet, PgError>> query(
      component::Call& call,
      std::string_view address,
      std::string_view statement,
      std::vector<Parameter> params
  ) override;
  [[nodiscard]] component::HostResult<std::expected<std::uint64_t, PgError>> execute(
      component::Call& call,
      std::string_view address,
      std::string_view statement,
      std::vector<Parameter> params
  ) override;

 private:
  const PgAccess& access_;
};

}  // namespace whorl::host::postgres
