#include "runtime/shard_runtime.hpp"

#include "async/shard.hpp"
#include "log/rate_limit.hpp"
#include "runtime/accounting.hpp"
#include "runtime/invocation.hpp"
#include "telemetry/metrics.hpp"

#include <utility>
#include <vector>

namespace whorl::runtime {
namespace {

constexpr std::string_view kLogTarget = "whorl::runtime";

/// Clients can cause as many as they like.
constinit log::RateLimit refusals{10, std::chrono::seconds(1)};

}  // namespace

ShardRuntime::ShardRuntime(async::Shard& shard, Platform& platform)
    : shard_(shard),
      platform_(platform),
      timers_(shard),
      turns_(shard),
      blocking_(shard),
      client_(shard, platform.outgoing()),
      outbound_(client_),
      network_{shard, platform.outgoing().blocked, {}},
      around_{timers_, blocking_, outbound_, network_},
      pool_(shard),
      sweep_timer_(shard),
      sweep_(*this) {}

ShardRuntime::~ShardRuntime() = default;

void ShardRuntime::set_metrics(telemetry::ShardMetrics& metrics) noexcept {
  pool_.set_metrics(&metrics);
  turns_.set_length(&metrics.guests_computing);
}

InstanceGate::Place ShardRuntime::enter() {
  InstanceGate::Place place = platform_.instances().try_enter();
  if (!place && pool_.evict_one()) {
    place = platform_.instances().try_enter();
  }
  return place;
}

std::unique_ptr<Guest> ShardRuntime::make_guest(const std::shared_ptr<const Service>& service) {
  const std::shared_ptr<KeptInstances>& kept = pool_.of(service);
  if (auto idle = pool_.take(*kept)) {
    return idle;
  }
  InstanceGate::Place place = enter();
  if (!place) [[unlikely]] {
    note_refused(*kept);
    return nullptr;
  }
  return std::make_unique<Guest>(platform_, around_, std::move(place), kept);
}

void ShardRuntime::serve(
    std::shared_ptr<const Service> service, std::shared_ptr<http::Exchange> exchange
) {
  InstanceGate::Place place;
  if (admit(service, *exchange, place)) {
    start(*service, make_guest(service), std::move(exchange), std::move(place));
  }
}

bool ShardRuntime::admit(
    const std::shared_ptr<const Service>& service,
    http::Exchange& exchange,
    InstanceGate::Place& place
) {
  if (service->gate == nullptr) {
    return true;
  }
  place = service->gate->try_enter();
  if (place) [[likely]] {
    return true;
  }
  note_refused(*pool_.of(service));
  refuse(
      *service,
      exchange,
      fmt::format(
          "{} requests of it are under way, more are not allowed (--max-component-instances)",
          service->gate->limit()
      )
  );
  return false;
}

void ShardRuntime::refuse(const Service& service, http::Exchange& exchange, std::string_view why) {
  log::log_limited(
      refusals,
      log::Level::Warn,
      kLogTarget,
      "component `{}`: answered with 503: {}",
      service.id,
      why
  );
  http::Response busy;
  busy.status = 503;
  busy.fields.append("retry-after", "1");
  busy.body = http::BodyPipe::empty();
  exchange.respond(std::move(busy));
}

void ShardRuntime::run_command(
    const std::shared_ptr<const Service>& service,
    std::shared_ptr<http::Exchange> exchange,
    std::shared_ptr<Command> command
) {
  InstanceGate::Place among_its_own;
  if (!admit(service, *exchange, among_its_own)) {
    return;
  }
  std::unique_ptr<Guest> guest;
  if (InstanceGate::Place place = enter()) {
    guest = std::make_unique<Guest>(
        platform_, around_, std::move(place), pool_.of(service), std::move(command)
    );
  } else {
    note_refused(*pool_.of(service));
  }
  start(*service, std::move(guest), std::move(exchange), std::move(among_its_own));
}

void ShardRuntime::deliver(
    const std::shared_ptr<const Service>& service,
    std::shared_ptr<http::Exchange> exchange,
    Message message
) {
  InstanceGate::Place place;
  if (admit(service, *exchange, place)) {
    start(*service, make_guest(service), std::move(exchange), std::move(place), std::move(message));
  }
}

void ShardRuntime::start(
    const Service& service,
    std::unique_ptr<Guest> guest,
    std::shared_ptr<http::Exchange> exchange,
    InstanceGate::Place place,
    Message message
) {
  if (guest == nullptr) [[unlikely]] {
    refuse(
        service,
        *exchange,
        fmt::format(
            "all {} instances of the host are in use (SPIN_MAX_INSTANCE_COUNT)",
            platform_.instances().limit()
        )
    );
    return;
  }
  turns_.note_short_work();
  ++instances_started_;
  auto invocation = std::make_shared<Invocation>(
      *this, std::move(guest), std::move(exchange), std::move(message)
  );
  invocation->hold(std::move(place));
  invocation->start();
}

void ShardRuntime::keep(std::shared_ptr<Invocation> guest) {
  waiting_.insert(std::move(guest));
  schedule_sweep();
}

void ShardRuntime::release(const std::shared_ptr<Invocation>& guest) {
  waiting_.erase(guest);
}

void ShardRuntime::cancel_all(std::string_view reason) {
  // A copy: guests leave the set when they end.
  const std::vector<std::shared_ptr<Invocation>> guests(waiting_.begin(), waiting_.end());
  for (const auto& guest : guests) {
    guest->cancel(engine::TrapKind::Cancelled, std::string(reason));
  }
}

void ShardRuntime::Sweep::on_event() noexcept {
  runtime_.shard_.post([&runtime = runtime_] { runtime.sweep(); });
}

void ShardRuntime::schedule_sweep() {
  if (!sweep_.is_linked()) {
    sweep_timer_.event().add(sweep_);
    sweep_timer_.start(async::Deadline::after(kSweepInterval));
  }
}

void ShardRuntime::sweep() {
  const auto now = Invocation::Clock::now();
  const std::vector<std::shared_ptr<Invocation>> guests(waiting_.begin(), waiting_.end());
  for (const auto& guest : guests) {
    guest->check_deadline(now);
  }
  if (!waiting_.empty()) {
    schedule_sweep();
  }
}

}  // namespace whorl::runtime
