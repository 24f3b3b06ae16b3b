#include "whorl.h"
#include "whorl_abi.h"

// Counts how often each path was asked for, in the default key-value store. The number is on the
// disk before the answer is sent: kill the program at any time, and it goes on where it was.

#define STORE "wasi:keyvalue/store@0.2.0-draft2"
#define ATOMICS "wasi:keyvalue/atomics@0.2.0-draft2"
WHORL_IMPORT(STORE, "open") void store_open(const char*, size_t, whorl_area*);
WHORL_IMPORT(STORE, "[resource-drop]bucket") void store_drop(int32_t);
WHORL_IMPORT(ATOMICS, "increment")
void store_increment(int32_t, const char*, size_t, int64_t, whorl_area*);

static void fail(whorl_response* response, const char* what) {
  whorl_status(response, 500);
  whorl_print(response, what);
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  const whorl_text path = whorl_path(request);
  whorl_area area;
  store_open("default", 7, &area);
  if (area.u8[0] != 0) {
    fail(response, "the store is not granted: key_value_stores in spin.toml\n");
    return;
  }
  const int32_t store = area.i32[1];
  store_increment(store, path.data, path.size, 1, &area);
  store_drop(store);
  if (area.u8[0] != 0) {
    fail(response, "the store cannot be written\n");
    return;
  }
  whorl_print_text(response, path);
  whorl_print(response, " was asked for ");
  whorl_print_number(response, area.u64[1]);
  whorl_print(response, " times\n");
}
