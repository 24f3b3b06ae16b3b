/// MqttLibrary: libmosquitto, loaded when it is first needed. Private to the capability.
/// @thread any
#pragma once

#include "base/result.hpp"

#include <mosquitto.h>

namespace whorl::host::mqtt {

struct MqttLibrary {
  decltype(&mosquitto_new) make = nullptr;
  decltype(&mosquitto_destroy) destroy = nullptr;
  decltype(&mosquitto_username_pw_set) set_login = nullptr;
  decltype(&mosquitto_void_option) set_pointer = nullptr;
  decltype(&mosquitto_int_option) set_number = nullptr;
  decltype(&mosquitto_ssl_get) ssl = nullptr;
  decltype(&mosquitto_connect_async) connect = nullptr;
  decltype(&mosquitto_disconnect) disconnect = nullptr;
  decltype(&mosquitto_publish) publish = nullptr;
  decltype(&mosquitto_socket) socket = nullptr;
  decltype(&mosquitto_want_write) wants_write = nullptr;
  decltype(&mosquitto_loop_read) read = nullptr;
  decltype(&mosquitto_loop_write) write = nullptr;
  decltype(&mosquitto_connect_callback_set) on_connect = nullptr;
  decltype(&mosquitto_publish_callback_set) on_publish = nullptr;
  decltype(&mosquitto_strerror) error_text = nullptr;
  decltype(&mosquitto_connack_string) refusal_text = nullptr;

  /// The library; the same for all. @return errors: Unavailable, which says what to install
  [[nodiscard]] static Result<const MqttLibrary*> get();
};

}  // namespace whorl::host::mqtt
