#include "whorl.h"
#include "whorl_abi.h"

// A component that others depend on: no handler (WHORL_NO_ENTRY), functions over numbers.
// "kv-v1" and so on try what stands for a grant, and tell how: 0 it was there, else the error.

#define EXPORT(name) WHORL_EXPORT("test:library/probe@1.0.0#" name)
#define P1(name) WHORL_IMPORT("wasi_snapshot_preview1", name)

P1("environ_sizes_get") int32_t environ_sizes_get(int32_t* count, int32_t* bytes);
P1("fd_prestat_get") int32_t fd_prestat_get(int32_t fd, whorl_area* out);
P1("fd_close") int32_t fd_close(int32_t fd);
P1("fd_filestat_get") int32_t fd_filestat_get(int32_t fd, whorl_area* out);
// clang-format off
P1("path_open") int32_t path_open(int32_t, int32_t, const char *, int32_t, int32_t, int64_t, int64_t, int32_t, int32_t *);
WHORL_IMPORT("wasi:cli/environment@0.2.0", "get-environment") void get_environment(whorl_area *);
WHORL_IMPORT("wasi:filesystem/preopens@0.2.0", "get-directories") void get_directories(whorl_area *);
WHORL_IMPORT("fermyon:spin/key-value@2.0.0", "[static]store.open") void kv_open(const char *, size_t, whorl_area *);
WHORL_IMPORT("fermyon:spin/variables@2.0.0", "get") void variables_get(const char *, size_t, whorl_area *);
// clang-format on

EXPORT("add") int32_t add(int32_t a, int32_t b) {
  return a + b;
}

EXPORT("environment") int32_t environment(void) {
  whorl_area area;
  get_environment(&area);
  return area.i32[1];
}
EXPORT("environment-p1") int32_t environment_p1(void) {
  int32_t count = -1;
  int32_t bytes = -1;
  return environ_sizes_get(&count, &bytes) == 0 ? count : -2;
}

EXPORT("files") int32_t files(void) {
  whorl_area area;
  get_directories(&area);
  return area.i32[1];
}
/// Every way to a folder that preview 1 has, whether or not it was told that there is one: how many
/// worked.
EXPORT("files-p1") int32_t files_p1(void) {
  whorl_area area;
  int32_t file;
  return (fd_prestat_get(3, &area) == 0) + (fd_filestat_get(3, &area) == 0) +
         (path_open(3, 0, "a.txt", 5, 0, 2, 2, 0, &file) == 0);
}

/// Closes the first folder: the one of this component only.
EXPORT("close-p1") int32_t close_p1(void) {
  return fd_close(3);
}

EXPORT("store") int32_t store(void) {
  whorl_area area;
  kv_open("default", 7, &area);
  return area.u8[0] == 0 ? 0 : 1 + area.u8[4];
}

EXPORT("variable") int32_t variable(void) {
  whorl_area area;
  variables_get("v", 1, &area);
  return area.u8[0] == 0 ? 0 : 1 + area.u8[4];
}

/// Keeps WHORL_NO_ENTRY in sight of the build: there is no handler here.
