/// MysqlConnection: one connection to a MySQL or MariaDB server, over libmariadb without blocking.
/// @thread shard
#pragma once

#include "async/deadline.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"
#include "host/mysql/mysql_address.hpp"
#include "host/net_policy/network.hpp"
#include "wit/fermyon_spin_rdbms_types.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace whorl::host::mysql {

/// Version 2's types stand for all.
namespace types = wit::fermyon_spin_rdbms_types;

template <class T>
using Outcome = std::expected<T, types::Error>;

/// Bytes of one answer; a longer one is an error, and ends the connection.
inline constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{128} << 20;

class MysqlConnection {
 public:
  /// @return errors: connection-failed
  [[nodiscard]] static Outcome<std::unique_ptr<MysqlConnection>> open(
      Caller caller,
      net_policy::Network& network,
      const MysqlAddress& address,
      async::Deadline deadline
  );
  struct Impl;
  explicit MysqlConnection(std::unique_ptr<Impl> impl) noexcept;
  MysqlConnection(const MysqlConnection&) = delete;
  MysqlConnection& operator=(const MysqlConnection&) = delete;
  ~MysqlConnection();

  /// Runs one statement. @return its rows, none of a statement that has none; errors: query-failed,
  /// value-conversion-failed, bad-parameter, other
  [[nodiscard]] Outcome<types::RowSet> query(
      Caller caller,
      const std::string& statement,
      std::vector<types::ParameterValue> parameters,
      async::Deadline deadline
  );

  /// In good order, idle and outside of transactions.
  [[nodiscard]] bool is_usable() const;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace whorl::host::mysql
