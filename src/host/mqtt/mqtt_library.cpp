#include "host/mqtt/mqtt_library.hpp"

#include <dlfcn.h>

#include <optional>

namespace whorl::host::mqtt {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

/// Never unloaded: connections may live until the end.
std::optional<MqttLibrary> load() {
  void* library = ::dlopen("libmosquitto.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return std::nullopt;
  }
  MqttLibrary made;
  decltype(&mosquitto_lib_init) init = nullptr;
  const bool is_whole = find(library, "mosquitto_lib_init", init) &&
                        find(library, "mosquitto_new", made.make) &&
                        find(library, "mosquitto_destroy", made.destroy) &&
                        find(library, "mosquitto_username_pw_set", made.set_login) &&
                        find(library, "mosquitto_void_option", made.set_pointer) &&
                        find(library, "mosquitto_int_option", made.set_number) &&
                        find(library, "mosquitto_ssl_get", made.ssl) &&
                        find(library, "mosquitto_connect_async", made.connect) &&
                        find(library, "mosquitto_disconnect", made.disconnect) &&
                        find(library, "mosquitto_publish", made.publish) &&
                        find(library, "mosquitto_socket", made.socket) &&
                        find(library, "mosquitto_want_write", made.wants_write) &&
                        find(library, "mosquitto_loop_read", made.read) &&
                        find(library, "mosquitto_loop_write", made.write) &&
                        find(library, "mosquitto_connect_callback_set", made.on_connect) &&
                        find(library, "mosquitto_publish_callback_set", made.on_publish) &&
                        find(library, "mosquitto_strerror", made.error_text) &&
                        find(library, "mosquitto_connack_string", made.refusal_text);
  if (!is_whole || init() != MOSQ_ERR_SUCCESS) {
    return std::nullopt;
  }
  return made;
}

}  // namespace

Result<const MqttLibrary*> MqttLibrary::get() {
  static const std::optional<MqttLibrary> library = load();
  if (!library) {
    return fail(ErrorKind::Unavailable, "the MQTT client library is not installed on the host")
        .with_help("install libmosquitto 1 (Debian package libmosquitto1)");
  }
  return &*library;
}

}  // namespace whorl::host::mqtt
