#include "host/mqtt/mqtt_client.hpp"

#include <algorithm>
#include <utility>

namespace whorl::host::mqtt {
namespace {

constexpr std::chrono::seconds kIdleTime{5};
static_assert(kIdleTime < std::chrono::seconds(MqttClient::kLeastKeepAlive));
/// MQTT 3.1.1 §2.2.3: what a packet holds at most, less its topic.
constexpr std::uint64_t kMostPayload = 268'435'455 - 65'600;

}  // namespace

MqttClient::MqttClient(net_policy::Network& network, MqttOptions options)
    : network_(network), options_(std::move(options)) {
  const auto& total = network.options().total;
  options_.pool.limits.insert(options_.pool.limits.end(), total.begin(), total.end());
  options_.pool.idle_time = kIdleTime;
}

MqttClient::Pool& MqttClient::pool(async::Shard& shard) {
  return pools_.get(shard, [&] { return std::make_shared<Pool>(shard, options_.pool); });
}

Result<MqttClient::Pool::Lease> MqttClient::lease(Caller caller, const MqttAddress& address) {
  const auto deadline = async::Deadline::after(options_.connect);
  WHORL_TRY(auto lease, pool(caller.shard).take(caller, address, deadline));
  if (lease.connection() == nullptr) {
    WHORL_TRY(auto made, MqttConnection::open(caller, network_, ids_, address, deadline));
    lease.set(std::move(made));
  }
  return lease;
}

Result<> MqttClient::check(Caller caller, const MqttAddress& address) {
  WHORL_TRY(auto held, lease(caller, address));
  pool(caller.shard).give_back(address, std::move(held));
  return {};
}

Result<> MqttClient::publish(
    Caller caller,
    const MqttAddress& address,
    const std::string& topic,
    const Bytes& payload,
    Quality quality
) {
  const std::uint64_t most = options_.max_payload_bytes.value_or(kMostPayload);
  if (payload.size() > std::min(most, kMostPayload)) {
    return fail(
        ErrorKind::ResourceLimit,
        "payload size {} exceeds the maximum allowed size of {} bytes",
        payload.size(),
        std::min(most, kMostPayload)
    );
  }
  WHORL_TRY(auto held, lease(caller, address));
  const auto deadline = async::Deadline::after(options_.answer);
  auto sent = held.connection()->publish(caller, topic, payload, quality, deadline);
  if (sent || sent.error().kind() == ErrorKind::InvalidInput) {
    pool(caller.shard).give_back(address, std::move(held));
  }
  return sent;
}

}  // namespace whorl::host::mqtt
