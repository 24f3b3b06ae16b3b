/// MysqlClient: pooled connections to MySQL servers; MysqlSession: what one guest has opened, which
/// keeps a connection to itself while it lives. Afterwards the connection serves others, unless
/// something was left on it; then it is closed. @thread shard; one client serves all shards
#pragma once

#include "async/event.hpp"
#include "async/shard_local.hpp"
#include "host/mysql/mysql_connection.hpp"
#include "host/net_policy/connection_pool.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace whorl::host::mysql {

struct MysqlTimes {
  std::chrono::milliseconds connect{10'000};  ///< a place among the connections, TCP, TLS, login
  std::chrono::milliseconds answer{60'000};   ///< from a statement to the end of its results
};

class MysqlClient {
 public:
  using Pool = net_policy::ConnectionPool<MysqlAddress, MysqlConnection>;
  using Lease = Pool::Lease;
  static constexpr std::uint64_t kDefaultConnections = 64;

  /// @param network  outlives the client
  MysqlClient(
      net_policy::Network& network, net_policy::PoolOptions pool, const MysqlTimes& times = {}
  );
  MysqlClient(const MysqlClient&) = delete;
  MysqlClient& operator=(const MysqlClient&) = delete;

  /// @return errors: connection-failed
  [[nodiscard]] Outcome<Lease> lease(Caller caller, const MysqlAddress& address);
  [[nodiscard]] Pool& pool(async::Shard& shard);
  [[nodiscard]] async::Deadline answer_deadline() const {
    return async::Deadline::after(times_.answer);
  }

 private:
  net_policy::Network& network_;
  net_policy::PoolOptions pool_options_;
  MysqlTimes times_;
  async::PerShard<Pool> pools_;
};

/// One guest's connection. Its statements run one after the other.
class MysqlSession {
 public:
  /// Connects. @param client  outlives the session
  [[nodiscard]] static Outcome<std::shared_ptr<MysqlSession>> open(
      Caller caller, MysqlClient& client, MysqlAddress address
  );
  /// For open().
  MysqlSession(
      MysqlClient& client, MysqlClient::Pool& pool, MysqlAddress address, MysqlClient::Lease lease
  );
  MysqlSession(const MysqlSession&) = delete;
  MysqlSession& operator=(const MysqlSession&) = delete;
  ~MysqlSession();

  /// @return errors: MysqlConnection::query()'s
  [[nodiscard]] Outcome<types::RowSet> query(
      Caller caller, std::string statement, std::vector<types::ParameterValue> parameters
  );

 private:
  MysqlClient& client_;
  MysqlClient::Pool& pool_;
  MysqlAddress address_;
  MysqlClient::Lease lease_;
  bool keeps_state_ = false;
  bool is_busy_ = false;
  async::Event idle_;
};

}  // namespace whorl::host::mysql
