#include "host/otel/otel_capability.hpp"

#include "base/check.hpp"

namespace whorl::host::otel {
namespace {

// In the order of Slots.
constexpr std::array<const component::HostInterface*, OtelCapability::kInterfaces> kInterfaces{
    &wit::wasi_otel_tracing::kInterface,
    &wit::wasi_otel_logs::kInterface,
    &wit::wasi_otel_metrics::kInterface,
    &wit::wasi_otel_types::kInterface,
};

class OtelGrant final : public Grant {
 public:
  explicit OtelGrant(const OtelCapability& capability) noexcept : capability_(capability) {}

  [[nodiscard]] std::unique_ptr<InstanceHosts> prepare(std::span<void*> hosts) const override {
    auto own = std::make_unique<Hosts>(capability_.recorders());
    // The thunks of an interface expect a pointer to its Host class.
    const std::array<void*, OtelCapability::kInterfaces> objects{
        static_cast<wit::wasi_otel_tracing::Host*>(&own->tracing),
        static_cast<wit::wasi_otel_logs::Host*>(&own->logs),
        static_cast<wit::wasi_otel_metrics::Host*>(&own->metrics),
        static_cast<wit::wasi_otel_types::Host*>(&own->types),
    };
    for (std::size_t i = 0; i < objects.size(); ++i) {
      const std::uint16_t slot = capability_.slots()[i];
      WHORL_CHECK(slot < hosts.size(), "a host slot beyond the registry");
      hosts[slot] = objects[i];
    }
    return own;
  }

 private:
  const OtelCapability& capability_;
};

}  // namespace

void OtelCapability::link(component::HostRegistry& registry) {
  if (!is_enabled_) {
    return;
  }
  for (std::size_t i = 0; i < kInterfaces; ++i) {
    slots_[i] = registry.add(*otel::kInterfaces[i]);
  }
}

Result<std::unique_ptr<const Grant>> AppOtelCapability::grant(const app::Component&) const {
  return std::unique_ptr<const Grant>(std::make_unique<const OtelGrant>(capability_));
}

}  // namespace whorl::host::otel
