/// RedisClient: commands to Redis servers over connections that the host owns; RedisSession: what
/// one guest has opened.
///
/// A command borrows a pooled connection for as long as it takes, so that many guests share few
/// connections and none waits for another's answer. A session that changes its connection's state
/// (a transaction, another database, a subscription) keeps that connection to itself from then on,
/// and takes it along when it ends. @thread shard; one client serves all shards
#pragma once

#include "async/event.hpp"
#include "async/shard_local.hpp"
#include "host/net_policy/connection_pool.hpp"
#include "host/redis/redis_connection.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace whorl::host::redis {

struct RedisTimes {
  std::chrono::milliseconds connect{10'000};    ///< a place among the connections, TCP, TLS, AUTH
  std::chrono::milliseconds answer{30'000};     ///< from the command to the end of its reply
  std::chrono::milliseconds blocking{600'000};  ///< the same for commands that wait by themselves
};

class RedisClient {
 public:
  using Pool = net_policy::ConnectionPool<RedisAddress, RedisConnection>;
  using Lease = Pool::Lease;
  static constexpr std::uint64_t kDefaultConnections = 512;

  /// @param network  outlives the client
  /// @param pool     limits and idle times of every shard's pool
  RedisClient(
      net_policy::Network& network, net_policy::PoolOptions pool, const RedisTimes& times = {}
  );
  RedisClient(const RedisClient&) = delete;
  RedisClient& operator=(const RedisClient&) = delete;

  /// A connection, to be used alone and given back when it is idle again.
  /// @return errors: Overloaded (too many connections), RedisConnection::open()'s
  [[nodiscard]] Result<Lease> lease(Caller caller, const RedisAddress& address);
  void give_back(Caller caller, const RedisAddress& address, Lease lease);
  /// One command that leaves the connection as it was.
  /// @return its reply; errors: check_reply()'s, lease()'s, RedisConnection::command()'s
  [[nodiscard]] Result<Reply> run(
      Caller caller, const RedisAddress& address, const Command& command
  );
  /// As run(), on a connection that was leased.
  [[nodiscard]] Result<Reply> run_on(Caller caller, const Lease& lease, const Command& command);

 private:
  [[nodiscard]] Pool& pool(async::Shard& shard);
  [[nodiscard]] async::Deadline answer_deadline(const Command& command) const;

  net_policy::Network& network_;
  net_policy::PoolOptions pool_options_;
  RedisTimes times_;
  async::PerShard<Pool> pools_;
};

/// One guest's connection. Its commands run one after the other.
class RedisSession {
 public:
  /// @param client  outlives the session
  RedisSession(RedisClient& client, RedisAddress address)
      : client_(client), address_(std::move(address)) {}
  RedisSession(const RedisSession&) = delete;
  RedisSession& operator=(const RedisSession&) = delete;

  [[nodiscard]] const RedisAddress& address() const noexcept { return address_; }
  /// Makes sure that the server is there and lets us in.
  [[nodiscard]] Result<> check(Caller caller);
  /// @param words  copied before anything waits
  /// @return errors: RedisClient::run()'s
  [[nodiscard]] Result<Reply> run(Caller caller, Words words);

 private:
  [[nodiscard]] Result<Reply> run_alone(Caller caller, const Command& command);

  RedisClient& client_;
  RedisAddress address_;
  std::optional<RedisClient::Lease> own_;  ///< its connection, once it has changed its state
  bool is_lost_ = false;                   ///< the own connection broke: its state is gone
  bool is_busy_ = false;
  async::Event idle_;
};

}  // namespace whorl::host::redis
