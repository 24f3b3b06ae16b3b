/// What guests import to send MQTT messages: `fermyon:spin/mqtt@2.0.0`.
#pragma once

#include "host/capability.hpp"
#include "host/mqtt/mqtt_client.hpp"
#include "http/allowed_hosts.hpp"
#include "wit/fermyon_spin_mqtt.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace whorl::host::mqtt {

/// What a component may use. @thread any (immutable)
struct MqttAccess {
  std::shared_ptr<MqttClient> client;
  http::AllowedHosts grants;
};

/// fermyon:spin/mqtt@2.0.0. One per instance.
class SpinHost final : public wit::fermyon_spin_mqtt::Host, public InstanceHosts {
 public:
  /// Most connections a guest has open at once.
  static constexpr std::size_t kMaxConnections = 1024;

  explicit SpinHost(const MqttAccess& access) noexcept : access_(access) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::fermyon_spin_mqtt::Connection>,
      wit::fermyon_spin_mqtt::Error>>
  connection_open(
      component::Call& call,
      std::string_view address,
      std::string_view username,
      std::string_view password,
      std::uint64_t keep_alive_interval_in_secs
  ) override;
  void reset() noexcept override {}

 private:
  const MqttAccess& access_;
  std::size_t open_ = 0;
};

}  // namespace whorl::host::mqtt
