#include "whorl.h"

// Answers with a digest of all its memory as it found it, then leaves as much of itself behind as
// it can: at random places, in the heap, on the stack, in memory it grew, by the number at the end
// of the path. Every fresh instance of one build finds the same memory, so that all answers are
// alike; a byte that an earlier request left would change the digest.

enum { kArenaBytes = 96 * 1024, kFilledBytes = 16 * 1024 };
static unsigned char arena[kArenaBytes];
static unsigned filled[kFilledBytes / 4] = {0x5eed, 0xf00d};

static unsigned long long digest_of_memory(void) {
  const unsigned long long* words = (const unsigned long long*)16;  // 0 is no address in C
  const size_t count = __builtin_wasm_memory_size(0) * 8192 - 2;
  unsigned long long sum[4] = {1, 2, 3, 4};
  for (size_t i = 0; i + 4 <= count; i += 4) {
    for (size_t lane = 0; lane < 4; ++lane) {
      sum[lane] = (sum[lane] ^ words[i + lane]) * 0x9e3779b97f4a7c15ULL;
    }
  }
  return sum[0] ^ (sum[1] >> 7) ^ (sum[2] >> 13) ^ (sum[3] >> 29);
}

static unsigned long long state;

static unsigned dice(unsigned sides) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)(state >> 20) % sides;
}

__attribute__((noinline)) static unsigned dirty_stack(unsigned depth) {
  volatile unsigned here[256];
  for (unsigned i = 0; i < 256; i += 1 + dice(64)) {
    here[i] = 0xbadf00d + i;
  }
  return depth == 0 ? here[0] : dirty_stack(depth - 1) + here[7];
}

static void dirty_everything(void) {
  for (unsigned left = dice(200); left > 0; --left) {
    arena[dice(kArenaBytes)] = (unsigned char)(1 + dice(255));
  }
  if (dice(8) == 0) {
    const unsigned from = dice(kArenaBytes / 2);
    __builtin_memset(arena + from, 0xa5, dice(kArenaBytes / 2));
  }
  filled[dice(kFilledBytes / 4)] += 1 + dice(1000);
  if (dice(4) == 0) {
    const size_t size = 1 + dice(20000);
    __builtin_memset(whorl_alloc(size), 0x5a, size);
  }
  if (dice(4) == 0) {
    arena[0] += (unsigned char)dirty_stack(dice(12));
  }
  if (dice(64) == 0) {
    const size_t page = __builtin_wasm_memory_grow(0, 1);
    if (page != (size_t)-1) {
      __builtin_memset((char*)(page * 65536), 0xcc, 65536);
    }
  }
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  const unsigned long long found = digest_of_memory();
  const whorl_text path = whorl_path(request);
  state = 0x2545f4914f6cdd1dULL;
  for (size_t i = 0; i < path.size; ++i) {
    state = (state ^ (unsigned char)path.data[i]) * 0x100000001b3ULL;
  }
  dirty_everything();
  if (dice(100) == 0) {
    __builtin_trap();
  }
  whorl_print_number(response, found);
}
