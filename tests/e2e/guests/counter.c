#include "whorl.h"

// Counts its requests in a global and in memory: a fresh instance always answers "1 1".
static unsigned count;
static unsigned filled[1024] = {7};

void whorl_handle(whorl_request* request, whorl_response* response) {
  (void)request;
  filled[1000] += 1;
  whorl_print_number(response, ++count);
  whorl_print(response, " ");
  whorl_print_number(response, filled[1000]);
}
