// A command of WASI preview 1 behind the WAGI executor, without a C library. Built with
// -DWHORL_NO_ENTRY -DWHORL_COMMAND. What it does stands in its query.
#include "whorl_abi.h"

#define P1 "wasi_snapshot_preview1"

typedef struct {
  const void* data;
  uint32_t size;
} buffer_t;

// clang-format off
WHORL_IMPORT(P1, "fd_read") int32_t fd_read(int32_t, buffer_t *, int32_t, uint32_t *);
WHORL_IMPORT(P1, "fd_write") int32_t fd_write(int32_t, const buffer_t *, int32_t, uint32_t *);
WHORL_IMPORT(P1, "args_sizes_get") int32_t args_sizes_get(uint32_t *, uint32_t *);
WHORL_IMPORT(P1, "args_get") int32_t args_get(char **, char *);
WHORL_IMPORT(P1, "environ_sizes_get") int32_t environ_sizes_get(uint32_t *, uint32_t *);
WHORL_IMPORT(P1, "environ_get") int32_t environ_get(char **, char *);
WHORL_IMPORT(P1, "proc_exit") _Noreturn void proc_exit(int32_t);
// clang-format on

static char* list[512];
static char texts[65536];
static char body[65536];
static int count;

static uint32_t length(const char* text) {
  uint32_t size = 0;
  while (text[size] != 0) {
    ++size;
  }
  return size;
}

static void write_bytes(const void* data, uint32_t size) {
  while (size > 0) {
    buffer_t part = {data, size};
    uint32_t written = 0;
    if (fd_write(1, &part, 1, &written) != 0) {
      __builtin_trap();
    }
    data = (const char*)data + written;
    size -= written;
  }
}

static void print(const char* text) {
  write_bytes(text, length(text));
}

static int equal(const char* a, const char* b) {
  while (*a != 0 && *a == *b) {
    ++a;
    ++b;
  }
  return *a == *b;
}

static uint32_t read_some(void) {
  buffer_t part = {body, sizeof body};
  uint32_t size = 0;
  if (fd_read(0, &part, 1, &size) != 0) {
    __builtin_trap();
  }
  return size;
}

static void tell_all(void) {
  print("Content-Type: text/plain\n\n");
  uint32_t items = 0;
  uint32_t size = 0;
  args_sizes_get(&items, &size);
  args_get(list, texts);
  for (uint32_t i = 0; i < items; ++i) {
    print("arg ");
    print(list[i]);
    print("\n");
  }
  environ_sizes_get(&items, &size);
  environ_get(list, texts);
  for (uint32_t i = 0; i < items; ++i) {
    print("env ");
    print(list[i]);
    print("\n");
  }
  print("stdin ");
  write_bytes(body, read_some());
  print("\n");
}

static void do_as_asked(const char* ask) {
  if (equal(ask, "status")) {
    print("Status: 418 I'm a teapot\n\nteapot");
  } else if (equal(ask, "location")) {
    print("Location: /elsewhere\n\n");
  } else if (equal(ask, "notype")) {
    print("X-A: b\n\nbody");
  } else if (equal(ask, "silent")) {
    return;
  } else if (equal(ask, "trap")) {
    print("Content-Type: text/plain\n\nnever seen");
    __builtin_trap();
  } else if (equal(ask, "exit1")) {
    print("Content-Type: text/plain\n\nnever seen");
    proc_exit(1);
  } else if (equal(ask, "exit0")) {
    print("Content-Type: text/plain\n\nleft early");
    proc_exit(0);
  } else if (equal(ask, "count")) {
    char digit = (char)('0' + ++count);
    print("Content-Type: text/plain\n\n");
    write_bytes(&digit, 1);
  } else if (equal(ask, "echo")) {
    print("Content-Type: application/octet-stream\n\n");
    for (uint32_t size = 0; (size = read_some()) > 0;) {
      write_bytes(body, size);
    }
  } else {
    tell_all();
  }
}

WHORL_EXPORT("_start") void start(void) {
  uint32_t items = 0;
  uint32_t size = 0;
  args_sizes_get(&items, &size);
  args_get(list, texts);
  do_as_asked(items > 1 ? list[1] : "");
}
