#include "whorl.h"
#include "whorl_abi.h"

// Depends on adder.c: answers with what its functions say.

#define PROBE(name) WHORL_IMPORT("test:sums/probe@1.0.0", name)

PROBE("add") int32_t probe_add(int32_t a, int32_t b);
PROBE("environment") int32_t probe_environment(void);
PROBE("variable") int32_t probe_variable(void);
PROBE("files") int32_t probe_files(void);

static void line(whorl_response* response, const char* name, int32_t value) {
  whorl_print(response, name);
  whorl_print(response, value < 0 ? " denied" : " ");
  if (value >= 0) {
    whorl_print_number(response, (unsigned)value);
  }
  whorl_print(response, "\n");
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  (void)request;
  line(response, "add", probe_add(40, 2));
  line(response, "environment", probe_environment());
  line(response, "variable", probe_variable());
  line(response, "files", probe_files());
}
