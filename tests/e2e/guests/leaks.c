#include "whorl.h"
#include "whorl_abi.h"

// Everything a guest can find out about where it runs, a line each: what it was not given must not
// be there. GET /open/PATH tries to open a file below each folder it has, and below none.

#define P1(name) WHORL_IMPORT("wasi_snapshot_preview1", name)
#define FS "wasi:filesystem/types@0.2.0"

// clang-format off
P1("environ_sizes_get") int32_t environ_sizes_get(uint32_t*, uint32_t*);
P1("args_sizes_get") int32_t args_sizes_get(uint32_t*, uint32_t*);
P1("fd_prestat_get") int32_t fd_prestat_get(int32_t, void*);
P1("clock_time_get") int32_t clock_time_get(int32_t, int64_t, uint64_t*);
P1("path_open") int32_t path_open(int32_t, int32_t, const char*, int32_t, int32_t, int64_t, int64_t, int32_t, int32_t*);
WHORL_IMPORT("wasi:cli/environment@0.2.0", "get-arguments") void get_arguments(whorl_area*);
WHORL_IMPORT("wasi:cli/environment@0.2.0", "initial-cwd") void initial_cwd(whorl_area*);
WHORL_IMPORT("wasi:filesystem/preopens@0.2.0", "get-directories") void get_directories(whorl_area*);
WHORL_IMPORT("wasi:clocks/monotonic-clock@0.2.0", "now") uint64_t monotonic_now(void);
WHORL_IMPORT("wasi:clocks/wall-clock@0.2.0", "now") void wall_now(whorl_area*);
WHORL_IMPORT("wasi:random/random@0.2.0", "get-random-u64") uint64_t random_u64(void);
// clang-format on

enum { kFirst = 3, kLast = 20, kMonotonic = 1, kRead = 2 };

static void line(whorl_response* response, const char* name, unsigned long long value) {
  whorl_print(response, name);
  whorl_print(response, " ");
  whorl_print_number(response, value);
  whorl_print(response, "\n");
}

static void tell_environment(whorl_response* response) {
  whorl_area area;
  wasi_environment(&area);
  const whorl_field* variables = (const whorl_field*)(uintptr_t)(uint32_t)area.i32[0];
  for (int32_t i = 0; i < area.i32[1]; ++i) {
    whorl_print(response, "variable ");
    whorl_print_text(response, variables[i].name);
    whorl_print(response, "\n");
  }
  get_arguments(&area);
  line(response, "arguments", (uint32_t)area.i32[1]);
  initial_cwd(&area);
  line(response, "folder", area.u8[0]);
  uint32_t count;
  uint32_t size;
  environ_sizes_get(&count, &size);
  line(response, "variables-p1", count);
  args_sizes_get(&count, &size);
  line(response, "arguments-p1", count);
}

static void tell_files(whorl_response* response) {
  whorl_area area;
  get_directories(&area);
  line(response, "folders", (uint32_t)area.i32[1]);
  unsigned long long folders = 0;
  for (int32_t file = kFirst; file < kLast; ++file) {
    uint64_t prestat;
    folders += fd_prestat_get(file, &prestat) == 0;
  }
  line(response, "folders-p1", folders);
}

static void tell_clocks(whorl_response* response) {
  whorl_area area;
  uint64_t now = 0;
  line(response, "monotonic", monotonic_now());
  clock_time_get(kMonotonic, 0, &now);
  line(response, "monotonic-p1", now);
  wall_now(&area);
  line(response, "wall", area.u64[0]);
  line(response, "random", random_u64());
}

static void open_everywhere(whorl_response* response, whorl_text path) {
  unsigned long long opened = 0;
  for (int32_t folder = 0; folder < kLast; ++folder) {
    int32_t file;
    opened += path_open(folder, 1, path.data, (int32_t)path.size, 0, kRead, 0, 0, &file) == 0;
  }
  line(response, "opened", opened);
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  whorl_text path = whorl_path(request);
  if (whorl_starts_with(path, "/open/")) {
    open_everywhere(response, (whorl_text){path.data + 6, path.size - 6});
    return;
  }
  tell_environment(response);
  tell_files(response);
  tell_clocks(response);
}
