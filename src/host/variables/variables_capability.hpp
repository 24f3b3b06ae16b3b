/// Variables as a capability: what the runtime plugs in.
#pragma once

#include "host/capability.hpp"
#include "host/variables/variables_hosts.hpp"

#include <memory>
#include <utility>

namespace whorl::host::variables {

class VariablesCapability final : public Capability {
 public:
  void link(component::HostRegistry& registry) override { slots_ = register_variables(registry); }
  [[nodiscard]] const Slots& slots() const noexcept { return slots_; }

 private:
  Slots slots_;
};

/// Gives each component the variables of its own table.
class AppVariablesCapability final : public AppCapability {
 public:
  /// @param capability  linked; outlives this object
  /// @param variables   never null
  AppVariablesCapability(
      const VariablesCapability& capability, std::shared_ptr<const AppVariables> variables
  ) noexcept
      : capability_(capability), variables_(std::move(variables)) {}

  [[nodiscard]] Result<std::unique_ptr<const Grant>> grant(const app::Component& component
  ) const override;

 private:
  const VariablesCapability& capability_;
  std::shared_ptr<const AppVariables> variables_;
};

}  // namespace whorl::host::variables
