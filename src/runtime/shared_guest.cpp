#include "runtime/shared_guest.hpp"

#include "async/shard.hpp"
#include "engine/cpu_budget.hpp"
#include "log/log.hpp"
#include "runtime/accounting.hpp"
#include "runtime/departure.hpp"
#include "runtime/ending.hpp"
#include "runtime/shard_runtime.hpp"
#include "telemetry/recorder.hpp"
#include "telemetry/request_record.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace whorl::runtime {
namespace {

constexpr std::string_view kLogTarget = "whorl::guest";
constexpr const char* kDeadlock = "deadlock detected: event loop cannot make further progress";

std::chrono::nanoseconds cpu_of(const Limits& limits) noexcept {
  return limits.cpu.count() == 0 ? std::chrono::nanoseconds::max()
                                 : std::chrono::nanoseconds(limits.cpu);
}

}  // namespace

SharedGuest::Request::Request(
    SharedGuest& of, LocalPtr<http::Exchange> asked, InstanceGate::Place held
)
    : guest(of), exchange(std::move(asked)), place(std::move(held)), started(now_for(*exchange)) {}

void SharedGuest::Request::on_answer(const char* failure) noexcept {
  has_answered = true;
  if (failure != nullptr) {
    log::error(
        kLogTarget, "component `{}`, {}: {}", guest.service_->id, request_words(*exchange), failure
    );
  }
}

void SharedGuest::IdleWaiter::on_event() noexcept {
  guest_.shard_.shard().post([weak = guest_.weak_from_this()] {
    if (const auto guest = weak.lock()) {
      guest->idle_is_over();
    }
  });
}

SharedGuest::SharedGuest(ShardRuntime& shard, std::unique_ptr<Guest> guest, const Terms& terms)
    : shard_(shard),
      service_(guest->kept()->service),
      terms_(terms),
      guest_(std::move(guest)),
      idle_timer_(shard.shard()) {}

SharedGuest::~SharedGuest() {
  run_.reset();
  Departure::begin(shard_.turns(), std::move(guest_));
}

// --- who may come --------------------------------------------------------------------------------

bool SharedGuest::may_get_more() const noexcept {
  return !is_retired_ && phase_ <= Phase::Open && served_ < terms_.events &&
         requests_.size() < terms_.at_once;
}

bool SharedGuest::has_room() const noexcept {
  return may_get_more() && !is_computing_ && !is_stepping_;
}

bool SharedGuest::holds_back() const noexcept {
  return phase_ == Phase::Starting ||
         (phase_ == Phase::Open && run_->holds_back(service_->http_handler->component_index));
}

bool SharedGuest::is_idle() const noexcept {
  return requests_.empty() && !is_kept_ && !is_stepping_;
}

void SharedGuest::serve(LocalPtr<http::Exchange> exchange, InstanceGate::Place place) {
  const auto self = shared_from_this();
  idle_timer_.cancel();
  ++served_;
  if (served_ == terms_.events) {
    shard_.shared().remove(*this);
  }
  auto owned = std::make_unique<Request>(*this, std::move(exchange), std::move(place));
  Request& request = *owned;
  requests_.emplace(&request, std::move(owned));
  account_begin(*guest_, *request.exchange, request.started);
  if (!std::exchange(is_kept_, true)) {
    shard_.keep(self);
  }
  if (phase_ == Phase::New && !begin()) {
    return;
  }
  engine::allow_cpu(guest_->store(), cpu_of(service_->limits));
  if (phase_ == Phase::Open) {
    post(request);
  }
  step();
}

void SharedGuest::retire() {
  is_retired_ = true;
  step();
}

// --- the run -------------------------------------------------------------------------------------

bool SharedGuest::begin() {
  service_->standard_output->open();
  service_->standard_error->open();
  engine::Budget budget;
  budget.cpu = cpu_of(service_->limits);
  budget.memory_bytes = service_->limits.memory_bytes;
  if (auto ready = guest_->begin(budget, std::chrono::steady_clock::now()); !ready) {
    fail_all(ready.error());
    leave();
    return false;
  }
  run_.emplace(guest_->instance(), guest_->store(), *this);
  phase_ = Phase::Starting;
  run_->start(
      [](void* self, engine::Fiber&) {
        return static_cast<SharedGuest*>(self)->guest_->run_starts();
      },
      this
  );
  return true;
}

void SharedGuest::open() {
  phase_ = Phase::Open;
  run_->open();
  for (const auto& [key, request] : requests_) {
    post(*request);
  }
}

void SharedGuest::post(Request& request) {
  const auto posted = wasi::p3::post_handler(
      guest_->instance(),
      guest_->store(),
      *service_->http_handler,
      guest_->p2().surroundings(),
      request.exchange,
      request
  );
  if (!posted) {
    run_->cancel(posted.error().kind, posted.error().message);
  }
}

void SharedGuest::runs_for(void* event) noexcept {
  charge();
  const auto found = requests_.find(static_cast<wasi::p3::PostedExchange*>(event));
  charged_ = found == requests_.end() ? nullptr : found->second.get();
  telemetry::RequestRecord* record = charged_ == nullptr ? nullptr : charged_->exchange->record();
  if (record != nullptr) {
    recorder_ = &record->recorder();
  }
  if (recorder_ != nullptr) {
    recorder_->set_current(record);
  }
}

void SharedGuest::charge() noexcept {
  const auto used = guest_->store().cpu_used();
  if (charged_ != nullptr) {
    charged_->cpu += used - charged_until_;
  }
  charged_until_ = used;
}

void SharedGuest::step() {
  if (is_stepping_ || phase_ == Phase::New || phase_ == Phase::Over) {
    return;
  }
  const auto self = shared_from_this();
  is_computing_ = false;
  while (advance()) {
  }
}

bool SharedGuest::advance() {
  is_stepping_ = true;
  const auto used = guest_->store().cpu_used();
  charged_until_ = used;
  const auto state = run_->step();
  runs_for(nullptr);
  guest_->kept()->share.charge(Clock::now(), charged_until_ - used);
  is_stepping_ = false;
  settle();
  if (guest_->store().is_dying()) {
    return advance_dying();
  }
  switch (state) {
    case component::FiberRun::State::Yielded:
      is_computing_ = true;
      shard_.turns().add(shared_from_this());
      return false;
    case component::FiberRun::State::Done:  // the start functions
      if (!run_->outcome()) {
        run_->cancel(run_->outcome().error().kind, run_->outcome().error().message);
      } else {
        open();
      }
      return true;
    default:
      return phase_ == Phase::Open && rest();
  }
}

bool SharedGuest::advance_dying() {
  if (!run_->is_empty()) {
    return false;  // each fiber ends once its operation is over
  }
  if (phase_ != Phase::Ending) {
    // Nothing is called: a dying store says why instead.
    fail_all(guest_->store().call_guest({}, {}).error());
  }
  leave();
  return false;
}

void SharedGuest::settle() {
  for (auto next = requests_.begin(); next != requests_.end();) {
    Request& request = *next->second;
    if (!request.has_exited) {
      ++next;
      continue;
    }
    end_request(request, {});
    next = requests_.erase(next);
    shard_.place_is_free();
  }
}

void SharedGuest::let_go() {
  for (const auto& [key, request] : requests_) {
    request->place = {};
  }
  ended_.merge(requests_);
  shard_.place_is_free();
}

void SharedGuest::end_request(Request& request, std::string_view failure) {
  account_end(*guest_, *request.exchange, request.cpu, failure);
}

bool SharedGuest::rest() {
  if (!requests_.empty()) {
    if (may_get_more() || run_->can_be_woken()) {
      return false;
    }
    // Nobody can come any more whose request would set these going.
    const bool all_answered = std::ranges::all_of(requests_, [](const auto& entry) {
      return entry.second->has_answered;
    });
    if (!all_answered) {
      run_->cancel(engine::TrapKind::HostTrap, kDeadlock);
      return true;
    }
    is_retired_ = true;  // what they wait for never comes, which harms nobody
    for (const auto& [key, request] : requests_) {
      end_request(*request, {});
    }
    let_go();
  }
  if (is_retired_ || served_ >= terms_.events) {
    return !run_->has_passing_streams() && end();
  }
  if (terms_.idle.count() == 0 && !run_->has_passing_streams()) {
    return end();
  }
  become_idle();
  return false;
}

void SharedGuest::become_idle() {
  if (run_->is_quiet() && !run_->has_passing_streams()) {
    // Its fibers are of use to others meanwhile.
    (void)run_->end_remaining();
    if (std::exchange(is_kept_, false)) {
      shard_.release(shared_from_this());
    }
  }
  if (!idle_waiter_.is_linked()) {
    idle_timer_.event().add(idle_waiter_);
  }
  idle_timer_.start(async::Deadline::after(terms_.idle));
}

void SharedGuest::idle_is_over() {
  if (phase_ != Phase::Open || !requests_.empty() || !idle_timer_.has_fired()) {
    return;
  }
  if (run_->has_passing_streams()) {
    become_idle();
    return;
  }
  retire();
}

bool SharedGuest::end() {
  phase_ = Phase::Ending;
  shard_.shared().remove(*this);
  if (run_->end_remaining()) {
    if (!std::exchange(is_kept_, true)) {
      shard_.keep(shared_from_this());
    }
    return true;
  }
  leave();
  return false;
}

void SharedGuest::leave() {
  const auto self = shared_from_this();
  phase_ = Phase::Over;
  shard_.shared().remove(*this);
  run_.reset();
  if (std::exchange(is_kept_, false)) {
    shard_.release(self);
  }
}

void SharedGuest::wake() noexcept {
  auto self = weak_from_this().lock();
  if (self == nullptr || std::exchange(is_woken_, true)) {
    return;  // it is being destroyed, or step() is posted
  }
  shard_.shard().post([self = std::move(self)] {
    self->is_woken_ = false;
    self->shard_.turns().note_short_work();
    self->step();
  });
}

// --- its end -------------------------------------------------------------------------------------

void SharedGuest::cancel(engine::TrapKind kind, std::string reason) {
  if (phase_ == Phase::Starting || phase_ == Phase::Open) {
    run_->cancel(kind, std::move(reason));
  }
}

SharedGuest::Clock::time_point SharedGuest::deadline_of(Request& request, Clock::time_point now)
    const {
  const auto after = [](Clock::time_point from, std::chrono::milliseconds time) {
    return time.count() == 0 ? Clock::time_point::max() : from + time;
  };
  const auto delay = service_->limits.response_delay;
  Clock::time_point deadline = after(request.started, delay);
  if (request.exchange->has_response()) {
    // As for an instance of one request: no limit while the answer streams.
    if (!request.response_body) {
      request.response_body = request.exchange->response().body;
    }
    const http::BodyPipe& body = *request.response_body;
    if ((body.is_ended() || body.reader_gone()) && !request.response_ended) {
      request.response_ended = now;
    }
    deadline =
        request.response_ended ? after(*request.response_ended, delay) : Clock::time_point::max();
  }
  return std::min(deadline, after(request.started, terms_.timeout));
}

bool SharedGuest::check_deadline(Clock::time_point now) {
  if (phase_ != Phase::Open && phase_ != Phase::Starting) {
    return false;
  }
  Clock::time_point first = Clock::time_point::max();
  for (const auto& [key, request] : requests_) {
    first = std::min(first, deadline_of(*request, now));
  }
  guest_->store().set_deadline(first);
  if (now >= first) {
    cancel(
        engine::TrapKind::WallDeadline,
        "a request took longer than --request-timeout or --max-response-delay let it"
    );
  }
  return true;
}

void SharedGuest::fail_all(const engine::Trap& trap) {
  report(trap);
  const auto now = Clock::now();
  for (const auto& [key, request] : requests_) {
    // Who only shared the instance with one that took too long did not.
    const bool is_to_blame =
        trap.kind != engine::TrapKind::WallDeadline || now >= deadline_of(*request, now);
    end_request(*request, engine::to_string(trap.kind));
    request->exchange->abort(is_to_blame ? status_for(trap.kind) : 500);
  }
  let_go();
}

void SharedGuest::report(const engine::Trap& trap) const {
  if (requests_.empty()) {
    report_trap(*service_, guest_->memory_bytes(), "an instance without a request", trap);
    return;
  }
  const http::Exchange& first = *requests_.begin()->second->exchange;
  std::string who = request_words(first);
  if (requests_.size() > 1) {
    who += fmt::format(" and {} more requests of its instance", requests_.size() - 1);
  }
  report_trap(*service_, guest_->memory_bytes(), who, trap);
}

}  // namespace whorl::runtime
