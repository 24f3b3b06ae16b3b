#include "example.h"
#include "text.h"

// Greets as it is configured: `whorl up --variable greeting=Hi`.

void whorl_handle(whorl_request* request, whorl_response* response) {
  (void)request;
  whorl_print_text(response, variable("greeting"));
  whorl_print(response, "\n");
}
