#include "whorl_abi.h"

// A component that others depend on: sums, and what it can see of what it was not given.
// Built with -DWHORL_NO_ENTRY.

WHORL_IMPORT("wasi:filesystem/preopens@0.2.0", "get-directories") void get_folders(whorl_area*);
WHORL_IMPORT("fermyon:spin/variables@2.0.0", "get")
void get_variable(const char*, size_t, whorl_area*);

WHORL_EXPORT("test:sums/probe@1.0.0#add") int32_t add(int32_t a, int32_t b) {
  return a + b;
}

WHORL_EXPORT("test:sums/probe@1.0.0#environment") int32_t environment(void) {
  whorl_area area;
  wasi_environment(&area);
  return area.i32[1];
}

WHORL_EXPORT("test:sums/probe@1.0.0#files") int32_t files(void) {
  whorl_area area;
  get_folders(&area);
  return area.i32[1];
}

WHORL_EXPORT("test:sums/probe@1.0.0#variable") int32_t variable(void) {
  whorl_area area;
  get_variable("v", 1, &area);
  return area.u8[0] == 0 ? area.i32[2] : -1;
}
