/// Subscription: something that is listened to, on a thread of its own, so that no shard is slowed
/// by a flood.
///
/// The thread runs a loop of its own while it waits. A connection that is lost or silent is made
/// again, at growing intervals. drain() ends it in order: nothing new is taken, what was taken is
/// handled, and only then it is idle. @thread main, but for what is marked
#pragma once

#include "async/blocking_pool.hpp"
#include "async/deadline.hpp"
#include "async/event.hpp"
#include "base/result.hpp"
#include "host/main_caller.hpp"
#include "host/net_policy/network.hpp"
#include "host/redis/redis_connection.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace whorl::trigger {

class Subscription {
 public:
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  virtual ~Subscription();

  /// @return errors: Unavailable when there is no thread to be had
  [[nodiscard]] Result<> start();
  /// Takes nothing new from now on. @param on_idle  called once is_idle(), on another thread
  void drain(std::move_only_function<void()> on_idle);
  /// Drained: all that was taken has been handled, and whoever is to know of it was told.
  /// @thread any
  [[nodiscard]] bool is_idle() const noexcept { return is_idle_.load(); }

 protected:
  using Connection = std::unique_ptr<host::redis::RedisConnection>;
  /// To connect, and for an answer that is due.
  static constexpr std::chrono::seconds kPatience{10};

  /// Of the thread. What completes elsewhere is posted to `waiting.shard()`; it may come later than
  /// the subscription lives, so that what is queued there holds none of this but weakly.
  struct Loop {
    host::MainCaller waiting;
    async::Event changed;  ///< fires after every completion, and when draining begins
    bool is_draining = false;
    std::move_only_function<void()> on_idle{};
  };

  /// @param place  the server, for logs: without credentials
  Subscription(host::net_policy::Network& network, host::redis::RedisAddress address);
  /// Ends the thread, whatever it does. For the destructor of every derived class.
  void stop();

  /// The thread's work. Returns without an error when it has drained, and with one when a
  /// connection cannot be made or is of no use any more: then it is called again. @thread its own
  [[nodiscard]] virtual Result<> serve(host::Caller caller) = 0;
  /// Whether nothing is left to do but to end, while there is no connection. @thread its own
  [[nodiscard]] virtual bool has_drained() const = 0;

  /// A connection to the server. @thread its own
  [[nodiscard]] Result<Connection> connect(host::Caller caller);
  /// All is well: the next failure is the first one. @thread its own
  void note_connected();
  /// Waits for something to complete, or `connection` to have something to say, or the deadline.
  /// @return errors: Cancelled. @thread its own
  [[nodiscard]] Result<> wait(
      host::Caller caller, host::redis::RedisConnection* connection, async::Deadline deadline
  );
  [[nodiscard]] Loop& loop() const noexcept { return *loop_; }
  [[nodiscard]] const std::shared_ptr<Loop>& shared_loop() const noexcept { return loop_; }
  [[nodiscard]] const std::string& place() const noexcept { return place_; }

 private:
  void run();
  /// Before the next try.
  void rest(host::Caller caller);

  host::net_policy::Network& network_;
  host::redis::RedisAddress address_;
  std::string place_;
  std::shared_ptr<Loop> loop_ = std::make_shared<Loop>();
  bool is_connected_ = false;  ///< of the thread
  std::chrono::milliseconds pause_;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<bool> is_idle_ = false;
  async::BlockingPool thread_{1, 1};  ///< last: it is gone before what it uses
};

}  // namespace whorl::trigger
