#include "host/mqtt/mqtt_address.hpp"

namespace whorl::host::mqtt {

Result<MqttAddress> parse_mqtt_address(std::string_view text) {
  MqttAddress made;
  WHORL_TRY(made.url, net_policy::parse_outbound_url(text, "mqtt", kDefaultPort));
  if (made.url.scheme != "mqtt") {
    return fail(ErrorKind::InvalidInput, "the scheme of an MQTT address is mqtt");
  }
  const std::string* id = made.url.find("client_id");
  if (id == nullptr || id->empty() || id->find('\0') != std::string::npos) {
    return fail(ErrorKind::InvalidInput, "an MQTT address names a client_id");
  }
  made.client_id = *id;
  return made;
}

}  // namespace whorl::host::mqtt
