#include "whorl.h"
#include "whorl_abi.h"

// Key-value stores through each interface: /INTERFACE/OPERATION/LABEL/KEY, where INTERFACE is v1,
// v2 or wasi and the request's body is the value. The answer is the value, "ok", "none", "true",
// "false", keys by line, or "error <case> <text>".

#define V1 "fermyon:spin/key-value"
#define V2 "fermyon:spin/key-value@2.0.0"
#define STORE "wasi:keyvalue/store@0.2.0-draft2"
#define ATOMICS "wasi:keyvalue/atomics@0.2.0-draft2"
#define BATCH "wasi:keyvalue/batch@0.2.0-draft2"

// clang-format off
WHORL_IMPORT(V1, "open") void v1_open(const char *, size_t, whorl_area *);
WHORL_IMPORT(V1, "get") void v1_get(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V1, "set") void v1_set(int32_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V1, "delete") void v1_delete(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V1, "exists") void v1_exists(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V1, "get-keys") void v1_keys(int32_t, whorl_area *);
WHORL_IMPORT(V1, "close") void v1_close(int32_t);
WHORL_IMPORT(V2, "[static]store.open") void v2_open(const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]store.get") void v2_get(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]store.set") void v2_set(int32_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]store.delete") void v2_delete(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]store.exists") void v2_exists(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]store.get-keys") void v2_keys(int32_t, whorl_area *);
WHORL_IMPORT(V2, "[resource-drop]store") void v2_drop(int32_t);
WHORL_IMPORT(STORE, "open") void wasi_open(const char *, size_t, whorl_area *);
WHORL_IMPORT(STORE, "[method]bucket.get") void wasi_get(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(STORE, "[method]bucket.set") void wasi_set(int32_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(STORE, "[method]bucket.delete") void wasi_delete(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(STORE, "[method]bucket.exists") void wasi_exists(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(STORE, "[method]bucket.list-keys") void wasi_keys(int32_t, int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(STORE, "[resource-drop]bucket") void wasi_drop(int32_t);
WHORL_IMPORT(ATOMICS, "increment") void wasi_increment(int32_t, const char *, size_t, int64_t, whorl_area *);
WHORL_IMPORT(ATOMICS, "[static]cas.new") void wasi_cas_new(int32_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(ATOMICS, "[method]cas.current") void wasi_cas_current(int32_t, whorl_area *);
WHORL_IMPORT(ATOMICS, "swap") void wasi_cas_swap(int32_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(ATOMICS, "[resource-drop]cas") void wasi_cas_drop(int32_t);
WHORL_IMPORT(BATCH, "get-many") void wasi_get_many(int32_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(BATCH, "set-many") void wasi_set_many(int32_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(BATCH, "delete-many") void wasi_delete_many(int32_t, const void *, size_t, whorl_area *);
// clang-format on

static char body[1 << 20];

static whorl_text text_at(const int32_t* words) {
  whorl_text text = {(const char*)(uintptr_t)(uint32_t)words[0], (size_t)(uint32_t)words[1]};
  return text;
}

// The next part of a path, which loses it.
static whorl_text take_part(whorl_text* path) {
  if (path->size > 0 && path->data[0] == '/') {
    ++path->data;
    --path->size;
  }
  whorl_text part = {path->data, 0};
  while (part.size < path->size && part.data[part.size] != '/') {
    ++part.size;
  }
  path->data += part.size;
  path->size -= part.size;
  return part;
}

static bool is(whorl_text text, const char* word) {
  size_t i = 0;
  while (i < text.size && word[i] != '\0' && text.data[i] == word[i]) {
    ++i;
  }
  return i == text.size && word[i] == '\0';
}

// An error: a variant of which some cases have a text. `words` is where it stands.
static void print_error(whorl_response* response, const int32_t* words, int32_t first_with_text) {
  int32_t tag = *(const uint8_t*)words;
  whorl_print(response, "error ");
  whorl_print_number(response, (unsigned)tag);
  if (tag >= first_with_text) {
    whorl_print(response, " ");
    whorl_print_text(response, text_at(words + 1));
  }
}

static void print_keys(whorl_response* response, const int32_t* list) {
  const int32_t* keys = (const int32_t*)(uintptr_t)(uint32_t)list[0];
  for (int32_t i = 0; i < list[1]; ++i) {
    whorl_print_text(response, text_at(keys + 2 * i));
    whorl_print(response, "\n");
  }
}

static void print_option(whorl_response* response, const int32_t* words) {
  if (*(const uint8_t*)words == 0) {
    whorl_print(response, "none");
  } else {
    whorl_print_text(response, text_at(words + 1));
  }
}

static void print_bool(whorl_response* response, const int32_t* word) {
  whorl_print(response, *(const uint8_t*)word != 0 ? "true" : "false");
}

static void use_v1(
    whorl_response* response, whorl_text op, int32_t store, whorl_text key, size_t size
) {
  whorl_area area;
  area.i32[0] = 0;
  if (is(op, "get")) {
    v1_get(store, key.data, key.size, &area);
  } else if (is(op, "set")) {
    v1_set(store, key.data, key.size, body, size, &area);
  } else if (is(op, "delete")) {
    v1_delete(store, key.data, key.size, &area);
  } else if (is(op, "exists")) {
    v1_exists(store, key.data, key.size, &area);
  } else if (is(op, "keys")) {
    v1_keys(store, &area);
  } else {
    v1_close(store);
    v1_get(store, key.data, key.size, &area);
  }
  if (area.u8[0] != 0) {
    print_error(response, area.i32 + 1, 5);
  } else if (is(op, "get")) {
    whorl_print_text(response, text_at(area.i32 + 1));
  } else if (is(op, "exists")) {
    print_bool(response, area.i32 + 1);
  } else if (is(op, "keys")) {
    print_keys(response, area.i32 + 1);
  } else {
    whorl_print(response, "ok");
  }
}

static void use_v2(
    whorl_response* response, whorl_text op, int32_t store, whorl_text key, size_t size
) {
  whorl_area area;
  if (is(op, "get")) {
    v2_get(store, key.data, key.size, &area);
  } else if (is(op, "set")) {
    v2_set(store, key.data, key.size, body, size, &area);
  } else if (is(op, "delete")) {
    v2_delete(store, key.data, key.size, &area);
  } else if (is(op, "exists")) {
    v2_exists(store, key.data, key.size, &area);
  } else {
    v2_keys(store, &area);
  }
  if (area.u8[0] != 0) {
    print_error(response, area.i32 + 1, 3);
  } else if (is(op, "get")) {
    print_option(response, area.i32 + 1);
  } else if (is(op, "exists")) {
    print_bool(response, area.i32 + 1);
  } else if (is(op, "keys")) {
    print_keys(response, area.i32 + 1);
  } else {
    whorl_print(response, "ok");
  }
  v2_drop(store);
}

// Two swaps with handles that have read the same: the second must fail and bring a new handle.
static void swap_twice(whorl_response* response, int32_t bucket, whorl_text key, size_t size) {
  whorl_area area;
  int32_t handles[2];
  for (int i = 0; i < 2; ++i) {
    wasi_cas_new(bucket, key.data, key.size, &area);
    handles[i] = area.i32[1];
    wasi_cas_current(handles[i], &area);
  }
  wasi_cas_swap(handles[0], body, size, &area);
  whorl_print(response, area.u8[0] == 0 ? "swapped " : "failed ");
  wasi_cas_swap(handles[1], "second", 6, &area);
  if (area.u8[0] == 0 || area.u8[4] != 1) {
    whorl_print(response, "unexpected");
    return;
  }
  int32_t fresh = area.i32[2];
  wasi_cas_current(fresh, &area);
  print_option(response, area.i32 + 1);
  wasi_cas_drop(fresh);
}

static void use_batch(
    whorl_response* response, whorl_text op, int32_t bucket, whorl_text key, size_t size
) {
  whorl_area area;
  const int32_t pairs[8] = {
      (int32_t)key.data,
      (int32_t)key.size,
      (int32_t)body,
      (int32_t)size,
      (int32_t)"second",
      6,
      (int32_t)body,
      (int32_t)size
  };
  const int32_t keys[6] = {
      (int32_t)key.data, (int32_t)key.size, (int32_t)"missing", 7, (int32_t)"second", 6
  };
  if (is(op, "set-many")) {
    wasi_set_many(bucket, pairs, 2, &area);
  } else if (is(op, "delete-many")) {
    wasi_delete_many(bucket, keys, 3, &area);
  } else {
    wasi_get_many(bucket, keys, 3, &area);
    if (area.u8[0] == 0) {
      const int32_t* found = (const int32_t*)(uintptr_t)(uint32_t)area.i32[1];
      for (int32_t i = 0; i < area.i32[2]; ++i) {
        whorl_print_text(response, text_at(found + 5 * i));
        whorl_print(response, "=");
        print_option(response, found + 5 * i + 2);
        whorl_print(response, "\n");
      }
      return;
    }
  }
  if (area.u8[0] != 0) {
    print_error(response, area.i32 + 1, 2);
  } else {
    whorl_print(response, "ok");
  }
}

static void use_wasi(
    whorl_response* response, whorl_text op, int32_t bucket, whorl_text key, size_t size
) {
  whorl_area area;
  if (is(op, "swap-twice")) {
    swap_twice(response, bucket, key, size);
    return;
  }
  if (is(op, "set-many") || is(op, "get-many") || is(op, "delete-many")) {
    use_batch(response, op, bucket, key, size);
    return;
  }
  if (is(op, "increment")) {
    wasi_increment(bucket, key.data, key.size, 5, &area);
    if (area.u8[0] != 0) {
      print_error(response, area.i32 + 2, 2);
    } else {
      whorl_print_number(response, area.u64[1]);
    }
    return;
  }
  if (is(op, "get")) {
    wasi_get(bucket, key.data, key.size, &area);
  } else if (is(op, "set")) {
    wasi_set(bucket, key.data, key.size, body, size, &area);
  } else if (is(op, "delete")) {
    wasi_delete(bucket, key.data, key.size, &area);
  } else if (is(op, "exists")) {
    wasi_exists(bucket, key.data, key.size, &area);
  } else {
    wasi_keys(bucket, is(op, "cursor"), "x", 1, &area);
  }
  if (area.u8[0] != 0) {
    print_error(response, area.i32 + 1, 2);
  } else if (is(op, "get")) {
    print_option(response, area.i32 + 1);
  } else if (is(op, "exists")) {
    print_bool(response, area.i32 + 1);
  } else if (is(op, "keys")) {
    print_keys(response, area.i32 + 1);
  } else {
    whorl_print(response, "ok");
  }
  wasi_drop(bucket);
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  whorl_text path = whorl_path(request);
  const whorl_text interface = take_part(&path);
  const whorl_text op = take_part(&path);
  const whorl_text label = take_part(&path);
  const whorl_text key = take_part(&path);
  size_t size = 0;
  long count = 0;
  while ((count = whorl_read(request, body + size, sizeof body - size)) > 0) {
    size += (size_t)count;
  }
  whorl_area area;
  if (is(interface, "v1")) {
    v1_open(label.data, label.size, &area);
  } else if (is(interface, "v2")) {
    v2_open(label.data, label.size, &area);
  } else {
    wasi_open(label.data, label.size, &area);
  }
  if (area.u8[0] != 0) {
    whorl_print(response, "open ");
    print_error(response, area.i32 + 1, is(interface, "v1") ? 5 : is(interface, "v2") ? 3 : 2);
    return;
  }
  if (is(interface, "v1")) {
    use_v1(response, op, area.i32[1], key, size);
  } else if (is(interface, "v2")) {
    use_v2(response, op, area.i32[1], key, size);
  } else {
    use_wasi(response, op, area.i32[1], key, size);
  }
}
