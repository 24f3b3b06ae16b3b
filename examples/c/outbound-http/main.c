#include "example.h"
#include "text.h"

// Asks another service, and tells what it answered.

void whorl_handle(whorl_request* request, whorl_response* response) {
  example_string_t name = words("server");
  example_option_string_t server;
  wasi_config_store_error_t missing;
  if (!wasi_config_store_get(&name, &server, &missing) || !server.is_some) {
    fail(response, "the variable server is not set\n");
    return;
  }
  const whorl_text url =
      joined(joined(whorl_string("http://"), text_of(server.val)), whorl_path(request));
  fermyon_spin_http_request_t asked = {
      .method = FERMYON_SPIN_HTTP_TYPES_METHOD_GET, .uri = string_of(url)
  };
  fermyon_spin_http_response_t answer;
  fermyon_spin_http_http_error_t error;
  if (!fermyon_spin_http_send_request(&asked, &answer, &error)) {
    fail(response, "the service does not answer\n");
    return;
  }
  whorl_print_text(response, url);
  whorl_print(response, " answered ");
  whorl_print_number(response, answer.status);
  whorl_print(response, " with ");
  whorl_print_number(response, answer.body.is_some ? answer.body.val.len : 0);
  whorl_print(response, " bytes\n");
}
