/// KeptToken: a credential that is fetched when needed and kept until shortly before it expires.
///
/// Guests of one shard that need it at the same time wait for one fetch; shards fetch for
/// themselves, which costs a request each and no lock. A failure is kept for a moment, so that a
/// service of identities in trouble is not asked at the rate of requests. @thread shard; one object
/// serves all shards
#pragma once

#include "async/deadline.hpp"
#include "async/event.hpp"
#include "async/shard_local.hpp"
#include "async/timer.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace whorl::host::remote {

template <class T>
class KeptToken {
 public:
  struct Fetched {
    std::shared_ptr<const T> token;
    async::Deadline expires;
  };
  /// How long before its end a token is not used any more.
  static constexpr std::chrono::seconds kMargin{30};
  static constexpr std::chrono::seconds kFailureKept{1};
  /// How long a guest waits for another one's fetch.
  static constexpr std::chrono::seconds kPatience{60};

  /// @param fetch  (Caller) -> Result<Fetched>; parks
  template <class Fetch>
  [[nodiscard]] Result<std::shared_ptr<const T>> get(Caller caller, Fetch fetch) {
    Slot& slot = slots_.get(caller.shard, [] { return std::make_shared<Slot>(); });
    const auto deadline = async::Deadline::after(kPatience);
    while (slot.is_fetching) {
      auto waited = async::wait_on(caller.shard, caller.fiber, slot.done, deadline);
      if (!waited) {
        return waited.take_error();
      }
    }
    if (slot.token != nullptr && !slot.until.is_expired()) {
      return slot.token;
    }
    if (slot.failure && !slot.until.is_expired()) {
      return slot.failure->clone();
    }
    slot.is_fetching = true;
    auto fetched = fetch(caller);
    slot.is_fetching = false;
    slot.token = nullptr;
    slot.failure.reset();
    if (fetched) {
      slot.token = std::move(fetched->token);
      slot.until = fetched->expires.is_never()
                       ? fetched->expires
                       : async::Deadline(fetched->expires.time_point() - kMargin);
    } else if (fetched.error().kind() != ErrorKind::Cancelled) {
      slot.failure = fetched.error().clone();
      slot.until = async::Deadline::after(kFailureKept);
    }
    slot.done.notify();
    return fetched ? Result<std::shared_ptr<const T>>(slot.token) : fetched.take_error();
  }

  /// Makes the next get() fetch anew: the token was refused.
  void forget(async::Shard& shard) {
    slots_.get(shard, [] { return std::make_shared<Slot>(); }).token = nullptr;
  }

 private:
  struct Slot {
    std::shared_ptr<const T> token;
    std::optional<Error> failure;
    async::Deadline until;
    bool is_fetching = false;
    async::Event done;
  };
  async::PerShard<Slot> slots_;
};

}  // namespace whorl::host::remote
