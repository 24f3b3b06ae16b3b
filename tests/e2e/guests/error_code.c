// Answers with an error code instead of a response. Built with -DWHORL_NO_ENTRY.
#include "whorl_abi.h"

WHORL_EXPORT("wasi:http/incoming-handler@0.2.0#handle")
void handle(whorl_handle_t request, whorl_handle_t outparam) {
  wasi_request_drop(request);
  const int32_t http_request_denied = 15;
  wasi_outparam_set(outparam, 1, http_request_denied, 0, 0, 0, 0, 0, 0);
}
