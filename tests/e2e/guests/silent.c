// Returns without ever setting a response. Built with -DWHORL_NO_ENTRY.
#include "whorl_abi.h"

WHORL_EXPORT("wasi:http/incoming-handler@0.2.0#handle")
void handle(whorl_handle_t request, whorl_handle_t outparam) {
  wasi_request_drop(request);
  wasi_outparam_drop(outparam);
}
