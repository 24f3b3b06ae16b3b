// Sets a response with a body that it never finishes, then traps. Built with -DWHORL_NO_ENTRY.
#include "whorl_abi.h"

WHORL_EXPORT("wasi:http/incoming-handler@0.2.0#handle")
void handle(whorl_handle_t request, whorl_handle_t outparam) {
  whorl_area area;
  (void)request;
  whorl_handle_t response = wasi_response_new(wasi_fields_new());
  wasi_response_set_status(response, 201);
  wasi_response_body(response, &area);
  wasi_outparam_set(outparam, 0, response, 0, 0, 0, 0, 0, 0);
  __builtin_trap();
}
