/// MqttClient: messages to MQTT brokers over pooled connections, each borrowed for one message.
/// @thread shard; one client serves all shards
#pragma once

#include "async/shard_local.hpp"
#include "host/mqtt/client_ids.hpp"
#include "host/mqtt/mqtt_connection.hpp"
#include "host/net_policy/connection_pool.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace whorl::host::mqtt {

struct MqttOptions {
  /// Limits of every shard's pool. Idle times are shorter than what brokers wait for a sign of
  /// life.
  net_policy::PoolOptions pool{};
  std::optional<std::uint64_t> max_payload_bytes{};
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds answer{30'000};  ///< from a message to its acknowledgement
};

class MqttClient {
 public:
  using Pool = net_policy::ConnectionPool<MqttAddress, MqttConnection>;
  static constexpr std::uint64_t kDefaultConnections = 256;
  /// What a guest's keep-alive is taken for at least, seconds; idle connections are closed before.
  static constexpr std::uint16_t kLeastKeepAlive = 10;

  /// @param network  outlives the client
  MqttClient(net_policy::Network& network, MqttOptions options);
  MqttClient(const MqttClient&) = delete;
  MqttClient& operator=(const MqttClient&) = delete;

  /// Makes sure that the broker is there and lets us in.
  /// @return errors: Overloaded (too many connections), MqttConnection::open()'s
  [[nodiscard]] Result<> check(Caller caller, const MqttAddress& address);
  /// @return errors: check()'s, ResourceLimit (the payload), MqttConnection::publish()'s
  [[nodiscard]] Result<> publish(
      Caller caller,
      const MqttAddress& address,
      const std::string& topic,
      const Bytes& payload,
      Quality quality
  );

 private:
  [[nodiscard]] Result<Pool::Lease> lease(Caller caller, const MqttAddress& address);
  [[nodiscard]] Pool& pool(async::Shard& shard);

  net_policy::Network& network_;
  MqttOptions options_;
  ClientIds ids_;
  async::PerShard<Pool> pools_;
};

}  // namespace whorl::host::mqtt
