/// PgClient: pooled connections to PostgreSQL servers; PgSession: what one guest has opened.
///
/// A session keeps a connection to itself while it lives, since statements leave things behind that
/// the next one may build on: transactions, settings. Afterwards the connection serves others, if
/// nothing of that kind was done; otherwise it is closed, and the server rolls back what was not
/// committed. @thread shard; one client serves all shards
#pragma once

#include "async/event.hpp"
#include "async/shard_local.hpp"
#include "host/net_policy/connection_pool.hpp"
#include "host/postgres/pg_connection.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::host::postgres {

struct PgTimes {
  std::chrono::milliseconds connect{10'000};  ///< a place among the connections, TCP, TLS, login
  std::chrono::milliseconds answer{60'000};   ///< from a statement to the end of its results
};

class PgClient {
 public:
  using Pool = net_policy::ConnectionPool<PgAddress, PgConnection>;
  using Lease = Pool::Lease;
  static constexpr std::uint64_t kDefaultConnections = 64;

  /// @param network  outlives the client
  PgClient(net_policy::Network& network, net_policy::PoolOptions pool, const PgTimes& times = {});
  PgClient(const PgClient&) = delete;
  PgClient& operator=(const PgClient&) = delete;

  /// @return errors: connection-failed
  [[nodiscard]] Outcome<Lease> lease(Caller caller, const PgAddress& address);
  [[nodiscard]] Pool& pool(async::Shard& shard);
  [[nodiscard]] async::Deadline answer_deadline() const {
    return async::Deadline::after(times_.answer);
  }

 private:
  net_policy::Network& network_;
  net_policy::PoolOptions pool_options_;
  PgTimes times_;
  async::PerShard<Pool> pools_;
};

/// One guest's connection. Its statements run one after the other.
class PgSession {
 public:
  /// Connects. @param client  outlives the session
  [[nodiscard]] static Outcome<std::shared_ptr<PgSession>> open(
      Caller caller, PgClient& client, PgAddress address
  );
  /// For open().
  PgSession(PgClient& client, PgClient::Pool& pool, PgAddress address, PgClient::Lease lease);
  PgSession(const PgSession&) = delete;
  PgSession& operator=(const PgSession&) = delete;
  ~PgSession();

  [[nodiscard]] Outcome<v4::RowSet> query(
      Caller caller, std::string statement, Parameters parameters
  );
  [[nodiscard]] Outcome<std::uint64_t> execute(
      Caller caller, std::string statement, Parameters parameters
  );

 private:
  template <class T, class Run>
  Outcome<T> in_turn(Caller caller, std::string_view statement, Run run);

  PgClient& client_;
  PgClient::Pool& pool_;
  PgAddress address_;
  PgClient::Lease lease_;
  bool keeps_state_ = false;
  bool is_busy_ = false;
  async::Event idle_;
};

/// Whether a statement may leave something on its connection that a transaction's end does not take
/// away. What functions do inside the server is not seen.
[[nodiscard]] bool keeps_state(std::string_view statement);

}  // namespace whorl::host::postgres
