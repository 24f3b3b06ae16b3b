#include "host/mqtt/mqtt_capability.hpp"

#include "base/check.hpp"
#include "host/net_policy/grants.hpp"

namespace whorl::host::mqtt {
namespace {

// In the order of Slots.
constexpr std::array<const component::HostInterface*, MqttCapability::kInterfaces> kInterfaces{
    &wit::fermyon_spin_mqtt::kInterface,
    &wit::spin_mqtt_mqtt::kInterface,
};

class MqttGrant final : public Grant {
 public:
  MqttGrant(const MqttCapability::Slots& slots, MqttAccess access)
      : slots_(slots), access_(std::move(access)) {}

  [[nodiscard]] std::unique_ptr<InstanceHosts> prepare(std::span<void*> hosts) const override {
    auto own = std::make_unique<Hosts>(access_);
    // The thunks of an interface expect a pointer to its Host class.
    const std::array<void*, MqttCapability::kInterfaces> objects{
        static_cast<wit::fermyon_spin_mqtt::Host*>(&own->spin),
        static_cast<wit::spin_mqtt_mqtt::Host*>(&own->spin3),
    };
    for (std::size_t i = 0; i < objects.size(); ++i) {
      WHORL_CHECK(slots_[i] < hosts.size(), "a host slot beyond the registry");
      hosts[slots_[i]] = objects[i];
    }
    return own;
  }

 private:
  MqttCapability::Slots slots_;
  MqttAccess access_;
};

}  // namespace

void MqttCapability::link(component::HostRegistry& registry) {
  for (std::size_t i = 0; i < kInterfaces; ++i) {
    slots_[i] = registry.add(*mqtt::kInterfaces[i]);
  }
}

Result<std::unique_ptr<const Grant>> AppMqttCapability::grant(const app::Component& component
) const {
  MqttAccess access{client_, {}};
  WHORL_TRY(access.grants, net_policy::allowed_hosts_of(app_, component, variables_));
  return std::unique_ptr<const Grant>(std::make_unique<const MqttGrant>(slots_, std::move(access)));
}

}  // namespace whorl::host::mqtt
