/// RedisListener: subscribes to the channels of one server and gives every message to its
/// components.
///
/// Guests run on all shards, many messages at once and in no particular order; a source that is
/// ordered has one message under way, and the next begins when all components are done with it.
/// When too many are under way it reads no further. What was published while there was no
/// connection is lost, as pub/sub is; what was received when draining begins is handled.
#pragma once

#include "trigger/redis/delivery.hpp"
#include "trigger/redis/redis_app.hpp"
#include "trigger/redis/subscription.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace whorl::trigger {

class RedisListener final : public Subscription {
 public:
  /// Messages that are being handled at once, at most; one that goes to two components is two.
  static constexpr std::size_t kMaxInFlight = 256;

  /// @param network, shards  outlive the listener
  RedisListener(host::net_policy::Network& network, RedisSource source, GuestShards& shards);
  ~RedisListener() override { stop(); }

 protected:
  [[nodiscard]] Result<> serve(host::Caller caller) override;
  [[nodiscard]] bool has_drained() const override { return progress_->in_flight == 0; }

 private:
  /// Says a command of all channels.
  [[nodiscard]] Result<> say(
      host::Caller caller, host::redis::RedisConnection& connection, std::string_view command
  );
  /// The next reply, whatever it takes; nothing when draining begins.
  [[nodiscard]] Result<std::optional<host::redis::Reply>> next(
      host::Caller caller, host::redis::RedisConnection& connection, bool is_leaving
  );
  /// @return whether it was the last one: all channels are left
  [[nodiscard]] Result<bool> on_reply(host::Caller caller, host::redis::Reply reply);
  void deliver(
      std::shared_ptr<runtime::ServiceSlot> service,
      runtime::Message message,
      const std::string& channel
  );

  RedisSource source_;
  GuestShards& shards_;
  /// Of the thread.
  struct Progress {
    std::size_t in_flight = 0;
  };
  std::shared_ptr<Progress> progress_ = std::make_shared<Progress>();
};

}  // namespace whorl::trigger
