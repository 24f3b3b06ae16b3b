#include "whorl.h"

// Greets, and says which path was asked for.
void whorl_handle(whorl_request* request, whorl_response* response) {
  whorl_header(response, "content-type", "text/plain");
  whorl_print(response, "Hello, World! You asked for ");
  whorl_print_text(response, whorl_path(request));
  whorl_print(response, "\n");
}
