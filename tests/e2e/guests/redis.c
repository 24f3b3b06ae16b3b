#include "whorl.h"
#include "whorl_abi.h"

// Redis through both interfaces: POST /INTERFACE, where INTERFACE is v1 or v2. The first line of
// the body is the address, every further one a command: "get KEY", "set KEY VALUE", "publish
// CHANNEL TEXT", "incr KEY", "del KEY…", "sadd KEY VALUE…", "smembers KEY", "srem KEY VALUE…",
// "execute COMMAND ARGUMENT…", where an argument that begins with # is a number; "open" opens
// another connection and keeps the last. Each is answered by a line.

#define V1 "fermyon:spin/redis"
#define V2 "fermyon:spin/redis@2.0.0"

typedef struct {
  const char* data;
  size_t size;
} text;

typedef struct {
  int64_t tag;
  union {
    int64_t number;
    text bytes;
  } of;
} parameter;

// clang-format off
WHORL_IMPORT(V1, "publish") void v1_publish(const char *, size_t, const char *, size_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V1, "get") void v1_get(const char *, size_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V1, "set") void v1_set(const char *, size_t, const char *, size_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V1, "incr") void v1_incr(const char *, size_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V1, "del") void v1_del(const char *, size_t, const text *, size_t, whorl_area *);
WHORL_IMPORT(V1, "sadd") void v1_sadd(const char *, size_t, const char *, size_t, const text *, size_t, whorl_area *);
WHORL_IMPORT(V1, "smembers") void v1_smembers(const char *, size_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V1, "srem") void v1_srem(const char *, size_t, const char *, size_t, const text *, size_t, whorl_area *);
WHORL_IMPORT(V1, "execute") void v1_execute(const char *, size_t, const char *, size_t, const parameter *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[static]connection.open") void v2_open(const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.publish") void v2_publish(int32_t, const char *, size_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.get") void v2_get(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.set") void v2_set(int32_t, const char *, size_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.incr") void v2_incr(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.del") void v2_del(int32_t, const text *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.sadd") void v2_sadd(int32_t, const char *, size_t, const text *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.smembers") void v2_smembers(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.srem") void v2_srem(int32_t, const char *, size_t, const text *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.execute") void v2_execute(int32_t, const char *, size_t, const parameter *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[resource-drop]connection") void v2_drop(int32_t);
// clang-format on

enum { kMaxWords = 64 };

static char body[1 << 20];
static text words[kMaxWords];
static size_t word_count;
static text address;
static int32_t connection;
static whorl_response* out;

static bool is(text word, const char* name) {
  size_t i = 0;
  while (i < word.size && name[i] != '\0' && word.data[i] == name[i]) {
    ++i;
  }
  return i == word.size && name[i] == '\0';
}

static void print(const char* data, size_t size) {
  const whorl_text shown = {data, size};
  whorl_print_text(out, shown);
}

static void print_number(int64_t number) {
  if (number < 0) {
    whorl_print(out, "-");
    number = -number;
  }
  whorl_print_number(out, (uint64_t)number);
}

static const char* pointer(int32_t word) {
  return (const char*)(uintptr_t)(uint32_t)word;
}

// A result's error; false when it is none. Version 1 has an enum, version 2 a variant.
static bool print_error(char version, const uint8_t* tag, const uint8_t* error) {
  if (*tag == 0) {
    return false;
  }
  whorl_print(out, "error ");
  whorl_print_number(out, *error);
  if (version == '2' && *error == 3) {
    const int32_t* said = (const int32_t*)(error + 4);
    whorl_print(out, " ");
    print(pointer(said[0]), (size_t)said[1]);
  }
  return true;
}

static void print_list(const int32_t* list) {
  const int32_t* items = (const int32_t*)pointer(list[0]);
  for (int32_t i = 0; i < list[1]; ++i) {
    whorl_print(out, i == 0 ? "" : " ");
    print(pointer(items[2 * i]), (size_t)items[2 * i + 1]);
  }
}

static void print_results(const int32_t* list) {
  const char* item = pointer(list[0]);
  for (int32_t i = 0; i < list[1]; ++i, item += 16) {
    const int32_t* payload = (const int32_t*)(item + 8);
    whorl_print(out, i == 0 ? "" : " ");
    switch (*item) {
      case 0:
        whorl_print(out, "nil");
        break;
      case 1:
        whorl_print(out, "+");
        print(pointer(payload[0]), (size_t)payload[1]);
        break;
      case 2:
        whorl_print(out, ":");
        print_number(*(const int64_t*)(item + 8));
        break;
      default:
        print(pointer(payload[0]), (size_t)payload[1]);
    }
  }
}

static int64_t to_number(text word) {
  int64_t number = 0;
  for (size_t i = 1; i < word.size; ++i) {
    number = number * 10 + (word.data[i] - '0');
  }
  return number;
}

static void execute(char version, whorl_area* area) {
  static parameter parameters[kMaxWords];
  for (size_t i = 2; i < word_count; ++i) {
    parameter* made = &parameters[i - 2];
    made->tag = words[i].data[0] == '#' ? 0 : 1;
    if (made->tag == 0) {
      made->of.number = to_number(words[i]);
    } else {
      made->of.bytes = words[i];
    }
  }
  const size_t count = word_count - 2;
  if (version == '1') {
    v1_execute(address.data, address.size, words[1].data, words[1].size, parameters, count, area);
  } else {
    v2_execute(connection, words[1].data, words[1].size, parameters, count, area);
  }
}

// Calls the function; what it gives is of one of these shapes.
enum shape { kNothing, kOption, kBytes, kNumber32, kNumber64, kList, kResults };

static enum shape call_v1(whorl_area* area) {
  const char* key = words[1].data;
  const size_t size = words[1].size;
  const text* rest = words + 2;
  const size_t left = word_count - 2;
  if (is(words[0], "get")) {
    v1_get(address.data, address.size, key, size, area);
    return kBytes;
  }
  if (is(words[0], "set")) {
    v1_set(address.data, address.size, key, size, rest->data, rest->size, area);
    return kNothing;
  }
  if (is(words[0], "publish")) {
    v1_publish(address.data, address.size, key, size, rest->data, rest->size, area);
    return kNothing;
  }
  if (is(words[0], "smembers")) {
    v1_smembers(address.data, address.size, key, size, area);
    return kList;
  }
  if (is(words[0], "incr")) {
    v1_incr(address.data, address.size, key, size, area);
  } else if (is(words[0], "del")) {
    v1_del(address.data, address.size, words + 1, word_count - 1, area);
  } else if (is(words[0], "sadd")) {
    v1_sadd(address.data, address.size, key, size, rest, left, area);
  } else {
    v1_srem(address.data, address.size, key, size, rest, left, area);
  }
  return kNumber64;
}

static enum shape call_v2(whorl_area* area) {
  const char* key = words[1].data;
  const size_t size = words[1].size;
  const text* rest = words + 2;
  const size_t left = word_count - 2;
  if (is(words[0], "get")) {
    v2_get(connection, key, size, area);
    return kOption;
  }
  if (is(words[0], "set")) {
    v2_set(connection, key, size, rest->data, rest->size, area);
    return kNothing;
  }
  if (is(words[0], "publish")) {
    v2_publish(connection, key, size, rest->data, rest->size, area);
    return kNothing;
  }
  if (is(words[0], "smembers")) {
    v2_smembers(connection, key, size, area);
    return kList;
  }
  if (is(words[0], "incr")) {
    v2_incr(connection, key, size, area);
    return kNumber64;
  }
  if (is(words[0], "del")) {
    v2_del(connection, words + 1, word_count - 1, area);
  } else if (is(words[0], "sadd")) {
    v2_sadd(connection, key, size, rest, left, area);
  } else {
    v2_srem(connection, key, size, rest, left, area);
  }
  return kNumber32;
}

static void run(char version) {
  whorl_area area;
  enum shape shape = kResults;
  if (is(words[0], "execute")) {
    execute(version, &area);
  } else {
    shape = version == '1' ? call_v1(&area) : call_v2(&area);
  }
  // Errors and most values stand at 4; where a number of 64 bits is among the values, at 8. In
  // version 1 an error that stands alone is a byte behind its tag.
  const bool is_wide = shape == kNumber64;
  const size_t error = is_wide ? 8 : version == '1' && shape == kNothing ? 1 : 4;
  if (print_error(version, area.u8, area.u8 + error)) {
    return;
  }
  switch (shape) {
    case kNothing:
      whorl_print(out, "ok");
      break;
    case kOption:
      if (area.u8[4] == 0) {
        whorl_print(out, "none");
      } else {
        print(pointer(area.i32[2]), (size_t)area.i32[3]);
      }
      break;
    case kBytes:
      print(pointer(area.i32[1]), (size_t)area.i32[2]);
      break;
    case kNumber32:
      whorl_print_number(out, (uint32_t)area.i32[1]);
      break;
    case kNumber64:
      print_number((int64_t)area.u64[1]);
      break;
    case kList:
      print_list(area.i32 + 1);
      break;
    case kResults:
      print_results(area.i32 + 1);
      break;
  }
}

static bool open_connection(void) {
  whorl_area area;
  v2_open(address.data, address.size, &area);
  if (area.u8[0] != 0) {
    whorl_print(out, "open ");
    print_error('2', area.u8, area.u8 + 4);
    return false;
  }
  connection = area.i32[1];
  return true;
}

static void split(const char* line, size_t size) {
  word_count = 0;
  for (size_t begin = 0; begin <= size && word_count < kMaxWords;) {
    size_t end = begin;
    while (end < size && line[end] != ' ') {
      ++end;
    }
    words[word_count].data = line + begin;
    words[word_count].size = end - begin;
    ++word_count;
    begin = end + 1;
  }
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  out = response;
  const char version = whorl_path(request).data[2];  // "/v2"
  size_t size = 0;
  long count = 0;
  while ((count = whorl_read(request, body + size, sizeof body - size)) > 0) {
    size += (size_t)count;
  }
  bool is_first = true;
  for (size_t begin = 0; begin < size;) {
    size_t end = begin;
    while (end < size && body[end] != '\n') {
      ++end;
    }
    if (is_first) {
      address.data = body;
      address.size = end;
      if (version == '2' && !open_connection()) {
        return;
      }
    } else {
      split(body + begin, end - begin);
      if (!is(words[0], "open")) {
        run(version);
      } else if (open_connection()) {
        whorl_print(out, "ok");
      }
      whorl_print(out, "\n");
    }
    is_first = false;
    begin = end + 1;
  }
  if (version == '2') {
    v2_drop(connection);
  }
}
