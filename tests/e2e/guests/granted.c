#include "whorl.h"
#include "whorl_abi.h"

// /read/NAME answers with the file of that name in the first granted folder; /write/NAME writes
// "written" to it first. What fails answers "error <number of preview 1>".

#define P1(name) WHORL_IMPORT("wasi_snapshot_preview1", name)
P1("path_open")
int32_t path_open(
    int32_t folder,
    int32_t follow,
    const char* path,
    int32_t size,
    int32_t how,
    int64_t rights,
    int64_t inheriting,
    int32_t flags,
    int32_t* file
);
P1("fd_read") int32_t fd_read(int32_t file, const void* vectors, int32_t count, int32_t* size);
P1("fd_write") int32_t fd_write(int32_t file, const void* vectors, int32_t count, int32_t* size);
P1("fd_close") int32_t fd_close(int32_t file);

enum { kFirstFolder = 3, kCreate = 1, kTruncate = 8, kRead = 2, kWrite = 64 };

static int32_t open_file(whorl_text name, int32_t how, int64_t rights, int32_t* file) {
  return path_open(kFirstFolder, 1, name.data, (int32_t)name.size, how, rights, rights, 0, file);
}

static int32_t write_file(whorl_text name) {
  int32_t file;
  int32_t failed = open_file(name, kCreate | kTruncate, kWrite, &file);
  if (failed != 0) {
    return failed;
  }
  static const char text[] = "written";
  const struct {
    const char* data;
    uint32_t size;
  } vector = {text, sizeof text - 1};
  int32_t size;
  failed = fd_write(file, &vector, 1, &size);
  fd_close(file);
  return failed;
}

static int32_t print_file(whorl_text name, whorl_response* response) {
  int32_t file;
  int32_t failed = open_file(name, 0, kRead, &file);
  while (failed == 0) {
    static char buffer[4096];
    const struct {
      char* data;
      uint32_t size;
    } vector = {buffer, sizeof buffer};
    int32_t size;
    failed = fd_read(file, &vector, 1, &size);
    if (failed != 0 || size == 0) {
      break;
    }
    whorl_write(response, buffer, (size_t)size);
  }
  return failed;
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  whorl_text name = whorl_path(request);
  bool writes = whorl_starts_with(name, "/write/");
  size_t prefix = writes ? 7 : 6;  // "/write/", "/read/"
  name.data += prefix;
  name.size -= prefix;
  int32_t failed = writes ? write_file(name) : 0;
  failed = failed != 0 ? failed : print_file(name, response);
  if (failed != 0) {
    whorl_print(response, "error ");
    whorl_print_number(response, (unsigned long long)failed);
  }
}
