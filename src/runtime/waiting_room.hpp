/// WaitingRoom: the events of a shard that wait for a place among those of their component.
///
/// How many may wait is bounded for each component, over all shards; how long, for each event.
/// First come, first served, by component. @thread shard
#pragma once

#include "base/local_ptr.hpp"
#include "http/exchange.hpp"
#include "runtime/service.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>

namespace whorl::runtime {

class WaitingRoom {
 public:
  using Clock = std::chrono::steady_clock;
  /// Goes on with an event: with a place, or without one when it waited too long.
  using Resume = std::move_only_function<void(InstanceGate::Place place)>;
  /// An event waits no longer than this, or than its component's time to a response.
  static constexpr std::chrono::milliseconds kLongest{std::chrono::seconds{30}};

  [[nodiscard]] static std::chrono::milliseconds longest_wait(const Service& service) noexcept;

  WaitingRoom() = default;
  WaitingRoom(const WaitingRoom&) = delete;
  WaitingRoom& operator=(const WaitingRoom&) = delete;

  /// @return false, and nothing is kept, when as many wait as may
  [[nodiscard]] bool enter(
      const std::shared_ptr<const Service>& service,
      const LocalPtr<http::Exchange>& exchange,
      Resume& resume,
      Clock::time_point now = Clock::now()
  );
  /// Whether an event of the service waits here: one that comes now has to wait behind it.
  [[nodiscard]] bool has(const Service& service) const noexcept;
  [[nodiscard]] bool is_empty() const noexcept { return waiting_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }

  /// Resumes those that can have a place now, or have waited too long, or whose clients have gone.
  void serve(Clock::time_point now = Clock::now());
  /// Resumes all without a place.
  void close();

 private:
  struct Waiting {
    std::shared_ptr<const Service> service;
    LocalPtr<http::Exchange> exchange;
    InstanceGate::Place seat;  ///< among those that may wait
    Clock::time_point until;
    Resume resume;
  };

  std::list<Waiting> waiting_;
};

}  // namespace whorl::runtime
