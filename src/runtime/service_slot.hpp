/// ServiceSlot: the place of a service that may still be being prepared when its first event
/// arrives, and may be replaced by a better one of the same later.
///
/// It settles twice at most: settle() ends the wait, replace() puts a service with better code in
/// the first one's place. What has begun with the first ends with it.
/// @thread any
#pragma once

#include "async/shard.hpp"
#include "runtime/service.hpp"

#include <array>
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
  /// The service; null unless it is ready. For shards: held by the slot until the turn of the
  /// shard's loop ends, longer only by who copies it.
  [[nodiscard]] const std::shared_ptr<const Service>* get() const noexcept {
    return current_.load(std::memory_order_acquire);
  }
  /// The same for who is on no shard. @return null unless it is ready
  [[nodiscard]] std::shared_ptr<const Service> hold() const;

  /// Has `then` run on the shard, never inside this call, when the slot is not pending any more.
  /// Somebody waits from now on: is_wanted().
  /// @param shard  its loop runs until the slot is settled
  void when_settled(async::Shard& shard, Then then);
  [[nodiscard]] bool is_wanted() const noexcept { return wanted_.load(std::memory_order_relaxed); }

  /// Ends the wait; the first call counts. @param service  null: it can't be had
  void settle(std::shared_ptr<const Service> service);

  /// Events from now on get this service; once, and only where the slot is ready.
  /// @return the service until now, which the slot holds until release_replaced(); null when
  ///         nothing was replaced
  std::shared_ptr<const Service> replace(std::shared_ptr<const Service> better);
  /// Every shard has begun a turn of its loop since replace(): nobody has what get() gave before.
  void release_replaced();

 private:
  struct Waiter {
    async::Shard* shard;
    Then then;
  };

  std::atomic<State> state_{State::Pending};
  std::atomic<const std::shared_ptr<const Service>*> current_{nullptr};  ///< into services_
  std::atomic<bool> wanted_{false};
  mutable std::mutex mutex_;
  std::vector<Waiter> waiters_;  ///< under mutex_
  /// By settling. Under mutex_, but for whom current_ leads to one.
  std::array<std::shared_ptr<const Service>, 2> services_;
};

}  // namespace whorl::runtime
