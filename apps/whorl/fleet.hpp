/// Fleet: the shards of the process with everything that lives on each, as one thing to start, to
/// give a new version of the application, and to stop. @thread main
#pragma once

#include "edge.hpp"
#include "observatory.hpp"
#include "signals.hpp"

#include "async/shard.hpp"
#include "base/result.hpp"
#include "http/server.hpp"
#include "net/listener.hpp"
#include "runtime/platform.hpp"
#include "trigger/http/http_trigger.hpp"
#include "trigger/redis/guest_shards.hpp"
#include "trigger/redis/subscription.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace whorl {

class Fleet final : public trigger::GuestShards {
 public:
  using App = std::shared_ptr<const trigger::HttpApp>;

  /// @param count     shards
  /// @param platform, observatory  outlive the fleet
  Fleet(
      unsigned count,
      runtime::Platform& platform,
      Observatory& observatory,
      const Edge& edge,
      App app
  );
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;
  ~Fleet();

  [[nodiscard]] unsigned size() const noexcept { return shards_.size(); }
  /// Before start(), once or more. Requests that the application makes to itself go to the first
  /// address. @return errors: out of descriptors
  [[nodiscard]] Result<> listen(net::Listeners listeners);
  [[nodiscard]] Result<> start();

  // trigger::GuestShards
  void post(std::move_only_function<void(runtime::ShardRuntime&)> work) override;
  /// Keeps nothing of a service for events to come, on any shard. After start().
  void forget(const std::shared_ptr<const runtime::Service>& service);

  /// Has every shard forget a service whose slot has a better one, and the slot then let go of it.
  /// After start(). @thread any
  void forget_replaced(
      const std::shared_ptr<runtime::ServiceSlot>& slot,
      const std::shared_ptr<const runtime::Service>& old
  );

  /// Lets every shard answer from now on with another version of the application. Requests that
  /// have begun end on theirs.
  /// @param signals  notified when the last shard has it; outlives the shards
  void replace(App app, StopSignals& signals);
  /// Whether every shard has the version given last; true once for each.
  [[nodiscard]] bool take_replaced() noexcept;
  /// Lets go of versions that no request uses any more.
  void release_retired();
  [[nodiscard]] bool has_retired() const noexcept { return !retired_.empty(); }

  /// Lets every shard show other certificates to clients that come from now on.
  void set_tls(const std::shared_ptr<const net::TlsServerContext>& tls);

  using Subscriptions = std::vector<std::unique_ptr<trigger::Subscription>>;
  /// Lets requests in flight, and what was taken of subscriptions, end for so long; then ends the
  /// guests that are left, then the shards.
  /// @param patience  with clients that say nothing
  /// @param give_up  called in between: what requests wait for will not come any more. Tells no
  ///                 shard anything afterwards
  void stop(
      StopSignals& signals,
      const Subscriptions& subscriptions,
      async::Milliseconds drain_time,
      http::Patience patience,
      std::move_only_function<void()> give_up
  );
  /// Only after stop().
  [[nodiscard]] std::uint64_t instances_started() const;

 private:
  struct World;
  class DrainWatch;

  http::Scheme scheme_;
  async::ShardSet shards_;
  std::vector<std::unique_ptr<World>> worlds_;
  bool has_self_ = false;
  App app_;
  std::atomic<std::size_t> next_{0};  ///< whose turn post() finds
  /// Kept here so that a shard is not the one that takes a prepared component apart.
  std::vector<App> retired_;
  std::shared_ptr<std::atomic<unsigned>> replacing_;  ///< shards that have the old version still
};

}  // namespace whorl
