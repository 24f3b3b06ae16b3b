#include "whorl.h"
#include "whorl_abi.h"

// Reads the variable named by the last part of the path, through the interface named by the first:
// /spin/NAME, /config/NAME, /store/NAME, /all. The answer is the value, or "error <case> <text>".

WHORL_IMPORT("fermyon:spin/variables@2.0.0", "get") void spin_get(const char*, size_t, whorl_area*);
WHORL_IMPORT("fermyon:spin/config", "get-config")
void config_get(const char*, size_t, whorl_area*);
WHORL_IMPORT("wasi:config/store@0.2.0-draft-2024-09-27", "get")
void store_get(const char*, size_t, whorl_area*);
WHORL_IMPORT("wasi:config/store@0.2.0-draft-2024-09-27", "get-all") void store_all(whorl_area*);

static whorl_text text_at(const int32_t* words) {
  whorl_text text = {(const char*)(uintptr_t)(uint32_t)words[0], (size_t)(uint32_t)words[1]};
  return text;
}

// A result whose error is a variant of strings: the case stands at word 1, its text behind it.
static void print_error(whorl_response* response, const whorl_area* area) {
  whorl_print(response, "error ");
  whorl_print_number(response, area->u8[4]);
  whorl_print(response, " ");
  whorl_print_text(response, text_at(area->i32 + 2));
}

static void print_all(whorl_response* response) {
  whorl_area area;
  store_all(&area);
  if (area.u8[0] != 0) {
    print_error(response, &area);
    return;
  }
  const int32_t* pairs = (const int32_t*)(uintptr_t)(uint32_t)area.i32[1];
  for (int32_t i = 0; i < area.i32[2]; ++i) {
    whorl_print_text(response, text_at(pairs + 4 * i));
    whorl_print(response, "=");
    whorl_print_text(response, text_at(pairs + 4 * i + 2));
    whorl_print(response, "\n");
  }
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  whorl_text path = whorl_path(request);
  size_t name = path.size;
  while (name > 0 && path.data[name - 1] != '/') {
    --name;
  }
  const char* key = path.data + name;
  size_t size = path.size - name;
  whorl_area area;
  if (whorl_starts_with(path, "/all")) {
    print_all(response);
    return;
  }
  const int32_t* value = area.i32 + 1;
  if (whorl_starts_with(path, "/spin/")) {
    spin_get(key, size, &area);
  } else if (whorl_starts_with(path, "/config/")) {
    config_get(key, size, &area);
  } else {
    store_get(key, size, &area);
    if (area.u8[0] == 0 && area.u8[4] == 0) {
      whorl_print(response, "none");
      return;
    }
    value = area.i32 + 2;
  }
  if (area.u8[0] != 0) {
    print_error(response, &area);
  } else {
    whorl_print_text(response, text_at(value));
  }
}
