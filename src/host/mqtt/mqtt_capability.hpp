/// MQTT as a capability: what the runtime plugs in.
#pragma once

#include "host/capability.hpp"
#include "host/mqtt/mqtt_hosts.hpp"
#include "host/variables/app_variables.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace whorl::host::mqtt {

class MqttCapability final : public Capability {
 public:
  static constexpr std::size_t kInterfaces = 2;
  /// Where the registry has put them.
  using Slots = std::array<std::uint16_t, kInterfaces>;

  void link(component::HostRegistry& registry) override;
  [[nodiscard]] const Slots& slots() const noexcept { return slots_; }

 private:
  Slots slots_{};
};

/// Lets each component reach the servers that it was granted.
class AppMqttCapability final : public AppCapability {
 public:
  /// @param capability      linked
  /// @param client          of the process
  /// @param app, variables  outlive this object
  AppMqttCapability(
      const MqttCapability& capability,
      std::shared_ptr<MqttClient> client,
      const app::LockedApp& app,
      const variables::AppVariables* variables
  )
      : slots_(capability.slots()), client_(std::move(client)), app_(app), variables_(variables) {}

  /// @return errors: InvalidInput for `allowed_outbound_hosts` that cannot be read
  [[nodiscard]] Result<std::unique_ptr<const Grant>> grant(const app::Component& component
  ) const override;

 private:
  MqttCapability::Slots slots_;
  std::shared_ptr<MqttClient> client_;
  const app::LockedApp& app_;
  const variables::AppVariables* variables_;
};

}  // namespace whorl::host::mqtt
