/// ShardRuntime: the guests of one shard: admission, turns, deadlines, drain.
///
/// @thread shard, all but what is marked
#pragma once

#include "async/event.hpp"
#include "async/timer.hpp"
#include "base/local_ptr.hpp"
#include "http/client.hpp"
#include "http/exchange.hpp"
#include "http/outbound.hpp"
#include "runtime/instance_pool.hpp"
#include "runtime/message.hpp"
#include "runtime/platform.hpp"
#include "runtime/service.hpp"
#include "runtime/shared_guests.hpp"
#include "runtime/turns.hpp"
#include "runtime/waiting_room.hpp"
#include "telemetry/limits.hpp"
#include "wasi/shard_blocking_work.hpp"
#include "wasi/shard_timers.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_set>

namespace whorl::async {
class Shard;
}

namespace whorl::runtime {

class Invocation;

class ShardRuntime {
 public:
  /// @param platform  shared by all shards; both outlive this object
  ShardRuntime(async::Shard& shard, Platform& platform);
  ShardRuntime(const ShardRuntime&) = delete;
  ShardRuntime& operator=(const ShardRuntime&) = delete;
  ~ShardRuntime();

  /// Answers a request with an instance of the service that no event has left a trace in. With no
  /// instance to be had the client gets 503 with Retry-After.
  void serve(const std::shared_ptr<const Service>& service, LocalPtr<http::Exchange> exchange);
  /// Runs a service's command with what `command` gives it; a trap answers the exchange, the end of
  /// the command is told to `command`, which answers it.
  void run_command(
      const std::shared_ptr<const Service>& service,
      LocalPtr<http::Exchange> exchange,
      LocalPtr<Command> command
  );

  /// Where events are counted; before the first one. @param metrics  outlives this object
  void set_metrics(telemetry::ShardMetrics& metrics) noexcept;
  /// Gives a message to a service. The exchange tells what became of it, as a status: 200; 500 when
  /// the component says that it failed, or ended; 503 when there is no instance to be had now.
  void deliver(
      const std::shared_ptr<const Service>& service,
      LocalPtr<http::Exchange> exchange,
      Message message
  );

  /// The service was replaced: nothing of it is kept for events to come.
  void forget(const Service& service) {
    pool_.forget(service);
    shared_.forget(service);
  }

  /// Ends every guest that is still alive; their clients' answers are cut.
  void cancel_all(std::string_view reason);
  /// Guests alive now, and events that wait for one.
  [[nodiscard]] std::size_t in_flight() const noexcept {
    return waiting_.size() + room_.size() + turns_.beginnings();
  }

  /// Events since the start, each in an instance of its own.
  [[nodiscard]] std::uint64_t instances_started() const noexcept { return instances_started_; }
  /// Where guests' HTTP requests go; told of the application's own address and components before
  /// anything is served.
  [[nodiscard]] http::Outbound& outbound() noexcept { return outbound_; }
  /// Fires when in_flight() has become 0.
  [[nodiscard]] async::Event& empty_event() noexcept { return empty_event_; }

  // --- for Invocation --------------------------------------------------------------------------
  [[nodiscard]] async::Shard& shard() noexcept { return shard_; }
  [[nodiscard]] const Platform& platform() const noexcept { return platform_; }
  [[nodiscard]] Turns& turns() noexcept { return turns_; }
  [[nodiscard]] InstancePool& pool() noexcept { return pool_; }
  [[nodiscard]] SharedGuests& shared() noexcept { return shared_; }
  [[nodiscard]] wasi::Timers& timers() noexcept { return timers_; }
  /// An event of a component is over: another one may have its place.
  void place_is_free();
  /// The guest did not end at once: keep it, and watch its deadline.
  void keep(LocalPtr<GuestRun> guest);
  void release(const LocalPtr<GuestRun>& guest);

 private:
  /// Wakes the sweep.
  class Sweep final : public async::Waiter {
   public:
    explicit Sweep(ShardRuntime& runtime) noexcept : runtime_(runtime) {}
    void on_event() noexcept override;

   private:
    ShardRuntime& runtime_;
  };

  /// A place among all instances, at the cost of an idle one if need be; or none.
  [[nodiscard]] InstanceGate::Place enter();
  /// Takes a place among the events of the service that are under way. @return whether it has one,
  /// or needs none
  [[nodiscard]] bool admit(const Service& service, InstanceGate::Place& place) noexcept;
  /// Lets an event without a place wait for one, or refuses the client.
  void wait_or_refuse(
      const std::shared_ptr<const Service>& service,
      const LocalPtr<http::Exchange>& exchange,
      WaitingRoom::Resume resume
  );
  void refuse_crowd(
      const std::shared_ptr<const Service>& service,
      http::Exchange& exchange,
      telemetry::Limit limit,
      std::string_view why
  );
  /// Places may have become free.
  void serve_waiting();
  /// Fewer may be in flight: tells who waits for the last of them.
  void note_fewer() noexcept;
  /// 503 with Retry-After for the client, the limit's name for the log.
  static void refuse(
      const Service& service, http::Exchange& exchange, telemetry::Limit limit, std::string_view why
  );
  /// Serves an event; without a guest the client is refused.
  /// @param place  held until the event has ended
  void start(
      const Service& service,
      std::unique_ptr<Guest> guest,
      LocalPtr<http::Exchange> exchange,
      InstanceGate::Place place,
      Message message = nullptr
  );
  /// Serves an event by an instance that serves others, too.
  void serve_shared(
      const std::shared_ptr<const Service>& service,
      LocalPtr<http::Exchange> exchange,
      InstanceGate::Place place
  );
  /// The same, or by one of its own, as the service is.
  void dispatch(
      const std::shared_ptr<const Service>& service,
      LocalPtr<http::Exchange> exchange,
      InstanceGate::Place place
  );
  /// Begins an event of a component that gives way, unless it waits too long or its client goes.
  void begin_in_turn(
      const std::shared_ptr<const Service>& service,
      const LocalPtr<http::Exchange>& exchange,
      std::move_only_function<void()> begin
  );
  /// Whether an event of the service is to give way to others' before it begins.
  [[nodiscard]] bool gives_way(
      const std::shared_ptr<const Service>& service, const http::Exchange& exchange
  ) noexcept;
  void run_now(
      const std::shared_ptr<const Service>& service,
      LocalPtr<http::Exchange> exchange,
      InstanceGate::Place place
  );
  void refuse_full(const Service& service, http::Exchange& exchange);
  /// A guest for an event: a kept one, else a new one; null when there is no room.
  [[nodiscard]] std::unique_ptr<Guest> make_guest(const std::shared_ptr<const Service>& service);
  void schedule_sweep();
  void sweep();

  /// How often the deadlines of waiting guests are looked at: how much later than its limit a guest
  /// may be ended.
  static constexpr std::chrono::milliseconds kSweepInterval{50};

  async::Shard& shard_;
  Platform& platform_;
  wasi::ShardTimers timers_;
  Turns turns_;
  wasi::ShardBlockingWork blocking_;
  http::Client client_;
  http::Outbound outbound_;
  wasi::NetworkAccess network_;
  GuestSurroundings around_;
  InstancePool pool_;
  SharedGuests shared_;
  std::unordered_set<LocalPtr<GuestRun>> waiting_;
  WaitingRoom room_;
  std::uint64_t instances_started_ = 0;
  async::Event empty_event_;
  async::Timer sweep_timer_;
  Sweep sweep_;
};

}  // namespace whorl::runtime
