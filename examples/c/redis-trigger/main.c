#include "example.h"
#include "text.h"
#include "whorl_abi.h"

// Counts the messages of the channel `jobs` under the key `handled` of the same server.

// The result of the handler: 0, or 1 and an error of which there is one kind.
static uint8_t result[2] = {0, 1};

WHORL_EXPORT("fermyon:spin/inbound-redis#handle-message")
uint8_t* handle_message(const uint8_t* message, size_t size) {
  whorl_log_text((whorl_text){(const char*)message, size});
  example_string_t address = string_of(joined(whorl_string("redis://"), variable("server")));
  example_string_t key = words("handled");
  fermyon_spin_redis_own_connection_t connection;
  fermyon_spin_redis_error_t error;
  int64_t count = 0;
  const bool done = fermyon_spin_redis_static_connection_open(&address, &connection, &error) &&
                    fermyon_spin_redis_method_connection_incr(
                        fermyon_spin_redis_borrow_connection(connection), &key, &count, &error
                    );
  result[0] = done ? 0 : 1;
  return result;
}
