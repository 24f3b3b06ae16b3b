#include "whorl_abi.h"

// A dependency that stands for the host's settings (WHORL_NO_ENTRY): each value is its key's first
// letter and how many environment variables there are, which WASI preview 1 says.

#define P1 "wasi_snapshot_preview1"
WHORL_IMPORT(P1, "environ_sizes_get") int32_t environ_sizes_get(uint32_t*, uint32_t*);

static struct {
  int32_t is_error;
  const char* data;
  int32_t size;
} result;
static char text[4];

WHORL_EXPORT("fermyon:spin/config#get-config")
void* get_config(const char* key, int32_t size) {
  uint32_t items = 0;
  uint32_t bytes = 0;
  environ_sizes_get(&items, &bytes);
  text[0] = size == 0 ? '-' : key[0];
  text[1] = ' ';
  text[2] = (char)('0' + items);
  result.data = text;
  result.size = 3;
  return &result;
}
