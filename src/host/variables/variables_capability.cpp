#include "host/variables/variables_capability.hpp"

namespace whorl::host::variables {
namespace {

class VariablesGrant final : public Grant {
 public:
  VariablesGrant(const Slots& slots, std::shared_ptr<const ComponentVariables> values)
      : slots_(slots), hosts_(std::make_unique<Hosts>(std::move(values))) {}

  [[nodiscard]] std::unique_ptr<InstanceHosts> prepare(std::span<void*> hosts) const override {
    hosts_->fill(slots_, hosts);
    return nullptr;
  }

 private:
  Slots slots_;
  std::unique_ptr<Hosts> hosts_;
};

}  // namespace

Result<std::unique_ptr<const Grant>> AppVariablesCapability::grant(const app::Component& component
) const {
  return std::unique_ptr<const Grant>(
      std::make_unique<const VariablesGrant>(capability_.slots(), variables_->of(component))
  );
}

}  // namespace whorl::host::variables
