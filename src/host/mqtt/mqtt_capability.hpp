/// MQTT as a capability: what the runtime plugs in.
#pragma once

#include "host/mqtt/mqtt_hosts.hpp"
#include "host/net_policy/client_capability.hpp"

#include <array>

namespace whorl::host::mqtt {

/// The kind of client.
struct MqttKind {
  using Client = MqttClient;
  using Access = MqttAccess;
  static constexpr std::array<const component::HostInterface*, 2> kInterfaces{
      &wit::fermyon_spin_mqtt::kInterface,
      &wit::spin_mqtt_mqtt::kInterface,
  };
  using Hosts = mqtt::Hosts;
};

using MqttCapability = net_policy::ClientCapability<MqttKind>;
using AppMqttCapability = net_policy::AppClientCapability<MqttKind>;

}  // namespace whorl::host::mqtt
