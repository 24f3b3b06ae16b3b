#include "app_runner.hpp"

#include "edge.hpp"
#include "fleet.hpp"
#include "listening.hpp"
#include "run_options.hpp"
#include "signals.hpp"
#include "versions.hpp"

#include "app/startup_output.hpp"
#include "async/shard.hpp"
#include "engine/late.hpp"
#include "log/guest_output.hpp"
#include "log/log.hpp"
#include "log/terminal.hpp"
#include "net/listener.hpp"
#include "trigger/redis/redis_listener.hpp"
#include "trigger/redis/stream_listener.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace whorl {
namespace {

constexpr std::string_view kLogTarget = "whorl::trigger";
/// How often is looked whether a version that was replaced is still in use.
constexpr std::chrono::seconds kRetireInterval{1};
/// How often is looked whether the files of certificates have changed.
constexpr std::chrono::seconds kTlsInterval{5};

/// Runs an application: its first version and those that replace it.
class Run {
 public:
  /// @param versions  makes them; all outlive this object
  Run(const cli::UpRequest& request, VersionMaker& versions, StopSignals& signals)
      : request_(request), versions_(versions), signals_(signals) {}

  /// Serves until the program is to stop.
  Result<> serve() {
    cli::Runnable runnable = request_.runnable;
    while (true) {
      auto served = serve_one(std::move(runnable));
      if (served || !request_.source->keeps_going()) {
        return served;
      }
      request_.source->on_reloaded(&served.error());
      runnable = {};
    }
  }

 private:
  /// Serves what is given, or what the source has as soon as it has something.
  Result<> serve_one(cli::Runnable runnable) {
    if (runnable.app == nullptr) {
      if (!wait_for_source()) {
        return {};
      }
      WHORL_TRY(runnable, request_.source->load());
    }
    WHORL_TRY(auto first, versions_.first(runnable));
    auto served = serve_from(std::move(first));
    return served ? Result<>() : trigger_failed(served.take_error());
  }

  /// @return false when the program is to stop
  bool wait_for_source() {
    while (true) {
      switch (signals_.wait(async::Deadline::never(), request_.source->event_fd())) {
        case StopSignals::Cause::Stop:
          return false;
        case StopSignals::Cause::Reload:
          return true;
        case StopSignals::Cause::Readable:
          if (request_.source->is_due()) {
            return true;
          }
          break;
        default:
          break;
      }
    }
  }

  Result<> serve_from(Version first) {
    const unsigned shards =
        request_.threads == 0 ? async::ShardSet::default_count() : request_.threads;
    WHORL_TRY(const Edge edge, make_edge(request_, shards));
    WHORL_CHECKED(versions_.background().start());
    Fleet fleet(shards, versions_.platform(), versions_.observatory(), edge, first.http);
    // Nobody is invited before there is something to serve with.
    WHORL_CHECKED(engine::wait_until_made(*versions_.platform().engine()));
    if (!first.http->triggers.empty() || first.redis.is_empty()) {
      WHORL_TRY(auto opened, Listening::open(request_, fleet.size()));
      listening_.emplace(std::move(opened));
      WHORL_TRY(auto listeners, listening_->take());
      print_startup(request_.format, *first.http, edge.scheme(), listeners);
      for (net::Listeners& one : listeners) {
        WHORL_CHECKED(fleet.listen(std::move(one)));
      }
    }
    WHORL_CHECKED(versions_.observatory().start());
    WHORL_CHECKED(fleet.start());
    WHORL_CHECKED(versions_.background().start([this, &fleet](const auto& slot, const auto& old) {
      fleet.forget_replaced(slot, old);
      signals_.notify();  // release_replaced()
    }));
    WHORL_CHECKED(subscribe(fleet, std::move(first.redis)));
    if (listening_) {
      WHORL_CHECKED(listening_->serving());
    }
    follow_source(fleet);
    auto haste = Listening::Haste::None;
    if (listening_) {
      haste = listening_->last_call(signals_);
      listening_->release();
    }
    fleet.stop(
        signals_,
        subscriptions_,
        haste == Listening::Haste::None ? edge.drain_time : async::Milliseconds(0),
        // With a successor nobody waits for our end.
        listening_ && listening_->has_successor() ? http::Patience::Full : http::Patience::Brief,
        // Until then requests that came too early for their component may wait for it.
        [this] { versions_.background().stop(); }
    );
    subscriptions_.clear();
    replaced_subscriptions_.clear();
    listening_.reset();
    versions_.observatory().stop();
    log::info(
        kLogTarget, "stopped after {} requests in instances of their own", fleet.instances_started()
    );
    return {};
  }

  /// Sleeps until the program is to stop, replacing the application when that is due.
  void follow_source(Fleet& fleet) {
    while (true) {
      const bool has_old = fleet.has_retired() || versions_.background().has_replaced();
      const auto deadline = has_old                 ? async::Deadline::after(kRetireInterval)
                            : tls_files_.is_empty() ? async::Deadline::never()
                                                    : async::Deadline::after(kTlsInterval);
      const int handover = listening_ ? listening_->handover_fd() : -1;
      switch (signals_.wait(deadline, request_.source->event_fd(), handover)) {
        case StopSignals::Cause::Stop:
          return;
        case StopSignals::Cause::Handover:
          if (listening_->on_handover()) {
            return;
          }
          break;
        case StopSignals::Cause::Reload:
          reload(fleet);
          break;
        case StopSignals::Cause::Readable:
          if (request_.source->is_due()) {
            reload(fleet);
          }
          break;
        default:
          if (fleet.take_replaced()) {
            request_.source->on_reloaded(nullptr);
          }
          fleet.release_retired();
          versions_.background().release_replaced();
          release_drained();
          if (tls_files_.have_changed()) {
            reload_tls(fleet);
          }
      }
    }
  }

  /// Listens to what a version listens to, and no more to what the last one did.
  Result<> subscribe(Fleet& fleet, trigger::RedisApp redis) {
    for (auto& each : std::exchange(subscriptions_, {})) {
      each->drain([this] { signals_.notify(); });  // release_drained()
      replaced_subscriptions_.push_back(std::move(each));
    }
    for (const auto& slot : std::exchange(subscribed_, redis.services())) {
      if (const auto service = slot->hold()) {
        fleet.forget(service);
      }
    }
    if (request_.format == cli::StartupFormat::Plain) {
      log::write_all(1, trigger::active_channels(redis));
    }
    auto& network = versions_.capabilities().operator_network(request_);
    for (trigger::RedisSource& source : redis.sources) {
      subscriptions_.push_back(
          std::make_unique<trigger::RedisListener>(network, std::move(source), fleet)
      );
    }
    for (trigger::RedisStreamSource& source : redis.streams) {
      subscriptions_.push_back(
          std::make_unique<trigger::StreamListener>(network, std::move(source), fleet)
      );
    }
    for (const auto& each : subscriptions_) {
      WHORL_CHECKED(each->start());
    }
    return {};
  }

  /// Lets go of what the last version listened to, once all it took was handled.
  void release_drained() {
    std::erase_if(replaced_subscriptions_, [](const auto& each) { return each->is_idle(); });
  }

  /// Connections made from now on see the certificates as they are in the files.
  void reload_tls(Fleet& fleet) {
    auto tls = tls_files_.read();
    if (!tls) {
      log::error(kLogTarget, "the certificates stay as they were: {}", tls.error().to_line());
    } else if (*tls != nullptr) {
      fleet.set_tls(*tls);
      log::info(kLogTarget, "read the certificates anew");
    }
  }

  void reload(Fleet& fleet) {
    reload_tls(fleet);
    auto next = next_version();
    if (!next) {
      request_.source->on_reloaded(&next.error());
      return;
    }
    fleet.replace(std::move(next->http), signals_);
    if (auto subscribed = subscribe(fleet, std::move(next->redis)); !subscribed) {
      log::error(kLogTarget, "{}", subscribed.error().to_line());
    }
  }

  Result<Version> next_version() {
    WHORL_TRY(const cli::Runnable runnable, request_.source->load());
    return versions_.next(runnable);
  }

  const cli::UpRequest& request_;
  VersionMaker& versions_;
  StopSignals& signals_;
  TlsFiles tls_files_{request_.edge};
  std::optional<Listening> listening_;  ///< while serving, unless there is nothing to listen on
  Fleet::Subscriptions subscriptions_;
  Fleet::Subscriptions replaced_subscriptions_;                    ///< until they have drained
  std::vector<std::shared_ptr<runtime::ServiceSlot>> subscribed_;  ///< what they run
};

}  // namespace

void WhorlRunner::expect(const cli::UpRequest& request) {
  engine_.begin(request);
}

Result<int> WhorlRunner::run(const cli::UpRequest& request) {
  WHORL_TRY(auto signals, StopSignals::install());
  WHORL_TRY(auto output, log::GuestOutput::open(output_options(request)));
  VersionMaker versions(request, engine_, output);
  auto served = request.purpose == cli::Purpose::Precompile
                    ? versions.precompile()
                    : Run(request, versions, signals).serve();
  if (!served) {
    return served.take_error();
  }
  has_abandoned_work_ = versions.abandon_background();
  return 0;
}

Result<component::Inspection> WhorlRunner::inspect(ByteView bytes) {
  Capabilities capabilities;
  capabilities.otel().enable();
  engine::EngineOptions options;
  options.allocation = engine::InstanceAllocation::OnDemand;
  WHORL_TRY(const auto platform, runtime::Platform::create(options, capabilities.all()));
  return component::inspect_binary(platform->registry(), bytes);
}

}  // namespace whorl
