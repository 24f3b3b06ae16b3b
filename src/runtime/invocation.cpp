#include "runtime/invocation.hpp"

#include "async/shard.hpp"
#include "log/log.hpp"
#include "runtime/accounting.hpp"
#include "runtime/departure.hpp"
#include "runtime/ending.hpp"
#include "runtime/shard_runtime.hpp"
#include "wasi/command.hpp"
#include "wasi/p2/handler.hpp"
#include "wasi/p3/handler.hpp"
#include "wasi/spin1/http.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace whorl::runtime {
namespace {

constexpr std::string_view kLogTarget = "whorl::guest";

}  // namespace

Invocation::Invocation(
    ShardRuntime& shard,
    std::unique_ptr<Guest> guest,
    LocalPtr<http::Exchange> exchange,
    Message message
)
    : shard_(shard),
      kept_(guest->kept()),
      exchange_(std::move(exchange)),
      message_(std::move(message)),
      started_(now_for(*exchange_)),
      guest_(std::move(guest)) {
  const auto& timeout = service().limits.reuse.timeout;
  if (timeout.most.count() != 0 && service().handler_kind == HandlerKind::Wasi3) [[unlikely]] {
    timeout_ = started_ + shard_.shared().draw(service().limits.reuse).timeout;
  }
}

Invocation::~Invocation() = default;

engine::Budget Invocation::make_budget() const noexcept {
  engine::Budget budget;
  const Limits& limits = service().limits;
  budget.cpu = limits.cpu.count() == 0 ? std::chrono::nanoseconds::max()
                                       : std::chrono::nanoseconds(limits.cpu);
  budget.deadline = std::min(timeout_, deadline_after(started_));
  budget.memory_bytes = limits.memory_bytes;
  return budget;
}

Invocation::Clock::time_point Invocation::deadline_after(Clock::time_point start) const noexcept {
  const auto delay = service().limits.response_delay;
  return delay.count() == 0 ? Clock::time_point::max() : start + delay;
}

void Invocation::start() {
  service().standard_output->open();
  service().standard_error->open();
  account_begin(*guest_, *exchange_, started_);
  if (auto ready = guest_->begin(make_budget(), started_); !ready) {
    finish(std::unexpected(std::move(ready.error())));
    return;
  }
  run_.emplace(guest_->instance(), guest_->store(), *this);
  run_->start(
      [](void* self, engine::Fiber&) { return static_cast<Invocation*>(self)->run_guest(); }, this
  );
  step();
  if (!ended_) {
    is_kept_ = true;
    shard_.keep(shared_from_this());
  }
}

std::expected<void, engine::Trap> Invocation::run_guest() {
  if (auto started = guest_->run_starts(); !started) {
    return started;
  }
  if (service().command != nullptr) {
    auto verdict = wasi::call_command(guest_->instance(), guest_->store(), *service().command);
    if (verdict && *verdict == wasi::CommandVerdict::Failed) {
      log::error(kLogTarget, "component `{}`: the command said that it failed", service().id);
    }
    return verdict ? std::expected<void, engine::Trap>()
                   : std::unexpected(std::move(verdict.error()));
  }
  if (service().message_handler != nullptr) {
    auto verdict = call_message_handler(
        guest_->instance(), guest_->store(), *service().message_handler, message_
    );
    if (!verdict) {
      return std::unexpected(std::move(verdict.error()));
    }
    if (*verdict == MessageVerdict::Failed) {
      log::info(kLogTarget, "Component {} handler failed", service().id);
    }
    http::Response done;
    done.status = *verdict == MessageVerdict::Handled ? 200 : 500;
    done.body = http::BodyPipe::empty();
    exchange_->respond(std::move(done));
    return {};
  }
  if (service().spin1_handler != nullptr) {
    return wasi::spin1::call_inbound_http(
        guest_->instance(), guest_->store(), *service().spin1_handler, guest_->timers(), *exchange_
    );
  }
  if (service().handler_kind == HandlerKind::Wasi3) {
    return wasi::p3::call_handler(
        guest_->instance(),
        guest_->store(),
        *service().http_handler,
        guest_->p2().surroundings(),
        exchange_
    );
  }
  return wasi::p2::call_incoming_handler(
      guest_->instance(), guest_->store(), *service().http_handler, guest_->p2(), exchange_
  );
}

void Invocation::step() {
  if (ended_) {
    return;
  }
  component::FiberRun::State state{};
  {
    const Running running(exchange_->record());
    state = run_->step();
  }
  switch (state) {
    case component::FiberRun::State::Done:
      // What the guest left going is ended; each fiber once its operation is over.
      if (!std::exchange(is_over_, true) && run_->end_remaining() && !run_->is_empty()) {
        return step();
      }
      if (run_->is_empty()) {
        finish(run_->outcome());
      }
      break;
    case component::FiberRun::State::Yielded:
      charge();
      shard_.turns().add(shared_from_this());
      break;
    default:
      break;
  }
}

void Invocation::wake() noexcept {
  if (std::exchange(is_woken_, true)) {
    return;
  }
  shard_.shard().post([self = shared_from_this()] {
    self->is_woken_ = false;
    self->shard_.turns().note_short_work();
    self->step();
  });
}

void Invocation::cancel(engine::TrapKind kind, std::string reason) {
  if (!ended_ && run_) {
    run_->cancel(kind, std::move(reason));
  }
}

bool Invocation::check_deadline(Clock::time_point now) {
  if (ended_) {
    return false;
  }
  Clock::time_point deadline = deadline_after(started_);
  if (exchange_->has_response()) {
    // While the answer streams there is no limit; what the guest does afterwards has one again.
    if (!response_body_) {
      response_body_ = exchange_->response().body;
    }
    const bool answered = response_body_->is_ended() || response_body_->reader_gone();
    if (answered && !response_ended_) {
      response_ended_ = now;
    }
    deadline = response_ended_ ? deadline_after(*response_ended_) : Clock::time_point::max();
  }
  if (now >= timeout_) [[unlikely]] {
    cancel(engine::TrapKind::WallDeadline, "took longer than --request-timeout lets it");
    return true;
  }
  guest_->store().set_deadline(std::min(timeout_, deadline));
  if (now >= deadline) {
    cancel(
        engine::TrapKind::WallDeadline,
        fmt::format(
            "waited longer than {} ms {} (--max-response-delay)",
            service().limits.response_delay.count(),
            response_ended_ ? "after its response had ended" : "without giving a response"
        )
    );
  }
  return true;
}

void Invocation::charge() noexcept {
  const std::chrono::nanoseconds used = guest_->store().cpu_used();
  kept_->share.charge(started_ + used, used - std::exchange(charged_, used));
}

void Invocation::finish(const std::expected<void, engine::Trap>& outcome) {
  ended_ = true;
  account_end(*guest_, *exchange_, outcome);
  if (guest_->is_used()) [[likely]] {
    charge();
  }
  if (!outcome) {
    report(outcome.error());
    exchange_->abort(status_for(outcome.error().kind));
  } else {
    if (guest_->command() != nullptr) {
      guest_->command()->ended(outcome);
    }
  }
  const bool is_well = outcome.has_value();
  // `outcome` is the run's.
  run_.reset();
  if (is_well) {
    guest_ = shard_.pool().give(std::move(guest_));
  }
  if (guest_ != nullptr) [[unlikely]] {
    Departure::begin(shard_.turns(), std::move(guest_));
    if (!is_kept_) {
      // The instance's making, its end and the report of it, too.
      const auto now = Clock::now();
      kept_->share.charge(now, std::max(now - started_ - charged_, Clock::duration::zero()));
    }
  }
  // One that ended at once was never kept.
  if (is_kept_) {
    shard_.release(shared_from_this());
  } else {
    shard_.place_is_free();
  }
}

void Invocation::report(const engine::Trap& trap) const {
  report_trap(service(), guest_->memory_bytes(), request_words(*exchange_), trap);
}

}  // namespace whorl::runtime
