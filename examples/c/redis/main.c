#include "example.h"
#include "text.h"

// Counts requests in a Redis server.

void whorl_handle(whorl_request* request, whorl_response* response) {
  const whorl_text path = whorl_path(request);
  example_string_t address = string_of(joined(whorl_string("redis://"), variable("server")));
  fermyon_spin_redis_own_connection_t connection;
  fermyon_spin_redis_error_t error;
  if (!fermyon_spin_redis_static_connection_open(&address, &connection, &error)) {
    fail(response, "the server cannot be reached\n");
    return;
  }
  const fermyon_spin_redis_borrow_connection_t redis =
      fermyon_spin_redis_borrow_connection(connection);
  example_string_t key = string_of(path);
  example_string_t channel = words("asked");
  fermyon_spin_redis_payload_t message = {key.ptr, key.len};
  int64_t count = 0;
  if (!fermyon_spin_redis_method_connection_incr(redis, &key, &count, &error) ||
      !fermyon_spin_redis_method_connection_publish(redis, &channel, &message, &error)) {
    fail(response, "the server does not do it\n");
    return;
  }
  whorl_print_text(response, path);
  whorl_print(response, " was asked for ");
  whorl_print_number(response, (unsigned long long)count);
  whorl_print(response, " times\n");
}
