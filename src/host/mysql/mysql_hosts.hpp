/// What guests import to use MySQL: `spin:mysql@3.0.0`, whose functions are asynchronous,
/// `fermyon:spin/mysql@2.0.0` and the older `fermyon:spin/mysql`.
#pragma once

#include "host/capability.hpp"
#include "host/mysql/mysql_client.hpp"
#include "http/allowed_hosts.hpp"
#include "wit/fermyon_spin_mysql.hpp"
#include "wit/fermyon_spin_mysql_v1.hpp"
#include "wit/spin_mysql_mysql.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::host::mysql {

/// What a component may use. @thread any (immutable)
struct MysqlAccess {
  std::shared_ptr<MysqlClient> client;
  http::AllowedHosts grants;
};

/// Opens a session with a server that the component was granted; any version's way in.
/// @return errors: connection-failed; the operator is told of what was not granted
[[nodiscard]] Outcome<std::shared_ptr<MysqlSession>> open_session(
    Caller caller, const MysqlAccess& access, std::string_view address
);

/// fermyon:spin/mysql@2.0.0. Like the others it keeps nothing of an instance.
class SpinHost final : public wit::fermyon_spin_mysql::Host {
 public:
  explicit SpinHost(const MysqlAccess& access) noexcept : access_(access) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::fermyon_spin_mysql::Connection>,
      wit::fermyon_spin_mysql::Error>>
  connection_open(component::Call& call, std::string_view address) override;

 private:
  const MysqlAccess& access_;
};

/// spin:mysql/mysql@3.0.0
class Spin3Host final : public wit::spin_mysql_mysql::Host {
 public:
  explicit Spin3Host(const MysqlAccess& access) noexcept : access_(access) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::spin_mysql_mysql::Connection>,
      wit::spin_mysql_mysql::Error>>
  connection_open(component::Call& call, std::string address) override;

 private:
  const MysqlAccess& access_;
};

/// fermyon:spin/mysql without version: every call names the server.
class SpinV1Host final : public wit::fermyon_spin_mysql_v1::Host {
 public:
  using MysqlError = wit::fermyon_spin_mysql_v1::MysqlError;
  using Parameter = wit::fermyon_spin_mysql_v1::ParameterValue;
  using RowSet = wit::fermyon_spin_mysql_v1::RowSet;

  explicit SpinV1Host(const MysqlAccess& access) noexcept : access_(access) {}
  [[nodiscard]] component::HostResult<std::expected<RowSet, MysqlError>> query(
      component::Call& call,
      std::string_view address,
      std::string_view statement,
      std::vector<Parameter> params
  ) override;
  [[nodiscard]] component::HostResult<std::expected<void, MysqlError>> execute(
      component::Call& call,
      std::string_view address,
      std::string_view statement,
      std::vector<Parameter> params
  ) override;

 private:
  const MysqlAccess& access_;
};

}  // namespace whorl::host::mysql
