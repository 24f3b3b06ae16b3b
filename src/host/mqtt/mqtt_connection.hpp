/// MqttConnection: one connection to an MQTT broker, version 3.1.1, over libmosquitto without
/// blocking. @thread shard
#pragma once

#include "async/deadline.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"
#include "host/mqtt/client_ids.hpp"
#include "host/mqtt/mqtt_address.hpp"
#include "host/net_policy/network.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace whorl::host::mqtt {

enum class Quality : std::uint8_t { AtMostOnce, AtLeastOnce, ExactlyOnce };

class MqttConnection {
 public:
  /// Connects and waits until the broker has accepted. @param ids  outlives the connection
  /// @return errors: Network::resolve()'s and tls()'s, make_tls_handout()'s; Unavailable,
  ///         Unauthenticated (TLS too), DeadlineExceeded
  [[nodiscard]] static Result<std::unique_ptr<MqttConnection>> open(
      Caller caller,
      net_policy::Network& network,
      ClientIds& ids,
      const MqttAddress& address,
      async::Deadline deadline
  );
  struct Impl;
  explicit MqttConnection(std::unique_ptr<Impl> impl) noexcept;
  MqttConnection(const MqttConnection&) = delete;
  MqttConnection& operator=(const MqttConnection&) = delete;
  ~MqttConnection();

  /// Sends a message and waits for what its quality promises.
  /// @return errors: InvalidInput (the topic), Disconnected, DeadlineExceeded, Cancelled; the
  ///         connection is of no use any more, but after InvalidInput
  [[nodiscard]] Result<> publish(
      Caller caller,
      const std::string& topic,
      const Bytes& payload,
      Quality quality,
      async::Deadline deadline
  );
  /// Connected, idle, and the broker has said nothing.
  [[nodiscard]] bool is_usable() const;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace whorl::host::mqtt
