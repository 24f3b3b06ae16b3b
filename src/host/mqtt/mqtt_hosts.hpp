/// What guests import to send MQTT messages: `spin:mqtt@3.0.0`, whose functions are asynchronous,
/// and `fermyon:spin/mqtt@2.0.0`.
#pragma once

#include "host/capability.hpp"
#include "host/mqtt/mqtt_client.hpp"
#include "http/allowed_hosts.hpp"
#include "wit/fermyon_spin_mqtt.hpp"
#include "wit/spin_mqtt_mqtt.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace whorl::host::mqtt {

/// What a component may use. @thread any (immutable)
struct MqttAccess {
  std::shared_ptr<MqttClient> client;
  http::AllowedHosts grants;
};

/// Most connections a guest has open at once, over all versions.
inline constexpr std::size_t kMaxConnections = 1024;

/// fermyon:spin/mqtt@2.0.0
class SpinHost final : public wit::fermyon_spin_mqtt::Host {
 public:
  /// @param access  of the component
  /// @param open    connections of the instance; both outlive this object and its connections
  SpinHost(const MqttAccess& access, std::size_t& open) noexcept : access_(access), open_(open) {}
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

 private:
  const MqttAccess& access_;
  std::size_t& open_;
};

/// spin:mqtt/mqtt@3.0.0
class Spin3Host final : public wit::spin_mqtt_mqtt::Host {
 public:
  /// As of SpinHost.
  Spin3Host(const MqttAccess& access, std::size_t& open) noexcept : access_(access), open_(open) {}
  [[nodiscard]] component::HostResult<
      std::expected<component::Own<wit::spin_mqtt_mqtt::Connection>, wit::spin_mqtt_mqtt::Error>>
  connection_open(
      component::Call& call,
      std::string address,
      std::string username,
      std::string password,
      std::uint64_t keep_alive_interval_in_secs
  ) override;

 private:
  const MqttAccess& access_;
  std::size_t& open_;
};

/// The host objects of one instance.
class Hosts final : public InstanceHosts {
 public:
  /// @param access  outlives this object
  explicit Hosts(const MqttAccess& access) noexcept : spin(access, open), spin3(access, open) {}
  void reset() noexcept override {}
  /// In the order of MqttKind::kInterfaces.
  [[nodiscard]] std::array<void*, 2> objects() noexcept {
    return {
        static_cast<wit::fermyon_spin_mqtt::Host*>(&spin),
        static_cast<wit::spin_mqtt_mqtt::Host*>(&spin3),
    };
  }

  std::size_t open = 0;
  SpinHost spin;
  Spin3Host spin3;
};

}  // namespace whorl::host::mqtt
