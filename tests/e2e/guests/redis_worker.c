#define WHORL_NO_ENTRY
#include "whorl.h"
#include "whorl_abi.h"

// Takes messages, "WORD REST", and does with each what its word says, on the server in the variable
// ADDRESS; "push" puts REST at the end of the list "log". "slow" sleeps 50 ms before that. "flaky"
// counts in the key REST, fails the first two times and then pushes. "hang" counts too, and the
// first time never ends. "fail" fails, "trap" traps. Where the server cannot be had it fails.

typedef struct {
  const char* data;
  size_t size;
} text;

typedef struct {
  int64_t tag;
  text bytes;
} parameter;

WHORL_IMPORT("fermyon:spin/redis", "incr")
void redis_incr(const char*, size_t, const char*, size_t, whorl_area*);
WHORL_IMPORT("fermyon:spin/redis", "execute")
void redis_execute(const char*, size_t, const char*, size_t, const parameter*, size_t, whorl_area*);

static uint8_t result[2];

static uint8_t* answer(bool is_good) {
  result[0] = is_good ? 0 : 1;
  result[1] = 1;
  return result;
}

static bool is(text word, const char* name) {
  size_t i = 0;
  while (i < word.size && name[i] != '\0' && word.data[i] == name[i]) {
    ++i;
  }
  return i == word.size && name[i] == '\0';
}

// The new count; 0 when there is none to be had.
static int64_t count(whorl_text address, text key) {
  whorl_area area;
  redis_incr(address.data, address.size, key.data, key.size, &area);
  return *(const uint8_t*)&area == 0 ? *(const int64_t*)((const char*)&area + 8) : 0;
}

static bool push(whorl_text address, text value) {
  const parameter words[2] = {{1, {"log", 3}}, {1, value}};
  whorl_area area;
  redis_execute(address.data, address.size, "RPUSH", 5, words, 2, &area);
  return *(const uint8_t*)&area == 0;
}

WHORL_EXPORT("fermyon:spin/inbound-redis#handle-message")
uint8_t* handle_message(const char* data, size_t size) {
  const whorl_text address = whorl_env("ADDRESS");
  text word = {data, 0};
  while (word.size < size && data[word.size] != ' ') {
    ++word.size;
  }
  const size_t skipped = word.size < size ? word.size + 1 : size;
  const text rest = {data + skipped, size - skipped};
  if (is(word, "fail")) {
    return answer(false);
  }
  if (is(word, "trap")) {
    __builtin_trap();
  }
  if (is(word, "slow")) {
    whorl_sleep_ms(50);
  }
  if (is(word, "flaky") && count(address, rest) < 3) {
    return answer(false);
  }
  if (is(word, "hang") && count(address, rest) == 1) {
    whorl_sleep_ms(600000);
  }
  return answer(push(address, rest));
}
