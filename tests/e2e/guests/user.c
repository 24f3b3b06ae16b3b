#include "whorl.h"
#include "whorl_abi.h"

// Depends on library.c: answers with what its functions say, by name.

#define LIBRARY(name) WHORL_IMPORT("test:library/probe@1.0.0", name)

LIBRARY("add") int32_t library_add(int32_t a, int32_t b);
LIBRARY("environment") int32_t library_environment(void);
LIBRARY("environment-p1") int32_t library_environment_p1(void);
LIBRARY("files") int32_t library_files(void);
LIBRARY("files-p1") int32_t library_files_p1(void);
LIBRARY("close-p1") int32_t library_close_p1(void);
LIBRARY("store") int32_t library_store(void);
LIBRARY("variable") int32_t library_variable(void);

WHORL_IMPORT("wasi_snapshot_preview1", "fd_filestat_get")
int32_t fd_filestat_get(int32_t fd, whorl_area* out);

static void line(whorl_response* response, const char* name, int32_t value) {
  whorl_print(response, name);
  whorl_print(response, " ");
  whorl_print_number(response, (unsigned)value);
  whorl_print(response, "\n");
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  (void)request;
  line(response, "add", library_add(40, 2));
  line(response, "environment", library_environment());
  line(response, "environment-p1", library_environment_p1());
  line(response, "files", library_files());
  line(response, "files-p1", library_files_p1());
  line(response, "close-p1", library_close_p1());
  line(response, "store", library_store());
  line(response, "variable", library_variable());
  line(response, "own", whorl_env("E").size);
  whorl_area area;
  line(response, "own-folder", fd_filestat_get(3, &area));
}
