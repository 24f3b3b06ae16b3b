/// Language models as a capability: what the runtime plugs in.
#pragma once

#include "host/capability.hpp"
#include "host/llm/llm_hosts.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace whorl::host::llm {

class LlmCapability final : public Capability {
 public:
  static constexpr std::size_t kInterfaces = 2;
  /// Where the registry has put them.
  using Slots = std::array<std::uint16_t, kInterfaces>;

  void link(component::HostRegistry& registry) override;
  [[nodiscard]] const Slots& slots() const noexcept { return slots_; }

 private:
  Slots slots_{};
};

/// Gives each component the models it names.
class AppLlmCapability final : public AppCapability {
 public:
  /// @param capability  linked
  /// @param models      never null
  AppLlmCapability(const LlmCapability& capability, std::shared_ptr<Models> models)
      : slots_(capability.slots()), models_(std::move(models)) {}

  [[nodiscard]] Result<std::unique_ptr<const Grant>> grant(const app::Component& component
  ) const override;

 private:
  LlmCapability::Slots slots_;
  std::shared_ptr<Models> models_;
};

}  // namespace whorl::host::llm
