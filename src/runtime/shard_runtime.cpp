#include "runtime/shard_runtime.hpp"

#include "async/shard.hpp"
#include "engine/long_run.hpp"
#include "runtime/accounting.hpp"
#include "runtime/invocation.hpp"
#include "telemetry/metrics.hpp"

#include <utility>
#include <vector>

namespace whorl::runtime {
namespace {

constexpr std::string_view kLogTarget = "whorl::runtime";

}  // namespace

ShardRuntime::ShardRuntime(async::Shard& shard, Platform& platform)
    : shard_(shard),
      platform_(platform),
      timers_(shard),
      turns_(shard),
      blocking_(shard),
      client_(shard, platform.outgoing()),
      outbound_(client_),
      network_{shard, platform.outgoing().blocked, platform.socket_limits()},
      around_{timers_, blocking_, outbound_, network_},
      pool_(shard),
      sweep_timer_(shard),
      sweep_(*this) {}

// Guests whose memory was being given back go before what guests are made of.
ShardRuntime::~ShardRuntime() {
  turns_.close();
}

void ShardRuntime::set_metrics(telemetry::ShardMetrics& metrics) noexcept {
  pool_.set_metrics(&metrics);
  turns_.set_length(&metrics.guests_computing);
}

InstanceGate::Place ShardRuntime::enter() {
  InstanceGate::Place place = platform_.instances().try_enter();
  if (!place && (pool_.evict_one() || shared_.evict_one())) {
    place = platform_.instances().try_enter();
  }
  return place;
}

std::unique_ptr<Guest> ShardRuntime::make_guest(const std::shared_ptr<const Service>& service) {
  const LocalPtr<KeptInstances>& kept = pool_.of(service);
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
    const std::shared_ptr<const Service>& service, LocalPtr<http::Exchange> exchange
) {
  InstanceGate::Place place;
  if (admit(*service, place)) [[likely]] {
    dispatch(service, std::move(exchange), std::move(place));
    return;
  }
  wait_or_refuse(service, exchange, [this, service, exchange](InstanceGate::Place free) mutable {
    dispatch(service, std::move(exchange), std::move(free));
  });
}

void ShardRuntime::dispatch(
    const std::shared_ptr<const Service>& service,
    LocalPtr<http::Exchange> exchange,
    InstanceGate::Place place
) {
  if (!gives_way(service, *exchange)) [[likely]] {
    run_now(service, std::move(exchange), std::move(place));
    return;
  }
  begin_in_turn(service, exchange, [this, service, exchange, place = std::move(place)]() mutable {
    run_now(service, std::move(exchange), std::move(place));
  });
}

void ShardRuntime::begin_in_turn(
    const std::shared_ptr<const Service>& service,
    const LocalPtr<http::Exchange>& exchange,
    std::move_only_function<void()> begin
) {
  const LocalPtr<KeptInstances> kept = pool_.of(service);
  note_deferred(*kept);
  const auto until = Turns::Clock::now() + WaitingRoom::longest_wait(*service);
  turns_.begin_later([this, service, kept, until, exchange, begin = std::move(begin)](bool is_open
                     ) mutable {
    if (!is_open || exchange->client_gone()) {
      exchange->abort(503);
    } else if (Turns::Clock::now() >= until) {
      refuse_crowd(
          service, *exchange, telemetry::Limit::ComponentInstances, "it waited too long for others"
      );
    } else {
      if (kept->share.is_long()) {
        engine::expect_long_run(*platform_.engine());
      }
      begin();
    }
    note_fewer();
  });
}

bool ShardRuntime::gives_way(
    const std::shared_ptr<const Service>& service, const http::Exchange& exchange
) noexcept {
  if (exchange.opened_connection()) [[unlikely]] {
    pool_.of(service)->share.charge(Turns::Clock::now(), Share::kConnection);
  }
  return turns_.note_component(service.get()) &&
         pool_.of(service)->share.is_over(Turns::Clock::now());
}

void ShardRuntime::run_now(
    const std::shared_ptr<const Service>& service,
    LocalPtr<http::Exchange> exchange,
    InstanceGate::Place place
) {
  if (service->is_shared) {
    serve_shared(service, std::move(exchange), std::move(place));
  } else {
    start(*service, make_guest(service), std::move(exchange), std::move(place));
  }
}

void ShardRuntime::serve_shared(
    const std::shared_ptr<const Service>& service,
    LocalPtr<http::Exchange> exchange,
    InstanceGate::Place place
) {
  LocalPtr<SharedGuest> guest = shared_.find(*service, SharedGuests::Wanted::Free);
  if (guest == nullptr) {
    if (InstanceGate::Place among_all = enter()) {
      auto made =
          std::make_unique<Guest>(platform_, around_, std::move(among_all), pool_.of(service));
      guest = make_local<SharedGuest>(*this, std::move(made), shared_.draw(service->limits.reuse));
      shared_.add(guest);
    } else {
      guest = shared_.find(*service, SharedGuests::Wanted::Any);
    }
  }
  if (guest == nullptr) [[unlikely]] {
    note_refused(*pool_.of(service));
    refuse_full(*service, *exchange);
    return;
  }
  turns_.note_short_work();
  ++instances_started_;
  guest->serve(std::move(exchange), std::move(place));
}

void ShardRuntime::refuse_full(const Service& service, http::Exchange& exchange) {
  refuse(
      service,
      exchange,
      telemetry::Limit::HostInstances,
      fmt::format("all {} instances of the host are in use", platform_.instances().limit())
  );
}

bool ShardRuntime::admit(const Service& service, InstanceGate::Place& place) noexcept {
  if (service.gate == nullptr) {
    return true;
  }
  if (!room_.is_empty() && room_.has(service)) [[unlikely]] {
    return false;
  }
  place = service.gate->try_enter();
  return static_cast<bool>(place);
}

void ShardRuntime::wait_or_refuse(
    const std::shared_ptr<const Service>& service,
    const LocalPtr<http::Exchange>& exchange,
    WaitingRoom::Resume resume
) {
  const auto kept = pool_.of(service);
  WaitingRoom::Resume served = [this, service, exchange, kept, go_on = std::move(resume)](
                                   InstanceGate::Place place
                               ) mutable {
    note_waiting(*kept, -1);
    if (place) {
      go_on(std::move(place));
    } else if (!exchange->client_gone()) {
      refuse_crowd(
          service, *exchange, telemetry::Limit::ComponentInstances, "it waited too long for others"
      );
    } else {
      exchange->abort(503);
    }
  };
  if (room_.enter(service, exchange, served)) {
    note_waiting(*kept, 1);
    schedule_sweep();
    return;
  }
  const std::string under_way =
      fmt::format("{} requests of it are under way", service->gate->limit());
  if (service->queue == nullptr) {
    refuse_crowd(
        service,
        *exchange,
        telemetry::Limit::ComponentInstances,
        under_way + ", more are not allowed"
    );
  } else {
    refuse_crowd(
        service,
        *exchange,
        telemetry::Limit::QueuedRequests,
        fmt::format("{} and {} wait, more may not", under_way, service->queue->limit())
    );
  }
}

void ShardRuntime::refuse_crowd(
    const std::shared_ptr<const Service>& service,
    http::Exchange& exchange,
    telemetry::Limit limit,
    std::string_view why
) {
  note_refused(*pool_.of(service));
  refuse(*service, exchange, limit, why);
}

void ShardRuntime::refuse(
    const Service& service, http::Exchange& exchange, telemetry::Limit limit, std::string_view why
) {
  telemetry::report_limit(
      limit, kLogTarget, fmt::format("component `{}`: answered with 503: {}", service.id, why)
  );
  http::Response busy;
  busy.status = 503;
  busy.fields.append("retry-after", "1");
  busy.body = http::BodyPipe::empty();
  exchange.respond(std::move(busy));
}

void ShardRuntime::serve_waiting() {
  room_.serve();
  note_fewer();
}

void ShardRuntime::note_fewer() noexcept {
  if (in_flight() == 0) {
    empty_event_.notify();
  }
}

void ShardRuntime::run_command(
    const std::shared_ptr<const Service>& service,
    LocalPtr<http::Exchange> exchange,
    LocalPtr<Command> command
) {
  auto run = [this, service, exchange, command = std::move(command)](
                 InstanceGate::Place among_its_own
             ) mutable {
    std::unique_ptr<Guest> guest;
    if (InstanceGate::Place place = enter()) {
      guest = std::make_unique<Guest>(
          platform_, around_, std::move(place), pool_.of(service), std::move(command)
      );
    } else {
      note_refused(*pool_.of(service));
    }
    start(*service, std::move(guest), std::move(exchange), std::move(among_its_own));
  };
  auto begin = [this, service, exchange, run = std::move(run)](InstanceGate::Place place) mutable {
    if (!gives_way(service, *exchange)) {
      run(std::move(place));
      return;
    }
    begin_in_turn(service, exchange, [run = std::move(run), place = std::move(place)]() mutable {
      run(std::move(place));
    });
  };
  InstanceGate::Place place;
  if (admit(*service, place)) {
    begin(std::move(place));
  } else {
    wait_or_refuse(service, exchange, std::move(begin));
  }
}

void ShardRuntime::deliver(
    const std::shared_ptr<const Service>& service,
    LocalPtr<http::Exchange> exchange,
    Message message
) {
  InstanceGate::Place place;
  if (!admit(*service, place)) {
    // Whoever has the message offers it again.
    refuse_crowd(
        service,
        *exchange,
        telemetry::Limit::ComponentInstances,
        fmt::format("{} messages of it are under way, more are not allowed", service->gate->limit())
    );
    return;
  }
  if (!gives_way(service, *exchange)) [[likely]] {
    start(*service, make_guest(service), std::move(exchange), std::move(place), std::move(message));
    return;
  }
  begin_in_turn(
      service,
      exchange,
      [this, service, exchange, place = std::move(place), message = std::move(message)]() mutable {
        start(
            *service, make_guest(service), std::move(exchange), std::move(place), std::move(message)
        );
      }
  );
}

void ShardRuntime::start(
    const Service& service,
    std::unique_ptr<Guest> guest,
    LocalPtr<http::Exchange> exchange,
    InstanceGate::Place place,
    Message message
) {
  if (guest == nullptr) [[unlikely]] {
    refuse_full(service, *exchange);
    return;
  }
  turns_.note_short_work();
  ++instances_started_;
  auto invocation =
      make_local<Invocation>(*this, std::move(guest), std::move(exchange), std::move(message));
  invocation->hold(std::move(place));
  invocation->start();
}

void ShardRuntime::keep(LocalPtr<GuestRun> guest) {
  waiting_.insert(std::move(guest));
  schedule_sweep();
}

void ShardRuntime::release(const LocalPtr<GuestRun>& guest) {
  waiting_.erase(guest);
  place_is_free();
  note_fewer();
}

void ShardRuntime::place_is_free() {
  if (!room_.is_empty()) [[unlikely]] {
    // Its place becomes free when the caller lets go of it.
    shard_.post([this] { serve_waiting(); });
  }
}

void ShardRuntime::cancel_all(std::string_view reason) {
  room_.close();
  turns_.refuse_beginnings();
  shared_.evict_all();
  // A copy: guests leave the set when they end.
  const std::vector<LocalPtr<GuestRun>> guests(waiting_.begin(), waiting_.end());
  for (const auto& guest : guests) {
    guest->cancel(engine::TrapKind::Cancelled, std::string(reason));
  }
  note_fewer();
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
  const std::vector<LocalPtr<GuestRun>> guests(waiting_.begin(), waiting_.end());
  for (const auto& guest : guests) {
    guest->check_deadline(now);
  }
  // Places of other shards become free, too.
  serve_waiting();
  if (in_flight() != 0) {
    schedule_sweep();
  }
}

}  // namespace whorl::runtime
