/// InstanceGate: how many instances may be alive at once, over all shards. @thread any
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace whorl::runtime {

class InstanceGate {
 public:
  explicit InstanceGate(std::uint32_t limit) noexcept : limit_(limit) {}
  InstanceGate(const InstanceGate&) = delete;
  InstanceGate& operator=(const InstanceGate&) = delete;

  /// Holds one place while it lives.
  class Place {
   public:
    Place() = default;
    explicit Place(InstanceGate& gate) noexcept : gate_(&gate) {}
    Place(Place&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Place() {
      if (gate_ != nullptr) {
        gate_->used_.fetch_sub(1, std::memory_order_relaxed);
      }
    }
    explicit operator bool() const noexcept { return gate_ != nullptr; }

   private:
    InstanceGate* gate_ = nullptr;
  };

  /// A place, or an empty one when all are taken.
  [[nodiscard]] Place try_enter() noexcept {
    if (used_.fetch_add(1, std::memory_order_relaxed) >= limit_) {
      used_.fetch_sub(1, std::memory_order_relaxed);
      return {};
    }
    return Place(*this);
  }
  [[nodiscard]] std::uint32_t limit() const noexcept { return limit_; }

 private:
  std::uint32_t limit_;
  std::atomic<std::uint32_t> used_{0};
};

}  // namespace whorl::runtime
