#include "whorl.h"
#include "whorl_abi.h"

// Reads, lists and writes below the first folder it was given, through wasi:filesystem 0.2:
// /read/PATH, /list/PATH, /write/PATH. The answer is the contents, the names, "ok", or
// "error <number of the code>".

#define FS "wasi:filesystem/types@0.2.0"

// clang-format off
WHORL_IMPORT("wasi:filesystem/preopens@0.2.0", "get-directories") void get_directories(whorl_area *);
WHORL_IMPORT(FS, "[method]descriptor.open-at") void open_at(whorl_handle_t, int32_t, const char *, size_t, int32_t, int32_t, whorl_area *);
WHORL_IMPORT(FS, "[method]descriptor.read-via-stream") void read_via_stream(whorl_handle_t, uint64_t, whorl_area *);
WHORL_IMPORT(FS, "[method]descriptor.write-via-stream") void write_via_stream(whorl_handle_t, uint64_t, whorl_area *);
WHORL_IMPORT(FS, "[method]descriptor.read-directory") void read_directory(whorl_handle_t, whorl_area *);
WHORL_IMPORT(FS, "[method]directory-entry-stream.read-directory-entry") void read_entry(whorl_handle_t, whorl_area *);
WHORL_IMPORT(FS, "[resource-drop]descriptor") void descriptor_drop(whorl_handle_t);
WHORL_IMPORT(FS, "[resource-drop]directory-entry-stream") void entries_drop(whorl_handle_t);
// clang-format on

enum { kFollow = 1, kCreate = 1, kRead = 1, kWrite = 2 };

static whorl_text text_at(const int32_t* words) {
  whorl_text text = {(const char*)(uintptr_t)(uint32_t)words[0], (size_t)(uint32_t)words[1]};
  return text;
}

static bool failed(whorl_response* response, const whorl_area* area) {
  if (area->u8[0] == 0) {
    return false;
  }
  whorl_print(response, "error ");
  whorl_print_number(response, area->u8[4]);
  return true;
}

static void read_file(whorl_response* response, whorl_handle_t file) {
  whorl_area area;
  read_via_stream(file, 0, &area);
  if (failed(response, &area)) {
    return;
  }
  whorl_handle_t stream = area.i32[1];
  for (;;) {
    wasi_input_blocking_read(stream, 65536, &area);
    if (area.u8[0] != 0) {
      break;
    }
    whorl_print_text(response, text_at(area.i32 + 1));
  }
  wasi_input_drop(stream);
}

static void list_folder(whorl_response* response, whorl_handle_t folder) {
  whorl_area area;
  read_directory(folder, &area);
  if (failed(response, &area)) {
    return;
  }
  whorl_handle_t entries = area.i32[1];
  for (;;) {
    // result<option<record { type: enum, name: string }>>
    read_entry(entries, &area);
    if (area.u8[0] != 0 || area.u8[4] == 0) {
      break;
    }
    whorl_print_text(response, text_at(area.i32 + 3));
    whorl_print(response, "\n");
  }
  entries_drop(entries);
}

static void write_file(whorl_response* response, whorl_handle_t file) {
  whorl_area area;
  write_via_stream(file, 0, &area);
  if (failed(response, &area)) {
    return;
  }
  whorl_handle_t stream = area.i32[1];
  wasi_output_blocking_write(stream, "written", 7, &area);
  whorl_print(response, area.u8[0] == 0 ? "ok" : "broken");
  wasi_output_drop(stream);
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  whorl_text target = whorl_path(request);
  size_t begin = 1;
  while (begin < target.size && target.data[begin] != '/') {
    ++begin;
  }
  ++begin;
  whorl_text path = {target.data + begin, begin < target.size ? target.size - begin : 0};
  whorl_area area;
  get_directories(&area);
  if (area.i32[1] == 0) {
    whorl_print(response, "no folder");
    return;
  }
  whorl_handle_t root = *(const int32_t*)(uintptr_t)(uint32_t)area.i32[0];
  if (whorl_starts_with(target, "/list/") && path.size == 0) {
    list_folder(response, root);
    return;
  }
  bool writing = whorl_starts_with(target, "/write/");
  open_at(
      root, kFollow, path.data, path.size, writing ? kCreate : 0, writing ? kWrite : kRead, &area
  );
  if (failed(response, &area)) {
    return;
  }
  whorl_handle_t opened = area.i32[1];
  if (writing) {
    write_file(response, opened);
  } else if (whorl_starts_with(target, "/list/")) {
    list_folder(response, opened);
  } else {
    read_file(response, opened);
  }
  descriptor_drop(opened);
}
