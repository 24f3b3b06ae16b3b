#include "host/mqtt/mqtt_hosts.hpp"

#include "host/caller.hpp"
#include "host/host_span.hpp"
#include "host/net_policy/grants.hpp"
#include "wit/spin_mqtt_mqtt_abi.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace whorl::host::mqtt {
namespace {

namespace v2 = wit::fermyon_spin_mqtt;
namespace v3 = wit::spin_mqtt_mqtt;

constexpr SpanSite kOpen{.name = "spin_outbound_mqtt.open_connection"};
constexpr SpanSite kPublish{
    .name = "spin_outbound_mqtt.publish", .kind = telemetry::SpanKind::Producer
};

std::string_view to_string(Quality quality) noexcept {
  switch (quality) {
    case Quality::AtMostOnce:
      return "at-most-once";
    case Quality::AtLeastOnce:
      return "at-least-once";
    default:
      return "exactly-once";
  }
}

// Both versions have the same errors and qualities, in the same order.
template <class Theirs>
Theirs to_connection_error(const Error& error) {
  return error.kind() == ErrorKind::Overloaded ? Theirs::too_many_connections()
                                               : Theirs::connection_failed(error.message());
}

template <class Theirs>
Theirs to_publish_error(const Error& error) {
  return error.kind() == ErrorKind::Overloaded ? Theirs::too_many_connections()
                                               : Theirs::other(error.message());
}

/// What a guest has opened, of either version.
class Opened {
 public:
  Opened(std::shared_ptr<MqttClient> client, MqttAddress address, std::size_t& open)
      : client_(std::move(client)),
        address_(std::make_shared<const MqttAddress>(std::move(address))),
        open_(open) {
    ++open_;
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() { --open_; }

  /// Keeps what it was given: the handle may be dropped, and the guest's memory move, while this
  /// waits.
  template <class Theirs>
  [[nodiscard]] component::HostResult<std::expected<void, Theirs>> publish(
      component::Call& call, std::string topic, Bytes payload, Quality quality
  ) const {
    return answer(
        call,
        [client = client_,
         address = address_,
         name = std::move(topic),
         bytes = std::move(payload),
         quality](Caller caller) {
          HostSpan span(kPublish);
          span.set("topic", name)
              .set("qos", to_string(quality))
              .set("messaging.operation", "publish")
              .set("messaging.system", "mqtt")
              .set("messaging.destination.name", name);
          return span.note(client->publish(caller, *address, name, bytes, quality));
        },
        to_publish_error<Theirs>
    );
  }

 private:
  std::shared_ptr<MqttClient> client_;
  std::shared_ptr<const MqttAddress> address_;
  std::size_t& open_;
};

class SpinConnection final : public v2::Connection {
 public:
  SpinConnection(std::shared_ptr<MqttClient> client, MqttAddress address, std::size_t& open)
      : opened_(std::move(client), std::move(address), open) {}
  component::HostResult<std::expected<void, v2::Error>> publish(
      component::Call& call, std::string_view topic, ByteView payload, v2::Qos qos
  ) override {
    return opened_.publish<v2::Error>(
        call, std::string(topic), Bytes(payload.begin(), payload.end()), static_cast<Quality>(qos)
    );
  }

 private:
  Opened opened_;
};

class Spin3Connection final : public v3::Connection {
 public:
  Spin3Connection(std::shared_ptr<MqttClient> client, MqttAddress address, std::size_t& open)
      : opened_(std::move(client), std::move(address), open) {}
  component::HostResult<std::expected<void, v3::Error>> publish(
      component::Call& call, std::string topic, Bytes payload, v3::Qos qos
  ) override {
    return opened_.publish<v3::Error>(
        call, std::move(topic), std::move(payload), static_cast<Quality>(qos)
    );
  }

 private:
  Opened opened_;
};

struct Login {
  std::string_view address;
  std::string_view user;
  std::string_view password;
  std::uint64_t keep_alive_s = 0;
};

/// Opens a connection of either version.
template <class Resource, class Interface, class Theirs>
component::HostResult<std::expected<component::Own<Interface>, Theirs>> open_connection(
    component::Call& call, const MqttAccess& access, std::size_t& open, const Login& login
) {
  using Answer = std::expected<component::Own<Interface>, Theirs>;
  HostSpan span(kOpen);
  auto parsed = span.note(parse_mqtt_address(login.address));
  if (!parsed) {
    return Answer(std::unexpect, Theirs::invalid_address());
  }
  if (span.is_on()) {
    // No user: with some brokers that is a secret, too.
    span.set("address", parsed->url.to_destination())
        .set("keep_alive_interval", static_cast<std::int64_t>(login.keep_alive_s));
  }
  if (!net_policy::check_grant(access.grants, parsed->url)) {
    span.note_failure(ErrorKind::PermissionDenied);
    // The guest's own words, as in Spin; the operator is told without them.
    return Answer(
        std::unexpect,
        Theirs::connection_failed(fmt::format("address {} is not permitted", login.address))
    );
  }
  if (open >= kMaxConnections) {
    span.note_failure(ErrorKind::ResourceLimit);
    return Answer(std::unexpect, Theirs::too_many_connections());
  }
  if (login.user.find('\0') != std::string_view::npos ||
      login.password.find('\0') != std::string_view::npos) {
    return Answer(std::unexpect, Theirs::connection_failed("a zero byte in a user or password"));
  }
  parsed->user = login.user;
  parsed->password = login.password;
  parsed->keep_alive = static_cast<std::uint16_t>(std::clamp<std::uint64_t>(
      login.keep_alive_s, MqttClient::kLeastKeepAlive, std::numeric_limits<std::uint16_t>::max()
  ));
  auto checked =
      answer(call, [&](Caller caller) { return span.note(access.client->check(caller, *parsed)); }, to_connection_error<Theirs>);
  if (!checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (!*checked) {
    return Answer(std::unexpect, std::move(checked->error()));
  }
  return Answer(std::make_unique<Resource>(access.client, *std::move(parsed), open));
}

}  // namespace

component::HostResult<std::expected<component::Own<v2::Connection>, v2::Error>>
SpinHost::connection_open(
    component::Call& call,
    std::string_view address,
    std::string_view username,
    std::string_view password,
    std::uint64_t keep_alive_interval_in_secs
) {
  return open_connection<SpinConnection, v2::Connection, v2::Error>(
      call, access_, open_, {address, username, password, keep_alive_interval_in_secs}
  );
}

component::HostResult<std::expected<component::Own<v3::Connection>, v3::Error>>
Spin3Host::connection_open(
    component::Call& call,
    std::string address,
    std::string username,
    std::string password,
    std::uint64_t keep_alive_interval_in_secs
) {
  return open_connection<Spin3Connection, v3::Connection, v3::Error>(
      call, access_, open_, {address, username, password, keep_alive_interval_in_secs}
  );
}

}  // namespace whorl::host::mqtt
