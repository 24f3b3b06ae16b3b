#include "whorl_abi.h"

// A module in the manner of 2022 (WHORL_NO_ENTRY: its handler has a name of its own). The path
// below /base says what it does.

typedef struct {
  const char* data;
  int32_t size;
} text;
typedef struct {
  text name;
  text value;
} pair;
typedef struct {
  int32_t status;  // of which 16 bits count
  int32_t has_headers;
  const pair* headers;
  int32_t header_count;
  int32_t has_body;
  const char* body;
  int32_t body_size;
} answer;

// clang-format off
WHORL_IMPORT("spin-config", "get-config") void get_config(const char *, int32_t, whorl_area *);
WHORL_IMPORT("key-value", "open") void kv_open(const char *, int32_t, whorl_area *);
WHORL_IMPORT("key-value", "set") void kv_set(int32_t, const char *, int32_t, const char *, int32_t, whorl_area *);
WHORL_IMPORT("key-value", "get") void kv_get(int32_t, const char *, int32_t, whorl_area *);
WHORL_IMPORT("outbound-redis", "publish") void redis_publish(const char *, int32_t, const char *, int32_t, const char *, int32_t, whorl_area *);
WHORL_IMPORT("outbound-pg", "execute") void pg_execute(const char *, int32_t, const char *, int32_t, const void *, int32_t, whorl_area *);
WHORL_IMPORT("wasi-outbound-http", "request") void http_request(int32_t, const char *, int32_t, const pair *, int32_t, const pair *, int32_t, int32_t, const char *, int32_t, whorl_area *);
// clang-format on

extern char __heap_base;
static uintptr_t next;

WHORL_EXPORT("canonical_abi_realloc")
void* canonical_abi_realloc(void* old, int32_t old_size, int32_t alignment, int32_t size) {
  if (next == 0) {
    next = (uintptr_t)&__heap_base;
  }
  uintptr_t at = (next + (uintptr_t)alignment - 1) & ~((uintptr_t)alignment - 1);
  next = at + (uintptr_t)size;
  while (next > __builtin_wasm_memory_size(0) * 65536) {
    if (__builtin_wasm_memory_grow(0, 1) == (size_t)-1) {
      __builtin_trap();
    }
  }
  for (int32_t i = 0; i < old_size; ++i) {
    ((char*)at)[i] = ((char*)old)[i];
  }
  return (void*)at;
}
WHORL_EXPORT("canonical_abi_free") void canonical_abi_free(void* at, int32_t size, int32_t align) {
  (void)at;
  (void)size;
  (void)align;
}

static char out[65536];
static int32_t used;

static void put(const char* data, int32_t size) {
  for (int32_t i = 0; i < size && used < (int32_t)sizeof out; ++i) {
    out[used++] = data[i];
  }
}
static int32_t length(const char* word) {
  int32_t size = 0;
  while (word[size] != '\0') {
    ++size;
  }
  return size;
}
static void say(const char* word) {
  put(word, length(word));
}
static void number(int32_t value) {
  char digits[12];
  int32_t at = 12;
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  put(digits + at, 12 - at);
}

// The rest of a path after a word; null if it begins with another.
static const char* after(text path, const char* word, int32_t* size) {
  int32_t prefix = length(word);
  if (path.size < prefix) {
    return 0;
  }
  for (int32_t i = 0; i < prefix; ++i) {
    if (path.data[i] != word[i]) {
      return 0;
    }
  }
  *size = path.size - prefix;
  return path.data + prefix;
}

// A result whose error is a number at an offset.
static int failed(const whorl_area* area, int32_t offset) {
  if (area->u8[0] == 0) {
    return 0;
  }
  say("error ");
  number(area->u8[offset]);
  return 1;
}

static void say_value(const whorl_area* area) {
  put((const char*)(uintptr_t)(uint32_t)area->i32[1], area->i32[2]);
}

static void use_store(const char* label, const char* key, int32_t size) {
  whorl_area area;
  kv_open(label, length(label), &area);
  if (failed(&area, 4)) {
    return;
  }
  int32_t store = area.i32[1];
  kv_set(store, key, size, "value of ", 9, &area);
  kv_get(store, key, size, &area);
  if (!failed(&area, 4)) {
    say_value(&area);
    put(key, size);
  }
}

static void fetch(const char* url, int32_t size) {
  whorl_area area;
  http_request(0, url, size, 0, 0, 0, 0, 0, 0, 0, &area);
  if (failed(&area, 4)) {
    return;
  }
  number(*(uint16_t*)&area.u8[4]);
  say(" ");
  if (area.u8[20] != 0) {
    put((const char*)(uintptr_t)(uint32_t)area.i32[6], area.i32[7]);
  }
}

static void show(
    int32_t method, text uri, const pair* headers, int32_t count, int32_t params, text body
) {
  say("method ");
  number(method);
  say(" uri ");
  put(uri.data, uri.size);
  say(" params ");
  number(params);
  say(" body ");
  number(body.size);
  say(" ");
  put(body.data, body.size);
  for (int32_t i = 0; i < count; ++i) {
    say("\n");
    put(headers[i].name.data, headers[i].name.size);
    say(": ");
    put(headers[i].value.data, headers[i].value.size);
  }
}

WHORL_EXPORT("handle-http-request")
const answer* handle(
    int32_t method,
    const char* uri,
    int32_t uri_size,
    const pair* headers,
    int32_t header_count,
    const pair* params,
    int32_t param_count,
    int32_t has_body,
    const char* body,
    int32_t body_size
) {
  static answer result;
  (void)params;
  text path = {uri + 6, uri_size - 6};
  int32_t size = 0;
  const char* rest = 0;
  whorl_area area;
  result.status = 200;
  result.has_body = 1;
  if ((rest = after(path, "status/", &size)) != 0) {
    int32_t status = 0;
    for (int32_t i = 0; i < size; ++i) {
      status = status * 10 + (rest[i] - '0');
    }
    result.status = status;
  } else if ((rest = after(path, "config/", &size)) != 0) {
    get_config(rest, size, &area);
    if (!failed(&area, 4)) {
      say_value(&area);
    }
  } else if ((rest = after(path, "kv/", &size)) != 0) {
    use_store("default", rest, size);
  } else if ((rest = after(path, "kv-no-such/", &size)) != 0) {
    use_store("nowhere", rest, size);
  } else if (after(path, "http/", &size) != 0) {
    fetch("/target", 7);
  } else if (after(path, "http-denied", &size) != 0) {
    fetch("http://example.com/", 19);
  } else if (after(path, "http-invalid", &size) != 0) {
    fetch("nowhere", 7);
  } else if (after(path, "redis", &size) != 0) {
    redis_publish("redis://localhost", 17, "c", 1, "p", 1, &area);
    (void)failed(&area, 1);
  } else if (after(path, "pg", &size) != 0) {
    pg_execute("postgres://localhost", 20, "x", 1, 0, 0, &area);
    (void)failed(&area, 8);
  } else if (after(path, "nothing", &size) != 0) {
    result.has_body = 0;
  } else {
    text given = {body, has_body ? body_size : 0};
    show(method, (text){uri, uri_size}, headers, header_count, param_count, given);
  }
  result.body = out;
  result.body_size = used;
  return &result;
}
