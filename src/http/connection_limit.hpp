/// ConnectionLimit: how many connections there may be at once, over all shards. @thread any
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace whorl::http {

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

 private:
  std::uint64_t most_;
  std::atomic<std::uint64_t> used_{0};
};

/// Limits that hold for a connection, in the order they are taken.
using ConnectionLimits = std::vector<std::shared_ptr<ConnectionLimit>>;

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
