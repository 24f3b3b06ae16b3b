/// ServiceSlot: the place of a service that may still be being prepared when its first event
/// arrives.
///
/// @thread any
#pragma once

#include "async/shard.hpp"
#include "runtime/service.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace whorl::runtime {

class ServiceSlot {
 public:
  enum class State : std::uint8_t {
    Pending,
    Ready,
    Failed,  ///< the log says why; it stays that way
  };
  using Then = std::move_only_function<void()>;

  /// A service that is being prepared.
  ServiceSlot() = default;
  /// One that is ready.
  explicit ServiceSlot(std::shared_ptr<const Service> service) { settle(std::move(service)); }
  ServiceSlot(const ServiceSlot&) = delete;
  ServiceSlot& operator=(const ServiceSlot&) = delete;

  [[nodiscard]] State state() const noexcept { return state_.load(std::memory_order_acquire); }
  /// The service, held by the slot as long as the slot lives; null unless it is ready.
  [[nodiscard]] const std::shared_ptr<const Service>* get() const noexcept {
    return state() == State::Ready ? &service_ : nullptr;
  }

  /// Has `then` run on the shard, never inside this call, when the slot is not pending any more.
  /// Somebody waits from now on: is_wanted().
  /// @param shard  its loop runs until the slot is settled
  void when_settled(async::Shard& shard, Then then);
  [[nodiscard]] bool is_wanted() const noexcept { return wanted_.load(std::memory_order_relaxed); }

  /// Ends the wait; the first call counts. @param service  null: it can't be had
  void settle(std::shared_ptr<const Service> service);

 private:
  struct Waiter {
    async::Shard* shard;
    Then then;
  };

  std::atomic<State> state_{State::Pending};
  std::atomic<bool> wanted_{false};
  std::mutex mutex_;
  std::vector<Waiter> waiters_;               ///< under mutex_
  std::shared_ptr<const Service> service_{};  ///< written once, before state_
};

}  // namespace whorl::runtime
