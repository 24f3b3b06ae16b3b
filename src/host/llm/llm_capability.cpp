#include "host/llm/llm_capability.hpp"

#include "base/check.hpp"

namespace whorl::host::llm {
namespace {

// In the order of Slots.
constexpr std::array<const component::HostInterface*, LlmCapability::kInterfaces> kInterfaces{
    &wit::fermyon_spin_llm::kInterface,
    &wit::fermyon_spin_llm_v1::kInterface,
};

class LlmGrant final : public Grant {
 public:
  LlmGrant(const LlmCapability::Slots& slots, GrantedModels granted, std::shared_ptr<Models> models)
      : slots_(slots), shared_(std::make_unique<Shared>(std::move(granted), std::move(models))) {}

  [[nodiscard]] std::unique_ptr<InstanceHosts> prepare(std::span<void*> hosts) const override {
    // The thunks of an interface expect a pointer to its Host class.
    const std::array<void*, LlmCapability::kInterfaces> objects{
        static_cast<wit::fermyon_spin_llm::Host*>(&shared_->spin),
        static_cast<wit::fermyon_spin_llm_v1::Host*>(&shared_->v1),
    };
    for (std::size_t i = 0; i < objects.size(); ++i) {
      WHORL_CHECK(slots_[i] < hosts.size(), "a host slot beyond the registry");
      hosts[slots_[i]] = objects[i];
    }
    return nullptr;
  }

 private:
  /// What all instances of the component share.
  struct Shared {
    Shared(GrantedModels its_granted, std::shared_ptr<Models> its_models)
        : granted(std::move(its_granted)), models(std::move(its_models)) {}
    GrantedModels granted;
    std::shared_ptr<Models> models;
    SpinHost spin{granted, *models};
    SpinV1Host v1{granted, *models};
  };

  LlmCapability::Slots slots_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace

void LlmCapability::link(component::HostRegistry& registry) {
  for (std::size_t i = 0; i < kInterfaces; ++i) {
    slots_[i] = registry.add(*llm::kInterfaces[i]);
  }
}

Result<std::unique_ptr<const Grant>> AppLlmCapability::grant(const app::Component& component
) const {
  GrantedModels granted(component.ai_models.begin(), component.ai_models.end());
  return std::unique_ptr<const Grant>(
      std::make_unique<const LlmGrant>(slots_, std::move(granted), models_)
  );
}

}  // namespace whorl::host::llm
