/// RedisListener: subscribes to the channels of one server and gives every message to its
/// components.
///
/// It waits on a thread of its own, so that no shard is slowed by a flood; guests run on all
/// shards, many messages at once and in no particular order. When too many are under way it reads
/// no further. A connection that is lost or silent is made again, at growing intervals; what was
/// published meanwhile is lost, as pub/sub is.
#pragma once

#include "async/blocking_pool.hpp"
#include "host/main_caller.hpp"
#include "host/net_policy/network.hpp"
#include "host/redis/redis_connection.hpp"
#include "runtime/shard_runtime.hpp"
#include "trigger/redis/redis_app.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace whorl::trigger {

/// The shards that run guests.
class GuestShards {
 public:
  /// Runs `work` on one of them, taking turns. @thread any
  virtual void post(std::move_only_function<void(runtime::ShardRuntime&)> work) = 0;

 protected:
  ~GuestShards() = default;
};

class RedisListener {
 public:
  /// Messages that are being handled at once, at most; one that goes to two components is two.
  static constexpr std::size_t kMaxInFlight = 256;

  /// @param network, shards  outlive the listener
  RedisListener(host::net_policy::Network& network, RedisSource source, GuestShards& shards);
  RedisListener(const RedisListener&) = delete;
  RedisListener& operator=(const RedisListener&) = delete;
  /// stop()s.
  ~RedisListener();

  /// @return errors: Unavailable when there is no thread to be had. @thread main
  [[nodiscard]] Result<> start();
  /// Takes no further message; those under way are not waited for. @thread main
  void stop();

 private:
  using Connection = std::unique_ptr<host::redis::RedisConnection>;

  /// The thread's work: until it is stopped.
  void run();
  [[nodiscard]] Result<Connection> subscribe(host::Caller caller);
  /// Reads messages until the connection is of no use any more. @return why
  [[nodiscard]] Result<> listen(host::Caller caller, host::redis::RedisConnection& connection);
  [[nodiscard]] Result<> on_reply(host::Caller caller, host::redis::Reply reply);
  void deliver(
      std::shared_ptr<runtime::ServiceSlot> service,
      runtime::Message message,
      const std::string& channel
  );

  host::net_policy::Network& network_;
  RedisSource source_;
  GuestShards& shards_;
  /// Of the thread; shared with completions, which may come later than the listener lives.
  struct Progress {
    host::MainCaller waiting;
    std::size_t in_flight = 0;
    async::Event changed;
  };
  std::shared_ptr<Progress> progress_ = std::make_shared<Progress>();
  std::atomic<bool> is_stopping_ = false;
  async::BlockingPool thread_{1, 1};  ///< last: it is gone before what it uses
};

}  // namespace whorl::trigger
