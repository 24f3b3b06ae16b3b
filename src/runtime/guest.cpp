#include "runtime/guest.hpp"

#include "component/footprint.hpp"
#include "engine/kept_fiber.hpp"
#include "engine/page_tracker.hpp"
#include "log/log.hpp"
#include "telemetry/metrics.hpp"

#include <string_view>
#include <utility>

namespace whorl::runtime {
namespace {

constexpr std::string_view kLogTarget = "whorl::runtime";

/// After so many instances in a row that could not be put back, a service is no longer tried.
constexpr std::uint32_t kMaxFailures = 8;

}  // namespace

Guest::Guest(
    const Platform& platform,
    const GuestSurroundings& around,
    InstanceGate::Place place,
    LocalPtr<KeptInstances> kept,
    LocalPtr<Command> command
)
    : place_(std::move(place)),
      kept_(std::move(kept)),
      command_(std::move(command)),
      timers_(around.timers),
      p2_(make_context(around)),
      p3_(p2_),
      p1_(make_context(around)),
      spin1_http_(make_context(around)),
      instance_(kept_->service->component, hosts_) {
  if (kept_->stats != nullptr) {
    kept_->stats->instances_started.add();
  }
  p2_.fill(platform.p2_slots(), hosts_);
  p3_.fill(platform.p3_slots(), hosts_);
  hosts_[platform.p1_slot()] = &p1_;
  for (const std::uint16_t slot : platform.p1_variant_slots()) {
    hosts_[slot] = &p1_;
  }
  hosts_[platform.spin1_http_slot()] = static_cast<wit::fermyon_spin_http_v1::Host*>(&spin1_http_);
  for (const auto& grant : kept_->service->grants) {
    if (auto own = grant->prepare(hosts_)) {
      capability_hosts_.push_back(std::move(own));
    }
  }
}

Guest::~Guest() {
  if (kept_->stats != nullptr) {
    kept_->stats->instances_dropped.add();
  }
}

std::uint64_t Guest::memory_bytes() const {
  // Before begin() there is no store, after a failed one perhaps not every memory.
  return store_ != nullptr ? component::memory_bytes(instance_, *store_) : 0;
}

wasi::InstanceContext Guest::make_context(const GuestSurroundings& around) const noexcept {
  static const std::vector<std::string> no_arguments;
  const Service& service = *kept_->service;
  return wasi::InstanceContext{
      .timers = around.timers,
      .standard_output = command_ != nullptr ? command_->output() : *service.standard_output,
      .standard_error = *service.standard_error,
      .environment = command_ != nullptr ? command_->environment() : service.environment,
      .arguments = command_ != nullptr ? command_->arguments() : no_arguments,
      .standard_input = command_ != nullptr ? &command_->input() : nullptr,
      .preopens = service.preopens,
      .blocking = &around.blocking,
      .outbound = &around.outbound,
      .component_id = service.id,
      .network = &around.network,
      .allowed_hosts = &service.allowed_hosts,
  };
}

std::expected<void, engine::Trap> Guest::begin(
    const engine::Budget& budget, std::chrono::steady_clock::time_point now
) {
  const bool is_new = store_ == nullptr;
  if (is_new) {
    if (auto made = instantiate(budget); !made) {
      return made;
    }
  } else if (!store_->begin_next_event(budget, now)) {
    return std::unexpected(engine::Trap{
        .kind = engine::TrapKind::Other, .message = "a kept instance is not idle", .backtrace = {}
    });
  }
  if (kept_->stats != nullptr) {
    // One that was put back has the memory of the first time it was: a memory that grew is not put
    // back (engine/memory_reset.hpp).
    if (is_new) {
      kept_->stats->memory_begin.add(memory_bytes());
    } else {
      restored_memory_ = restored_memory_ != 0 ? restored_memory_ : memory_bytes();
      kept_->stats->memory_begin.add(restored_memory_);
    }
  }
  faults_at_begin_ = engine::faults_last_seen();
  return {};
}

std::expected<void, engine::Trap> Guest::instantiate(const engine::Budget& budget) {
  auto store = engine::Store::create(
      kept_->service->component->engine(), budget, static_cast<void*>(&instance_)
  );
  if (!store) {
    return std::unexpected(engine::Trap{
        .kind = engine::TrapKind::Other, .message = store.error().to_line(), .backtrace = {}
    });
  }
  store_ = *std::move(store);
  if (auto made = instance_.instantiate(*store_); !made) {
    return made;
  }
  // Start functions that ran in place may have asked the host for what must differ each time.
  if (store_->host_calls() != 0) {
    kept_->is_off = true;
  }
  if (kept_->starts_use_host || !instance_.has_deferred_starts()) {
    prepare_reset();
  }
  return {};
}

std::expected<void, engine::Trap> Guest::run_starts() {
  if (starts_in_prepared_state_ || !instance_.has_deferred_starts()) {
    return {};
  }
  const std::uint64_t before = store_->host_calls();
  if (auto started = instance_.run_deferred_starts(*store_); !started) {
    return started;
  }
  if (reset_) {
    return {};
  }
  if (store_->host_calls() != before) {
    // This instance's state before its start functions is gone; the next one's will be kept.
    kept_->starts_use_host = true;
    return {};
  }
  prepare_reset();
  starts_in_prepared_state_ = reset_.has_value();
  return {};
}

void Guest::prepare_reset() {
  const Service& service = *kept_->service;
  if (command_ != nullptr || kept_->is_off || service.is_shared || !service.limits.keep_instances) {
    return;
  }
  reset_ = component::InstanceReset::prepare(instance_, *store_, kept_->images);
  if (!reset_) {
    kept_->is_off = true;
    log::debug(
        kLogTarget,
        "component \"{}\": every event gets a new instance, since {}",
        kept_->service->id,
        component::reset_obstacle(*kept_->service->component)
    );
    return;
  }
  engine::keep_fiber(*store_);
}

bool Guest::reset() {
  if (!reset_ || kept_->is_off) {
    return false;
  }
  const bool faulted = engine::faults_of_this_thread() != faults_at_begin_;
  const auto outcome = reset_->restore(faulted);
  p1_.reset();
  p2_.reset();
  for (const auto& hosts : capability_hosts_) {
    hosts->reset();
  }
  if (outcome == engine::MemoryReset::Outcome::Restored && p2_.is_clean()) {
    kept_->failures = 0;
    const std::uint32_t audit_every = kept_->service->limits.audit_every;
    return audit_every == 0 || ++kept_->unaudited < audit_every || audit();
  }
  if (++kept_->failures >= kMaxFailures) {
    kept_->is_off = true;
    kept_->images = {};
    log::debug(
        kLogTarget,
        "component \"{}\": every event gets a new instance, since its memory grows or too much of "
        "it is written",
        kept_->service->id
    );
  }
  return false;
}

bool Guest::audit() {
  kept_->unaudited = 0;
  component::ComponentInstance fresh(kept_->service->component, hosts_);
  auto store = engine::Store::create(
      kept_->service->component->engine(), store_->budget(), static_cast<void*>(&fresh)
  );
  if (!store || !fresh.instantiate(**store) ||
      (starts_in_prepared_state_ && !fresh.run_deferred_starts(**store))) {
    return true;  // no room to compare now
  }
  component::ResetImages images;
  const auto reset = component::InstanceReset::prepare(fresh, **store, images);
  const std::string difference =
      reset ? reset_->difference_from(*reset) : "a fresh instance can't be reset";
  if (difference.empty()) {
    return true;
  }
  log::error(
      kLogTarget,
      "component \"{}\": an instance that was put back differs from a fresh one ({}); every event "
      "gets a new one from now on. This is an error of the host: please report it",
      kept_->service->id,
      difference
  );
  kept_->is_off = true;
  return false;
}

}  // namespace whorl::runtime
