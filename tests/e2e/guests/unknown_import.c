// Imports a function that no host offers: refused when the application starts.
#include "whorl.h"

__attribute__((import_module("example:store/things@1.2.0"), import_name("frobnicate"))) extern int
frobnicate(int);

void whorl_handle(whorl_request* request, whorl_response* response) {
  (void)request;
  whorl_print_number(response, (unsigned)frobnicate(1));
}
