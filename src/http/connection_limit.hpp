/// ConnectionLimit: how many connections there may be at once, over all shards. @thread any
///
/// Idle connections count too. Whoever keeps some says so (IdleHolder), so that one who finds no
/// place can ask for some to be closed, wherever they are kept and whatever they are for.
#pragma once

#include "async/shard.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace whorl::http {

/// Somebody on a shard who keeps idle connections, and closes one when others need the place.
class IdleHolder {
 public:
  /// Who is told, on its shard.
  class Owner {
   public:
    /// Closes the idle connection that was used longest ago, if there is one.
    virtual void close_idle_one() noexcept = 0;

   protected:
    ~Owner() = default;
  };

  /// @param owner  detach()es before it goes
  IdleHolder(async::Shard& shard, Owner& owner) noexcept : shard_(shard), owner_(&owner) {}
  IdleHolder(const IdleHolder&) = delete;
  IdleHolder& operator=(const IdleHolder&) = delete;
  /// @thread the owner's shard
  void detach() noexcept { owner_ = nullptr; }
  /// Tells the owner of `self`: at once on its own shard, else soon. @thread any
  static void ask(const std::shared_ptr<IdleHolder>& self);

 private:
  async::Shard& shard_;
  Owner* owner_;
  std::atomic<bool> is_asked_{false};
};

class ConnectionLimit {
 public:
  explicit ConnectionLimit(std::uint64_t most) noexcept : most_(most) {}
  ConnectionLimit(const ConnectionLimit&) = delete;
  ConnectionLimit& operator=(const ConnectionLimit&) = delete;

  [[nodiscard]] std::uint64_t most() const noexcept { return most_; }
  [[nodiscard]] std::uint64_t used() const noexcept {
    return used_.load(std::memory_order_relaxed);
  }
  /// Counts one more, unless there are as many as may be.
  [[nodiscard]] bool try_enter() noexcept {
    if (used_.fetch_add(1, std::memory_order_relaxed) >= most_) {
      leave();
      return false;
    }
    return true;
  }
  void leave() noexcept { used_.fetch_sub(1, std::memory_order_relaxed); }
  /// Who may be asked to give way, as long as it lives.
  void add_holder(std::weak_ptr<IdleHolder> holder);
  /// Asks everybody who keeps idle connections to close one.
  void reclaim();

 private:
  std::uint64_t most_;
  std::atomic<std::uint64_t> used_{0};
  std::mutex mutex_;
  std::vector<std::weak_ptr<IdleHolder>> holders_;
};

/// Limits that hold for a connection, in the order they are taken.
using ConnectionLimits = std::vector<std::shared_ptr<ConnectionLimit>>;

/// reclaim()s those that are full: for who found no place and none of its own to give up.
void reclaim_places(std::span<const std::shared_ptr<ConnectionLimit>> limits);

/// A connection's place within all its limits, held while it lives.
class ConnectionPermit {
 public:
  /// Counts against nothing.
  ConnectionPermit() = default;
  ConnectionPermit(ConnectionPermit&&) noexcept = default;
  ConnectionPermit& operator=(ConnectionPermit&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~ConnectionPermit() {
    for (const auto& limit : held_) {
      limit->leave();
    }
  }

  /// Takes a place in each; none in any when one is full.
  [[nodiscard]] bool try_take(std::span<const std::shared_ptr<ConnectionLimit>> limits) {
    ConnectionPermit taken;
    for (const auto& limit : limits) {
      if (!limit->try_enter()) {
        return false;
      }
      taken.held_.push_back(limit);
    }
    *this = std::move(taken);
    return true;
  }

 private:
  std::vector<std::shared_ptr<ConnectionLimit>> held_;
};

}  // namespace whorl::http
