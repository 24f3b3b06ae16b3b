#define WHORL_NO_ENTRY
#include "whorl.h"
#include "whorl_abi.h"

// Takes messages of a Redis channel and does with each what it says: "set KEY" writes the message
// to that key of the server in the variable ADDRESS, "fail" says that it failed, "trap" ends,
// "loop" never does, "slow KEY" waits 200 ms first.

typedef struct {
  const char* data;
  size_t size;
} text;

WHORL_IMPORT("fermyon:spin/redis", "set")
void redis_set(const char*, size_t, const char*, size_t, const char*, size_t, whorl_area*);
WHORL_IMPORT("fermyon:spin/redis", "incr")
void redis_incr(const char*, size_t, const char*, size_t, whorl_area*);

static uint8_t result[2];
static int seen;

static bool begins(text message, const char* word) {
  size_t i = 0;
  while (i < message.size && word[i] != '\0' && message.data[i] == word[i]) {
    ++i;
  }
  return word[i] == '\0';
}

WHORL_EXPORT("fermyon:spin/inbound-redis#handle-message")
uint8_t* handle_message(const char* data, size_t size) {
  const text message = {data, size};
  const whorl_text address = whorl_env("ADDRESS");
  whorl_area area;
  result[0] = 0;
  result[1] = 1;
  if (begins(message, "fail")) {
    result[0] = 1;
  } else if (begins(message, "trap")) {
    __builtin_trap();
  } else if (begins(message, "loop")) {
    for (volatile unsigned i = 0;; ++i) {
    }
  } else {
    const size_t skipped = begins(message, "slow ") ? 5 : 4;
    if (skipped == 5) {
      whorl_sleep_ms(200);
    }
    if (++seen == 1) {  // a fresh instance each time
      redis_set(address.data, address.size, data + skipped, size - skipped, data, size, &area);
    }
    redis_incr(address.data, address.size, "handled", 7, &area);
  }
  return result;
}
