#include "host/mqtt/mqtt_address.hpp"

namespace whorl::host::mqtt {

Result<MqttAddress> parse_mqtt_address(std::string_view text) {
  MqttAddress made;
  WHORL_TRY(made.url, net_policy::parse_outbound_url(text, "mqtt", kDefaultPort));
  made.is_tls = made.url.scheme == "mqtts" || made.url.scheme == "ssl";
  if (!made.is_tls && made.url.scheme != "mqtt" && made.url.scheme != "tcp") {
    return fail(ErrorKind::InvalidInput, "the scheme of an MQTT address is mqtt or mqtts");
  }
  if (made.is_tls && !made.url.has_port) {
    made.url.port = kDefaultTlsPort;
  }
  const std::string* id = made.url.find("client_id");
  if (id == nullptr || id->empty() || id->find('\0') != std::string::npos) {
    return fail(ErrorKind::InvalidInput, "an MQTT address names a client_id");
  }
  made.client_id = *id;
  return made;
}

}  // namespace whorl::host::mqtt
