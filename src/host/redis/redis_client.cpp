#include "host/redis/redis_client.hpp"

#include <utility>

namespace whorl::host::redis {
namespace {

/// Ends a session's turn.
class Turn {
 public:
  Turn(bool& is_busy, async::Event& idle) noexcept : is_busy_(is_busy), idle_(idle) {
    is_busy_ = true;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    is_busy_ = false;
    idle_.notify();
  }

 private:
  bool& is_busy_;
  async::Event& idle_;
};

}  // namespace

RedisClient::RedisClient(
    net_policy::Network& network, net_policy::PoolOptions pool, const RedisTimes& times
)
    : network_(network), pool_options_(std::move(pool)), times_(times) {
  const auto& total = network.options().total;
  pool_options_.limits.insert(pool_options_.limits.end(), total.begin(), total.end());
}

RedisClient::Pool& RedisClient::pool(async::Shard& shard) {
  return pools_.get(shard, [&] { return std::make_shared<Pool>(shard, pool_options_); });
}

async::Deadline RedisClient::answer_deadline(const Command& command) const {
  return async::Deadline::after(command.may_block() ? times_.blocking : times_.answer);
}

Result<RedisClient::Lease> RedisClient::lease(Caller caller, const RedisAddress& address) {
  const auto deadline = async::Deadline::after(times_.connect);
  WHORL_TRY(Lease lease, pool(caller.shard).take(caller, address, deadline));
  if (lease.connection() == nullptr) {
    WHORL_TRY(auto made, RedisConnection::open(caller, network_, address, deadline));
    lease.set(std::move(made));
  }
  return lease;
}

void RedisClient::give_back(Caller caller, const RedisAddress& address, Lease lease) {
  pool(caller.shard).give_back(address, std::move(lease));
}

Result<Reply> RedisClient::run_on(Caller caller, const Lease& lease, const Command& command) {
  return lease.connection()->command(caller, command, answer_deadline(command));
}

Result<Reply> RedisClient::run(Caller caller, const RedisAddress& address, const Command& command) {
  WHORL_TRY(Lease held, lease(caller, address));
  WHORL_TRY(Reply reply, run_on(caller, held, command));
  give_back(caller, address, std::move(held));
  WHORL_CHECKED(check_reply(reply));
  return reply;
}

Result<> RedisSession::check(Caller caller) {
  WHORL_TRY(auto lease, client_.lease(caller, address_));
  client_.give_back(caller, address_, std::move(lease));
  return {};
}

Result<Reply> RedisSession::run(Caller caller, Words words) {
  const Command command(words);
  while (is_busy_) {
    WHORL_CHECKED(async::wait_on(caller.fiber, idle_));
  }
  if (!own_ && !is_lost_ && !command.changes_connection()) {
    return client_.run(caller, address_, command);
  }
  const Turn turn(is_busy_, idle_);
  return run_alone(caller, command);
}

Result<Reply> RedisSession::run_alone(Caller caller, const Command& command) {
  if (is_lost_) {
    // A transaction or a subscription was lost with it: going on elsewhere would hide that.
    return fail(ErrorKind::Disconnected, "the connection to the server is broken");
  }
  if (!own_) {
    WHORL_TRY(own_, client_.lease(caller, address_));
  }
  auto reply = client_.run_on(caller, *own_, command);
  if (!reply) {
    own_.reset();
    is_lost_ = true;
    return reply;
  }
  WHORL_CHECKED(check_reply(*reply));
  return reply;
}

}  // namespace whorl::host::redis
