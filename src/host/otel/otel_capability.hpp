/// wasi:otel as a capability: what the runtime plugs in, where the operator asked for it.
#pragma once

#include "host/capability.hpp"
#include "host/otel/otel_hosts.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace whorl::host::otel {

class OtelCapability final : public Capability {
 public:
  static constexpr std::size_t kInterfaces = 4;
  /// Where the registry has put them.
  using Slots = std::array<std::uint16_t, kInterfaces>;

  /// Without this call link() offers nothing: components that import the interfaces are refused.
  void enable() noexcept { is_enabled_ = true; }
  [[nodiscard]] bool is_enabled() const noexcept { return is_enabled_; }
  void link(component::HostRegistry& registry) override;

  /// Filled by who makes recorders; read by guests.
  [[nodiscard]] telemetry::RecorderTable& recorders() noexcept { return recorders_; }
  [[nodiscard]] const telemetry::RecorderTable& recorders() const noexcept { return recorders_; }
  [[nodiscard]] const Slots& slots() const noexcept { return slots_; }

 private:
  bool is_enabled_ = false;
  Slots slots_{};
  telemetry::RecorderTable recorders_;
};

class AppOtelCapability final : public AppCapability {
 public:
  /// @param capability  linked and enabled; outlives the instances
  explicit AppOtelCapability(const OtelCapability& capability) noexcept : capability_(capability) {}
  [[nodiscard]] Result<std::unique_ptr<const Grant>> grant(const app::Component& component
  ) const override;

 private:
  const OtelCapability& capability_;
};

}  // namespace whorl::host::otel
