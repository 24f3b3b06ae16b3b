/// MqttAddress: which broker, and as whom. Holds secrets. @thread any (a value)
#pragma once

#include "base/result.hpp"
#include "host/net_policy/outbound_url.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::host::mqtt {

struct MqttAddress {
  net_policy::OutboundUrl url{};
  std::string client_id{};
  std::string user{};
  std::string password{};
  std::uint16_t keep_alive = 0;  ///< seconds
  bool is_tls = false;

  /// The same broker, seen by the same client: connections are interchangeable.
  [[nodiscard]] bool operator==(const MqttAddress& other) const noexcept {
    return url.host == other.url.host && url.port == other.url.port &&
           client_id == other.client_id && user == other.user && password == other.password &&
           keep_alive == other.keep_alive && is_tls == other.is_tls;
  }
};

inline constexpr std::uint16_t kDefaultPort = 1883;
inline constexpr std::uint16_t kDefaultTlsPort = 8883;

/// Reads `mqtt://host[:port]?client_id=…`, or `mqtts://` for TLS; `tcp` and `ssl` mean the same, as
/// in Spin. @return errors: InvalidInput
[[nodiscard]] Result<MqttAddress> parse_mqtt_address(std::string_view text);

}  // namespace whorl::host::mqtt
