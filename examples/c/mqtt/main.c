#include "example.h"
#include "text.h"

// Publishes what is posted, at the topic that the path says.

void whorl_handle(whorl_request* request, whorl_response* response) {
  example_string_t address = string_of(joined(
      joined(whorl_string("mqtt://"), variable("server")), whorl_string("?client_id=whorl-example")
  ));
  example_string_t nobody = words("");
  fermyon_spin_mqtt_own_connection_t connection;
  fermyon_spin_mqtt_error_t error;
  if (!fermyon_spin_mqtt_static_connection_open(
          &address, &nobody, &nobody, 30, &connection, &error
      )) {
    fail(response, "the broker cannot be reached\n");
    return;
  }
  whorl_text path = whorl_path(request);
  example_string_t topic = string_of(take_part(&path));
  const example_string_t body = string_of(body_of(request, 64 * 1024));
  fermyon_spin_mqtt_payload_t payload = {body.ptr, body.len};
  if (!fermyon_spin_mqtt_method_connection_publish(
          fermyon_spin_mqtt_borrow_connection(connection),
          &topic,
          &payload,
          FERMYON_SPIN_MQTT_QOS_AT_LEAST_ONCE,
          &error
      )) {
    fail(response, "the broker does not take it\n");
    return;
  }
  whorl_print(response, "published\n");
}
