#include "whorl_abi.h"

// A module in the manner of 2022 that takes messages of Redis (WHORL_NO_ENTRY: its handler has a
// name of its own). It writes each message to the key of that name and counts them in "seen".

// clang-format off
WHORL_IMPORT("outbound-redis", "set") void redis_set(const char*, int32_t, const char*, int32_t, const char*, int32_t, whorl_area*);
WHORL_IMPORT("outbound-redis", "incr") void redis_incr(const char*, int32_t, const char*, int32_t, whorl_area*);
WHORL_IMPORT("wasi_snapshot_preview1", "environ_sizes_get") int32_t environ_sizes_get(size_t*, size_t*);
WHORL_IMPORT("wasi_snapshot_preview1", "environ_get") int32_t environ_get(char**, char*);
// clang-format on

extern char __heap_base;
static uintptr_t next;

WHORL_EXPORT("canonical_abi_realloc")
void* canonical_abi_realloc(void* old, int32_t old_size, int32_t alignment, int32_t size) {
  (void)old;
  (void)old_size;
  if (next == 0) {
    next = (uintptr_t)&__heap_base;
  }
  const uintptr_t at = (next + (uintptr_t)alignment - 1) & ~((uintptr_t)alignment - 1);
  next = at + (uintptr_t)size;
  while (next > __builtin_wasm_memory_size(0) * 65536) {
    if (__builtin_wasm_memory_grow(0, 1) == (size_t)-1) {
      __builtin_trap();
    }
  }
  return (void*)at;
}

WHORL_EXPORT("canonical_abi_free") void canonical_abi_free(void* at, int32_t size, int32_t align) {
  (void)at;
  (void)size;
  (void)align;
}

static uint8_t result[2];

WHORL_EXPORT("handle-redis-message")
const uint8_t* handle(const char* message, int32_t size) {
  static char* variables[16];
  static char texts[1024];
  size_t count = 0;
  size_t bytes = 0;
  whorl_area area;
  environ_sizes_get(&count, &bytes);
  if (count != 1 || bytes > sizeof texts || (size == 4 && message[0] == 't')) {
    __builtin_trap();
  }
  environ_get(variables, texts);
  const char* address = texts + sizeof "ADDRESS=" - 1;
  const int32_t length = (int32_t)(bytes - sizeof "ADDRESS=");
  result[0] = size == 4 && message[0] == 'f';
  if (result[0] == 0) {
    redis_set(address, length, message, size, message, size, &area);
    redis_incr(address, length, "seen", 4, &area);
    result[0] = area.u8[0];
  }
  return result;
}
