/// FiberStacks: the engine's fiber stacks beyond one for each instance, shared by all components.
///
/// The first fiber of an event has its stack for certain: there are as many as instances. Calls
/// that wait at the same time need further ones. A component may hold as many of those as are still
/// free: one that takes all it can get has half of them, two have a third each, and something is
/// left for whoever comes next. Those over their share are ended, not their neighbours (ADR 35).
/// @thread any
#pragma once

#include "component/fiber_share.hpp"

#include <atomic>
#include <cstdint>
#include <string>

namespace whorl::runtime {

class FiberStacks {
 public:
  explicit FiberStacks(std::uint32_t total) noexcept : total_(total) {}
  FiberStacks(const FiberStacks&) = delete;
  FiberStacks& operator=(const FiberStacks&) = delete;

  [[nodiscard]] std::uint32_t total() const noexcept { return total_; }
  [[nodiscard]] std::uint32_t used() const noexcept {
    return used_.load(std::memory_order_relaxed);
  }

 private:
  friend class ComponentFibers;

  std::uint32_t total_;
  std::atomic<std::uint32_t> used_{0};
};

/// What one component has of them.
class ComponentFibers final : public component::FiberShare {
 public:
  /// @param stacks  outlives this object
  explicit ComponentFibers(FiberStacks& stacks) noexcept : stacks_(stacks) {}
  ComponentFibers(const ComponentFibers&) = delete;
  ComponentFibers& operator=(const ComponentFibers&) = delete;

  [[nodiscard]] bool try_take() noexcept override;
  void give_back() noexcept override;
  [[nodiscard]] bool is_scarce() const noexcept override;
  [[nodiscard]] std::string refusal() const override;
  [[nodiscard]] std::uint32_t held() const noexcept {
    return held_.load(std::memory_order_relaxed);
  }

 private:
  FiberStacks& stacks_;
  std::atomic<std::uint32_t> held_{0};
};

}  // namespace whorl::runtime
