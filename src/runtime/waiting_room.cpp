#include "runtime/waiting_room.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace whorl::runtime {

bool WaitingRoom::enter(
    const std::shared_ptr<const Service>& service,
    const LocalPtr<http::Exchange>& exchange,
    Resume& resume,
    Clock::time_point now
) {
  if (service->queue == nullptr) {
    return false;
  }
  InstanceGate::Place seat = service->queue->try_enter();
  if (!seat) {
    return false;
  }
  waiting_.push_back({
      .service = service,
      .exchange = exchange,
      .seat = std::move(seat),
      .until = now + longest_wait(*service),
      .resume = std::move(resume),
  });
  return true;
}

std::chrono::milliseconds WaitingRoom::longest_wait(const Service& service) noexcept {
  const std::chrono::milliseconds delay = service.limits.response_delay;
  return delay.count() == 0 ? kLongest : std::min(delay, kLongest);
}

bool WaitingRoom::has(const Service& service) const noexcept {
  return std::ranges::any_of(waiting_, [&](const Waiting& each) {
    return each.service->gate == service.gate;
  });
}

void WaitingRoom::serve(Clock::time_point now) {
  // Of a component without a place the others need not be asked. A gate is the component's, in
  // whichever code it runs.
  std::vector<const InstanceGate*> full;
  std::list<Waiting> leaving;
  std::vector<InstanceGate::Place> places;
  for (auto each = waiting_.begin(); each != waiting_.end();) {
    const auto next = std::next(each);
    InstanceGate* gate = each->service->gate.get();
    InstanceGate::Place place;
    if (std::ranges::find(full, gate) == full.end()) {
      place = gate->try_enter();
      if (!place) {
        full.push_back(gate);
      }
    }
    if (place || now >= each->until || each->exchange->client_gone()) {
      leaving.splice(leaving.end(), waiting_, each);
      places.push_back(std::move(place));
    }
    each = next;
  }
  // Resuming may bring others here.
  std::size_t index = 0;
  for (Waiting& each : leaving) {
    each.seat = {};
    each.resume(std::move(places[index++]));
  }
}

void WaitingRoom::close() {
  std::list<Waiting> leaving;
  leaving.swap(waiting_);
  for (Waiting& each : leaving) {
    each.resume({});
  }
}

}  // namespace whorl::runtime
