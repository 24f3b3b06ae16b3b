#include "host/mysql/mysql_client.hpp"

namespace whorl::host::mysql {

MysqlClient::MysqlClient(
    net_policy::Network& network, net_policy::PoolOptions pool, const MysqlTimes& times
)
    : network_(network), pool_options_(std::move(pool)), times_(times) {
  const auto& total = network.options().total;
  pool_options_.limits.insert(pool_options_.limits.end(), total.begin(), total.end());
}

MysqlClient::Pool& MysqlClient::pool(async::Shard& shard) {
  return pools_.get(shard, [&] { return std::make_shared<Pool>(shard, pool_options_); });
}

Outcome<MysqlClient::Lease> MysqlClient::lease(Caller caller, const MysqlAddress& address) {
  const auto deadline = async::Deadline::after(times_.connect);
  auto lease = pool(caller.shard).take(caller, address, deadline);
  if (!lease) {
    return std::unexpected(types::Error::connection_failed(lease.error().message()));
  }
  if (lease->connection() == nullptr) {
    auto made = MysqlConnection::open(caller, network_, address, deadline);
    if (!made) {
      return std::unexpected(std::move(made.error()));
    }
    lease->set(*std::move(made));
  }
  return *std::move(lease);
}

Outcome<std::shared_ptr<MysqlSession>> MysqlSession::open(
    Caller caller, MysqlClient& client, MysqlAddress address
) {
  auto lease = client.lease(caller, address);
  if (!lease) {
    return std::unexpected(std::move(lease.error()));
  }
  return std::make_shared<MysqlSession>(
      client, client.pool(caller.shard), std::move(address), *std::move(lease)
  );
}

MysqlSession::MysqlSession(
    MysqlClient& client, MysqlClient::Pool& pool, MysqlAddress address, MysqlClient::Lease lease
)
    : client_(client), pool_(pool), address_(std::move(address)), lease_(std::move(lease)) {}

MysqlSession::~MysqlSession() {
  if (!is_busy_ && !keeps_state_ && lease_.connection()->is_usable()) {
    pool_.give_back(address_, std::move(lease_));
  }
}

Outcome<types::RowSet> MysqlSession::query(
    Caller caller, std::string statement, std::vector<types::ParameterValue> parameters
) {
  while (is_busy_) {
    if (!async::wait_on(caller.fiber, idle_)) {
      return std::unexpected(types::Error::other("the guest was ended"));
    }
  }
  keeps_state_ = keeps_state_ || keeps_state(statement);
  is_busy_ = true;
  auto outcome = lease_.connection()->query(
      caller, statement, std::move(parameters), client_.answer_deadline()
  );
  is_busy_ = false;
  idle_.notify();
  return outcome;
}

}  // namespace whorl::host::mysql
