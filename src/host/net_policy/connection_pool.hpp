/// ConnectionPool: the open connections of one shard to any number of servers, as few as are
/// needed.
///
/// Whoever wants to say something takes a connection, alone, and gives it back when the answer is
/// there. How many may be open is counted over all shards (http::ConnectionLimits), idle ones
/// included; a caller that finds them all in use waits. @thread shard
#pragma once

#include "async/deadline.hpp"
#include "async/event.hpp"
#include "async/timer.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"
#include "http/connection_limit.hpp"
#include "http/connection_stats.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace whorl::host::net_policy {

struct PoolOptions {
  http::ConnectionLimits limits;       ///< the capability's own first
  std::size_t max_idle = 64;           ///< of a shard
  std::chrono::seconds idle_time{30};  ///< after which an idle one is closed
  std::string_view kind{};             ///< what metrics call its connections; empty: none are taken
};

/// @tparam Key         what makes connections interchangeable: server, credentials, database
/// @tparam Connection  has `bool is_usable()`: idle, nothing unexpected received, not closed
template <class Key, class Connection>
class ConnectionPool final : private http::IdleHolder::Owner {
 public:
  /// A place among the open connections, and the connection once there is one. Dropped: both are
  /// gone; that is the way for one that is in the middle of something.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)),
          permit_(std::move(other.permit_)),
          connection_(std::move(other.connection_)) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(permit_, other.permit_);
      std::swap(connection_, other.connection_);
      return *this;
    }
    ~Lease() {
      if (pool_ != nullptr) {
        connection_.reset();
        permit_ = {};
        pool_->freed_.notify();
      }
    }
    /// Null for a place whose connection is still to be made.
    [[nodiscard]] Connection* connection() const noexcept { return connection_.get(); }
    void set(std::unique_ptr<Connection> connection) noexcept {
      connection_ = std::move(connection);
    }

   private:
    friend class ConnectionPool;
    ConnectionPool* pool_ = nullptr;
    http::ConnectionPermit permit_;
    std::unique_ptr<Connection> connection_;
  };

  /// @param shard  outlives the pool
  ConnectionPool(async::Shard& shard, PoolOptions options)
      : options_(std::move(options)),
        timer_(shard),
        sweep_(shard, *this),
        holder_(
            std::make_shared<http::IdleHolder>(shard, static_cast<http::IdleHolder::Owner&>(*this))
        ) {
    for (const auto& limit : options_.limits) {
      limit->add_holder(holder_);
    }
  }
  ~ConnectionPool() { holder_->detach(); }
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// An idle connection, or a place for a new one. The lease ends before the pool does.
  /// @return errors: Overloaded when none is to be had by the deadline; Cancelled
  [[nodiscard]] Result<Lease> take(Caller caller, const Key& key, async::Deadline deadline) {
    const auto full = [&] {
      http::count_no_place(options_.kind, options_.limits);
      return fail(ErrorKind::Overloaded, "too many connections");
    };
    std::optional<std::chrono::steady_clock::time_point> waits_since;
    const auto count = [&] {
      const auto waited = waits_since ? std::chrono::steady_clock::now() - *waits_since
                                      : std::chrono::nanoseconds(0);
      http::count_place(options_.kind, options_.limits, waited);
    };
    while (true) {
      if (Lease lease = take_idle(key); lease.connection() != nullptr) {
        count();
        return lease;
      }
      Lease lease;
      if (lease.permit_.try_take(options_.limits)) {
        lease.pool_ = this;
        count();
        return lease;
      }
      if (close_oldest()) {
        continue;
      }
      const bool is_closed = std::ranges::any_of(options_.limits, [](const auto& limit) {
        return limit->most() == 0;
      });
      if (is_closed || deadline.is_expired()) {
        return full();
      }
      if (!waits_since) {
        waits_since = std::chrono::steady_clock::now();
      }
      // A place may be given back on another shard, which has no way to tell this one.
      http::reclaim_places(options_.limits);
      const auto retry = deadline.earlier(async::Deadline::after(kRetry));
      auto waited = async::wait_on(caller.shard, caller.fiber, freed_, retry);
      if (!waited && waited.error().kind() == ErrorKind::Cancelled) {
        return waited.take_error();
      }
    }
  }

  /// Gives back a connection that can serve anybody. When places are scarce it is closed, unless
  /// somebody on this shard waits: an idle one here would keep another shard out.
  void give_back(const Key& key, Lease lease) {
    const bool is_scarce = std::ranges::any_of(options_.limits, [](const auto& limit) {
      return limit->used() > limit->most() / 4 * 3;
    });
    if (lease.connection() == nullptr || options_.max_idle == 0 ||
        (is_scarce && !freed_.has_waiters())) {
      return;
    }
    if (idle_.size() >= options_.max_idle) {
      close_oldest();
    }
    lease.pool_ = nullptr;  // an idle one tells nobody when it goes
    idle_.push_back({key, std::move(lease), async::Deadline::after(options_.idle_time)});
    if (!sweep_.is_linked()) {
      timer_.event().add(sweep_);
      timer_.start(idle_.front().until);
    }
    freed_.notify();
  }

  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }

 private:
  struct Idle {
    Key key;
    Lease lease;
    async::Deadline until;
  };

  /// Closes what has been idle for too long.
  class Sweep final : public async::Waiter {
   public:
    Sweep(async::Shard& shard, ConnectionPool& pool) noexcept : shard_(shard), pool_(pool) {}
    void on_event() noexcept override {
      shard_.post([alive = std::weak_ptr<bool>(pool_.alive_), &pool = pool_] {
        if (!alive.expired()) {
          pool.sweep();
        }
      });
    }

   private:
    async::Shard& shard_;
    ConnectionPool& pool_;
  };

  /// How often a caller that waits looks for places given back elsewhere.
  static constexpr std::chrono::milliseconds kRetry{10};

  Lease take_idle(const Key& key) {
    // The one used last: its server is the least likely to have closed it.
    for (auto entry = idle_.rbegin(); entry != idle_.rend();) {
      if (!(entry->key == key)) {
        ++entry;
        continue;
      }
      Idle taken = std::move(*entry);
      entry = std::make_reverse_iterator(idle_.erase(std::next(entry).base()));
      if (!taken.until.is_expired() && taken.lease.connection()->is_usable()) {
        taken.lease.pool_ = this;
        return std::move(taken.lease);
      }
    }
    return {};
  }

  void close_idle_one() noexcept override { static_cast<void>(close_oldest()); }

  bool close_oldest() {
    if (idle_.empty()) {
      return false;
    }
    idle_.pop_front();
    return true;
  }

  void sweep() {
    std::erase_if(idle_, [](const Idle& each) { return each.until.is_expired(); });
    if (!idle_.empty() && !sweep_.is_linked()) {
      timer_.event().add(sweep_);
      timer_.start(idle_.front().until);
    }
  }

  PoolOptions options_;
  async::Event freed_;
  std::deque<Idle> idle_;  ///< the one used last at the back
  async::Timer timer_;
  Sweep sweep_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::shared_ptr<http::IdleHolder> holder_;
};

}  // namespace whorl::host::net_policy
