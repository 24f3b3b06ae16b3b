/// FiberShare: how many fibers besides their first one the events of a component may have.
///
/// Each is a stack of the engine's pool, which all applications share. @thread any
#pragma once

#include <string>

namespace whorl::component {

class FiberShare {
 public:
  /// @return false when the share, or the pool, is used up
  [[nodiscard]] virtual bool try_take() noexcept = 0;
  virtual void give_back() noexcept = 0;
  /// Fibers without work are better given back than kept.
  [[nodiscard]] virtual bool is_scarce() const noexcept = 0;
  /// Why there was none, for the operator.
  [[nodiscard]] virtual std::string refusal() const = 0;

 protected:
  ~FiberShare() = default;
};

}  // namespace whorl::component
