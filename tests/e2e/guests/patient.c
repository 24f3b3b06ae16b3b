#include "whorl.h"

// Takes the whole request, thinks for a while, and says hello: requests of one client overlap, and
// what is wrong with one is known before it is answered.
void whorl_handle(whorl_request* request, whorl_response* response) {
  static char buffer[4096];
  while (whorl_read(request, buffer, sizeof buffer) > 0) {
  }
  whorl_sleep_ms(20);
  whorl_header(response, "content-type", "text/plain");
  whorl_print(response, "hello from a patient guest\n");
}
