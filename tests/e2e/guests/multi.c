#include "whorl.h"
#include "whorl_abi.h"

// One component with many behaviours, chosen by the first part of the path. What each is for is
// said beside it; test_*.py uses them by name.

// --- Ways to end badly ------------------------------------------------------------------------

__attribute__((noinline)) static void outer_function_that_traps(void) {
  __builtin_trap();
}

__attribute__((noinline)) static int deep(volatile int* seen, int depth) {
  volatile int here[64];
  here[depth & 63] = *seen;
  if (depth < 0) {
    return 0;  // after 2^31 frames, which no stack holds
  }
  return deep((volatile int*)here, depth + 1) + here[(depth + 1) & 63];
}

// Never returns and never calls the host.
static void loop_forever(void) {
  for (volatile unsigned i = 0;; ++i) {
  }
}

// Never returns, but calls the host all the time.
static void loop_with_calls(void) {
  for (;;) {
    whorl_env("NOTHING");
  }
}

// Takes memory until there is none.
static void memory_bomb(void) {
  for (;;) {
    char* piece = whorl_alloc(1 << 20);
    for (size_t i = 0; i < 1 << 20; i += 4096) {
      piece[i] = 1;
    }
  }
}

// --- Helpers ------------------------------------------------------------------------------------

// The decimal number after the last '/', 0 if there is none.
static unsigned long long last_number(whorl_text path) {
  unsigned long long value = 0;
  for (size_t i = 0; i < path.size; ++i) {
    char c = path.data[i];
    value =
        c == '/' ? 0 : (c >= '0' && c <= '9' ? value * 10 + (unsigned long long)(c - '0') : value);
  }
  return value;
}

// Sends that many bytes, a pattern that repeats every 251 bytes.
static void big(whorl_response* response, unsigned long long size) {
  static unsigned char piece[251 * 64];
  for (size_t i = 0; i < sizeof piece; ++i) {
    piece[i] = (unsigned char)(i % 251);
  }
  while (size > 0) {
    size_t now = size < sizeof piece ? (size_t)size : sizeof piece;
    if (!whorl_write(response, piece, now)) {
      return;
    }
    size -= now;
  }
}

// One byte every 50 ms.
static void drip(whorl_response* response, unsigned long long count) {
  for (unsigned long long i = 0; i < count; ++i) {
    if (!whorl_print(response, ".")) {
      return;
    }
    whorl_sleep_ms(50);
  }
}

// Everything about the request, a line each.
static void show(whorl_request* request, whorl_response* response) {
  size_t count;
  const whorl_field* fields = whorl_headers(request, &count);
  whorl_print_text(response, whorl_method(request));
  whorl_print(response, " ");
  whorl_print_text(response, whorl_path(request));
  whorl_print(response, "\nauthority: ");
  whorl_print_text(response, whorl_authority(request));
  for (size_t i = 0; i < count; ++i) {
    whorl_print(response, "\nheader ");
    whorl_print_text(response, fields[i].name);
    whorl_print(response, ": ");
    whorl_print_text(response, fields[i].value);
  }
  static char buffer[4096];
  unsigned long long size = 0;
  long now;
  while ((now = whorl_read(request, buffer, sizeof buffer)) > 0) {
    size += (unsigned long long)now;
  }
  whorl_print(response, now == 0 ? "\nbody: " : "\nbroken body: ");
  whorl_print_number(response, size);
  fields = whorl_trailers(request, &count);
  for (size_t i = 0; i < count; ++i) {
    whorl_print(response, "\ntrailer ");
    whorl_print_text(response, fields[i].name);
    whorl_print(response, ": ");
    whorl_print_text(response, fields[i].value);
  }
  whorl_print(response, "\n");
}

static void environment(whorl_response* response, const char* name) {
  whorl_text value = whorl_env(name);
  whorl_print(response, name);
  whorl_print(response, "=");
  whorl_print_text(response, value.data != NULL ? value : whorl_string("(unset)"));
  whorl_print(response, "\n");
}

static void dispatch(whorl_text path, whorl_request* request, whorl_response* response) {
  if (whorl_starts_with(path, "/trap-late")) {
    whorl_print(response, "the beginning");
    whorl_flush(response);  // the head is out, then the guest dies
    outer_function_that_traps();
  } else if (whorl_starts_with(path, "/trap")) {
    outer_function_that_traps();
  } else if (whorl_starts_with(path, "/deep")) {
    volatile int seed = 1;
    whorl_print_number(response, (unsigned)deep(&seed, 0));
  } else if (whorl_starts_with(path, "/loop-calls")) {
    loop_with_calls();
  } else if (whorl_starts_with(path, "/loop-late")) {
    whorl_print(response, "the beginning");
    whorl_flush(response);
    loop_forever();
  } else if (whorl_starts_with(path, "/loop")) {
    loop_forever();
  } else if (whorl_starts_with(path, "/bomb")) {
    memory_bomb();
  } else if (whorl_starts_with(path, "/big/")) {
    big(response, last_number(path));
  } else if (whorl_starts_with(path, "/drip/")) {
    drip(response, last_number(path));
  } else if (whorl_starts_with(path, "/sleep/")) {
    whorl_sleep_ms((unsigned)last_number(path));
    whorl_print(response, "slept\n");
  } else if (whorl_starts_with(path, "/take")) {
    // Answers only when it has all of the body.
    static char ignored[4096];
    while (whorl_read(request, ignored, sizeof ignored) > 0) {
    }
    whorl_print(response, "taken\n");
  } else if (whorl_starts_with(path, "/status/")) {
    whorl_status(response, (int)last_number(path));
  } else if (whorl_starts_with(path, "/log-flood")) {
    for (int i = 0; i < 5000; ++i) {
      whorl_log("a line to standard error that is as long as lines of logs tend to be in practice");
    }
    whorl_print(response, "flooded\n");
  } else if (whorl_starts_with(path, "/log")) {
    whorl_log("a line to standard error");
    whorl_out("a line to standard output");
    whorl_print(response, "logged\n");
  } else if (whorl_starts_with(path, "/env")) {
    environment(response, "GREETING");
    environment(response, "EXTRA");
  } else if (whorl_starts_with(path, "/trailers")) {
    whorl_print(response, "body\n");
    whorl_trailer(response, "x-first", "one");
    whorl_trailer(response, "x-second", "two");
  } else if (whorl_starts_with(path, "/early")) {
    whorl_print(response, "done before the body\n");  // answers without reading the request's body
  } else {
    show(request, response);
  }
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  dispatch(whorl_path(request), request, response);
}
