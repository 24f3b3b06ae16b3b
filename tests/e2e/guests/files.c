#include "whorl.h"
#include "whorl_abi.h"

// The files a guest was given: GET /preopens lists where they are, GET /read/PATH answers with a
// file of the first of them, POST /write/PATH writes "written" into one. What fails is "error N".

#define TYPES "wasi:filesystem/types@0.2.0"

// clang-format off
WHORL_IMPORT("wasi:filesystem/preopens@0.2.0", "get-directories") void fs_preopens(whorl_area *);
WHORL_IMPORT(TYPES, "[method]descriptor.open-at") void fs_open(int32_t, int32_t, const char *, size_t, int32_t, int32_t, whorl_area *);
WHORL_IMPORT(TYPES, "[method]descriptor.read") void fs_read(int32_t, int64_t, int64_t, whorl_area *);
WHORL_IMPORT(TYPES, "[method]descriptor.write") void fs_write(int32_t, const void *, size_t, int64_t, whorl_area *);
WHORL_IMPORT(TYPES, "[resource-drop]descriptor") void fs_drop(int32_t);
// clang-format on

enum { kFollow = 1, kCreate = 1, kRead = 1, kWrite = 2, kMost = 65536 };

struct preopen {
  int32_t descriptor;
  const char* name;
  size_t size;
};

static void print_error(whorl_response* response, int code) {
  whorl_print(response, "error ");
  whorl_print_number(response, (unsigned long long)code);
}

static void list(whorl_response* response, const struct preopen* folders, int32_t count) {
  for (int32_t i = 0; i < count; ++i) {
    whorl_print_text(response, (whorl_text){folders[i].name, folders[i].size});
    whorl_print(response, "\n");
  }
}

static void answer(whorl_response* response, int32_t folder, whorl_text path, bool is_write) {
  whorl_area area;
  fs_open(
      folder,
      kFollow,
      path.data,
      path.size,
      is_write ? kCreate : 0,
      is_write ? kWrite : kRead,
      &area
  );
  if (area.u8[0] != 0) {
    print_error(response, area.u8[4]);
    return;
  }
  const int32_t file = area.i32[1];
  if (is_write) {
    fs_write(file, "written", 7, 0, &area);
    whorl_print(response, area.u8[0] == 0 ? "ok" : "error");
  } else {
    fs_read(file, kMost, 0, &area);
    if (area.u8[0] != 0) {
      print_error(response, area.u8[4]);
    } else {
      whorl_write(response, (const void*)area.i32[1], (size_t)area.i32[2]);
    }
  }
  fs_drop(file);
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  whorl_area area;
  fs_preopens(&area);
  const struct preopen* folders = (const struct preopen*)area.i32[0];
  const int32_t count = area.i32[1];
  whorl_text path = whorl_path(request);
  if (whorl_equal(path, "/preopens")) {
    list(response, folders, count);
    return;
  }
  const bool is_write = whorl_starts_with(path, "/write/");
  const size_t prefix = is_write ? 7 : 6;
  if (count == 0) {
    whorl_print(response, "nothing");
    return;
  }
  answer(
      response,
      folders[0].descriptor,
      (whorl_text){path.data + prefix, path.size - prefix},
      is_write
  );
}
