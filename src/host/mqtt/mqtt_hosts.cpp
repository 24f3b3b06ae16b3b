#include "host/mqtt/mqtt_hosts.hpp"

#include "host/caller.hpp"
#include "host/net_policy/grants.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace whorl::host::mqtt {
namespace {

namespace spin = wit::fermyon_spin_mqtt;

spin::Error to_connection_error(const Error& error) {
  return error.kind() == ErrorKind::Overloaded ? spin::Error::too_many_connections()
                                               : spin::Error::connection_failed(error.message());
}

spin::Error to_publish_error(const Error& error) {
  return error.kind() == ErrorKind::Overloaded ? spin::Error::too_many_connections()
                                               : spin::Error::other(error.message());
}

class SpinConnection final : public spin::Connection {
 public:
  SpinConnection(std::shared_ptr<MqttClient> client, MqttAddress address, std::size_t& open)
      : client_(std::move(client)),
        address_(std::make_shared<const MqttAddress>(std::move(address))),
        open_(open) {
    ++open_;
  }
  ~SpinConnection() override { --open_; }

  component::HostResult<std::expected<void, spin::Error>> publish(
      component::Call& call, std::string_view topic, ByteView payload, spin::Qos qos
  ) override {
    // Copied: the handle may be dropped, and the guest's memory move, while this waits.
    return answer(
        call,
        [client = client_,
         address = address_,
         name = std::string(topic),
         bytes = Bytes(payload.begin(), payload.end()),
         qos](Caller caller) {
          return client->publish(caller, *address, name, bytes, static_cast<Quality>(qos));
        },
        to_publish_error
    );
  }

 private:
  std::shared_ptr<MqttClient> client_;
  std::shared_ptr<const MqttAddress> address_;
  std::size_t& open_;
};

}  // namespace

component::HostResult<std::expected<component::Own<spin::Connection>, spin::Error>>
SpinHost::connection_open(
    component::Call& call,
    std::string_view address,
    std::string_view username,
    std::string_view password,
    std::uint64_t keep_alive_interval_in_secs
) {
  using Opened = std::expected<component::Own<spin::Connection>, spin::Error>;
  auto parsed = parse_mqtt_address(address);
  if (!parsed) {
    return Opened(std::unexpect, spin::Error::invalid_address());
  }
  if (!net_policy::check_grant(access_.grants, parsed->url)) {
    // The guest's own words, as in Spin; the operator is told without them.
    return Opened(
        std::unexpect,
        spin::Error::connection_failed(fmt::format("address {} is not permitted", address))
    );
  }
  if (open_ >= kMaxConnections) {
    return Opened(std::unexpect, spin::Error::too_many_connections());
  }
  if (username.find('\0') != std::string_view::npos ||
      password.find('\0') != std::string_view::npos) {
    return Opened(
        std::unexpect, spin::Error::connection_failed("a zero byte in a user or password")
    );
  }
  parsed->user = username;
  parsed->password = password;
  parsed->keep_alive = static_cast<std::uint16_t>(std::clamp<std::uint64_t>(
      keep_alive_interval_in_secs,
      MqttClient::kLeastKeepAlive,
      std::numeric_limits<std::uint16_t>::max()
  ));
  auto checked = answer(
      call,
      [&](Caller caller) { return access_.client->check(caller, *parsed); },
      to_connection_error
  );
  if (!checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (!*checked) {
    return Opened(std::unexpect, std::move(checked->error()));
  }
  return Opened(std::make_unique<SpinConnection>(access_.client, *std::move(parsed), open_));
}

}  // namespace whorl::host::mqtt
