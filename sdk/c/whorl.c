#include "whorl.h"

#include "whorl_abi.h"

// --- The few functions a compiler takes for granted --------------------------------------------
// With bulk memory each of the first three becomes one instruction.

void* memcpy(void* to, const void* from, size_t size) {
  __builtin_memcpy(to, from, size);
  return to;
}

void* memmove(void* to, const void* from, size_t size) {
  __builtin_memmove(to, from, size);
  return to;
}

void* memset(void* to, int value, size_t size) {
  __builtin_memset(to, value, size);
  return to;
}

static size_t length(const char* string) {
  size_t size = 0;
  while (string[size] != 0) {
    ++size;
  }
  return size;
}

// --- Memory: a bump allocator, emptied when the next request starts ----------------------------

extern unsigned char __heap_base;
static uintptr_t heap_next;
static const size_t kPage = 65536;

static void* allocate(size_t align, size_t size) {
  if (heap_next == 0) {
    heap_next = (uintptr_t)&__heap_base;
  }
  uint64_t start = ((uint64_t)heap_next + align - 1) & ~((uint64_t)align - 1);
  uint64_t end = start + size;
  uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) * kPage;
  if (end > UINT32_MAX) {
    __builtin_trap();
  }
  if (end > have) {
    size_t pages = (size_t)((end - have + kPage - 1) / kPage);
    if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) {
      __builtin_trap();
    }
  }
  heap_next = (uintptr_t)end;
  return (void*)(uintptr_t)start;
}

void* whorl_alloc(size_t size) {
  return allocate(16, size);
}

// Where the next list from the host goes instead of the heap, so that reading copies once and a
// long body needs no memory.
static void* landing;
static size_t landing_size;

#ifndef WHORL_COMMAND  // a host tells a command from a component's core by this
WHORL_EXPORT("cabi_realloc")
#endif
void* whorl_cabi_realloc(void* old, size_t old_size, size_t align, size_t new_size) {
  if (landing != NULL && old == NULL && align == 1 && new_size <= landing_size) {
    void* place = landing;
    landing = NULL;
    return place;
  }
  void* place = allocate(align, new_size);
  if (old != NULL) {
    memcpy(place, old, old_size < new_size ? old_size : new_size);
  }
  return place;
}

// --- Text --------------------------------------------------------------------------------------

whorl_text whorl_string(const char* string) {
  return (whorl_text){string, length(string)};
}

bool whorl_starts_with(whorl_text text, const char* prefix) {
  for (size_t i = 0; prefix[i] != 0; ++i) {
    if (i >= text.size || text.data[i] != prefix[i]) {
      return false;
    }
  }
  return true;
}

bool whorl_equal(whorl_text text, const char* string) {
  return text.size == length(string) && whorl_starts_with(text, string);
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same_name(whorl_text name, const char* wanted) {
  for (size_t i = 0; i < name.size; ++i) {
    if (wanted[i] == 0 || lower(name.data[i]) != lower(wanted[i])) {
      return false;
    }
  }
  return wanted[name.size] == 0;
}

// A string or list in a return area: pointer and length as two i32.
static whorl_text text_at(const whorl_area* area, int slot) {
  return (whorl_text){(const char*)(uintptr_t)(uint32_t)area->i32[slot],
                      (size_t)(uint32_t)area->i32[slot + 1]};
}

// option<string>: a tag byte, then the string.
static whorl_text optional_text(const whorl_area* area) {
  return area->u8[0] == 0 ? (whorl_text){NULL, 0} : text_at(area, 1);
}

// list<tuple<string, list<u8>>>: exactly the layout of whorl_field on a 32-bit machine.
_Static_assert(sizeof(whorl_field) == 16, "a field is four words");

static const whorl_field* read_fields(whorl_handle_t fields, size_t* count) {
  whorl_area area;
  wasi_fields_entries(fields, &area);
  wasi_fields_drop(fields);
  whorl_text list = text_at(&area, 0);
  *count = list.size;
  return (const whorl_field*)(const void*)list.data;
}

// --- Request -----------------------------------------------------------------------------------

struct whorl_request {
  whorl_handle_t handle;
  whorl_handle_t body;
  whorl_handle_t stream;
  enum { kBodyUntouched, kBodyOpen, kBodyEnded, kBodyBroken, kBodyFinished } state;
  const whorl_field* headers;
  size_t header_count;
};

whorl_text whorl_method(whorl_request* request) {
  static const char* const kNames[] = {
      "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"
  };
  whorl_area area;
  wasi_request_method(request->handle, &area);
  size_t known = area.u8[0];
  return known < sizeof kNames / sizeof *kNames ? whorl_string(kNames[known]) : text_at(&area, 1);
}

whorl_text whorl_path(whorl_request* request) {
  whorl_area area;
  wasi_request_path(request->handle, &area);
  return optional_text(&area);
}

whorl_text whorl_authority(whorl_request* request) {
  whorl_area area;
  wasi_request_authority(request->handle, &area);
  return optional_text(&area);
}

const whorl_field* whorl_headers(whorl_request* request, size_t* count) {
  if (request->headers == NULL) {
    request->headers = read_fields(wasi_request_headers(request->handle), &request->header_count);
  }
  *count = request->header_count;
  return request->headers;
}

whorl_text whorl_find_header(whorl_request* request, const char* name) {
  size_t count;
  const whorl_field* fields = whorl_headers(request, &count);
  for (size_t i = 0; i < count; ++i) {
    if (same_name(fields[i].name, name)) {
      return fields[i].value;
    }
  }
  return (whorl_text){NULL, 0};
}

static void flush_before_waiting(void);

// A stream-error at that offset: true if the stream is closed; the error of a failed operation is
// dropped.
static bool take_stream_error(const whorl_area* area, int offset) {
  bool closed = area->u8[offset] != 0;
  if (!closed) {
    wasi_error_drop(area->i32[offset / 4 + 1]);
  }
  return closed;
}

static bool open_body(whorl_request* request) {
  whorl_area area;
  wasi_request_consume(request->handle, &area);
  if (area.u8[0] != 0) {
    return false;
  }
  request->body = area.i32[1];
  wasi_incoming_body_stream(request->body, &area);
  if (area.u8[0] != 0) {
    wasi_incoming_body_drop(request->body);
    return false;
  }
  request->stream = area.i32[1];
  return true;
}

long whorl_read(whorl_request* request, void* buffer, size_t capacity) {
  if (request->state == kBodyUntouched) {
    request->state = open_body(request) ? kBodyOpen : kBodyBroken;
  }
  if (request->state != kBodyOpen || capacity == 0) {
    return request->state == kBodyBroken ? -1 : 0;
  }
  flush_before_waiting();
  whorl_area area;
  for (;;) {
    landing = buffer;
    landing_size = capacity;
    wasi_input_blocking_read(request->stream, capacity, &area);
    landing = NULL;
    if (area.u8[0] != 0) {
      break;
    }
    whorl_text piece = text_at(&area, 1);
    if (piece.size != 0) {
      return (long)piece.size;
    }
  }
  bool closed = take_stream_error(&area, 4);
  request->state = closed ? kBodyEnded : kBodyBroken;
  return closed ? 0 : -1;
}

const whorl_field* whorl_trailers(whorl_request* request, size_t* count) {
  *count = 0;
  if (request->state != kBodyEnded) {
    return NULL;
  }
  request->state = kBodyFinished;
  wasi_input_drop(request->stream);
  whorl_handle_t future = wasi_incoming_body_finish(request->body);
  whorl_handle_t ready = wasi_trailers_subscribe(future);
  wasi_pollable_block(ready);
  wasi_pollable_drop(ready);
  // option<result<result<option<trailers>, error-code>>>: four tags at 0, 8, 16 and 24.
  whorl_area area;
  wasi_trailers_get(future, &area);
  wasi_trailers_drop(future);
  bool present = area.u8[0] == 1 && area.u8[8] == 0 && area.u8[16] == 0 && area.u8[24] == 1;
  return present ? read_fields(area.i32[7], count) : NULL;
}

// --- Response ----------------------------------------------------------------------------------

// Small writes are gathered here; the handler's stack is touched anyway, so this costs no page
// more.
enum { kGatherSize = 2048 };

struct whorl_response {
  whorl_handle_t outparam;
  whorl_handle_t fields;
  whorl_handle_t trailers;
  whorl_handle_t body;
  whorl_handle_t stream;
  int status;
  bool has_fields;
  bool has_trailers;
  enum { kHeadOpen, kBodyWriting, kBodyCut, kFinished } state;
  size_t gathered;
  char gather[kGatherSize];
};

// The response of the request at hand: what was gathered goes out before the handler waits.
static whorl_response* current;

static bool append(whorl_handle_t fields, whorl_text name, whorl_text value) {
  whorl_area area;
  wasi_fields_append(fields, name.data, name.size, value.data, value.size, &area);
  return area.u8[0] == 0;
}

void whorl_status(whorl_response* response, int status) {
  response->status = status;
}

bool whorl_header_text(whorl_response* response, whorl_text name, whorl_text value) {
  if (response->state != kHeadOpen) {
    return false;
  }
  if (!response->has_fields) {
    response->fields = wasi_fields_new();
    response->has_fields = true;
  }
  return append(response->fields, name, value);
}

bool whorl_header(whorl_response* response, const char* name, const char* value) {
  return whorl_header_text(response, whorl_string(name), whorl_string(value));
}

// Hands status and headers to the host and opens the body.
static void send_head(whorl_response* response) {
  whorl_area area;
  whorl_handle_t fields = response->has_fields ? response->fields : wasi_fields_new();
  whorl_handle_t head = wasi_response_new(fields);
  if (response->status != 200) {
    wasi_response_set_status(head, response->status);
  }
  wasi_response_body(head, &area);
  response->body = area.i32[1];
  wasi_outparam_set(response->outparam, 0, head, 0, 0, 0, 0, 0, 0);
  wasi_outgoing_body_write(response->body, &area);
  response->stream = area.i32[1];
  response->state = kBodyWriting;
}

// The host says how much it takes; when that is nothing, wait until it is more.
static bool send(whorl_handle_t stream, const char* data, size_t size) {
  whorl_area area;
  while (size != 0) {
    wasi_output_check_write(stream, &area);
    if (area.u8[0] != 0) {
      take_stream_error(&area, 8);
      return false;
    }
    uint64_t permit = area.u64[1];
    if (permit == 0) {
      whorl_handle_t ready = wasi_output_subscribe(stream);
      wasi_pollable_block(ready);
      wasi_pollable_drop(ready);
      continue;
    }
    size_t now = permit < size ? (size_t)permit : size;
    wasi_output_write(stream, data, now, &area);
    if (area.u8[0] != 0) {
      take_stream_error(&area, 4);
      return false;
    }
    data += now;
    size -= now;
  }
  return true;
}

// Sends status and headers if they are still here, then the bytes.
static bool send_now(whorl_response* response, const char* data, size_t size) {
  if (response->state == kHeadOpen) {
    send_head(response);
  }
  if (response->state != kBodyWriting) {
    return false;
  }
  if (!send(response->stream, data, size)) {
    response->state = kBodyCut;
    return false;
  }
  return true;
}

bool whorl_flush(whorl_response* response) {
  size_t size = response->gathered;
  response->gathered = 0;
  return send_now(response, response->gather, size);
}

bool whorl_write(whorl_response* response, const void* data, size_t size) {
  if (size > kGatherSize - response->gathered) {
    if (!whorl_flush(response)) {
      return false;
    }
    if (size >= kGatherSize) {
      return send_now(response, data, size);
    }
  }
  memcpy(response->gather + response->gathered, data, size);
  response->gathered += size;
  return response->state == kHeadOpen || response->state == kBodyWriting;
}

static void flush_before_waiting(void) {
  if (current != NULL && current->gathered != 0) {
    whorl_flush(current);
  }
}

bool whorl_print_text(whorl_response* response, whorl_text text) {
  return whorl_write(response, text.data, text.size);
}

bool whorl_print(whorl_response* response, const char* string) {
  return whorl_print_text(response, whorl_string(string));
}

bool whorl_print_number(whorl_response* response, unsigned long long number) {
  char digits[20];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number != 0);
  return whorl_write(response, digits + at, sizeof digits - at);
}

bool whorl_trailer_text(whorl_response* response, whorl_text name, whorl_text value) {
  if (response->state == kFinished) {
    return false;
  }
  if (!response->has_trailers) {
    response->trailers = wasi_fields_new();
    response->has_trailers = true;
  }
  return append(response->trailers, name, value);
}

bool whorl_trailer(whorl_response* response, const char* name, const char* value) {
  return whorl_trailer_text(response, whorl_string(name), whorl_string(value));
}

bool whorl_finish(whorl_response* response) {
  if (response->state == kFinished) {
    return true;
  }
  bool whole = whorl_flush(response);
  response->state = kFinished;
  wasi_output_drop(response->stream);
  whorl_area area;
  whorl_handle_t trailers = response->has_trailers ? response->trailers : 0;
  wasi_outgoing_body_finish(response->body, response->has_trailers, trailers, &area);
  return whole && area.u8[0] == 0;
}

// --- Around it ---------------------------------------------------------------------------------

// blocking-write-and-flush takes at most 4096 bytes.
static void write_all(whorl_handle_t stream, whorl_text text) {
  whorl_area area;
  while (text.size != 0) {
    size_t now = text.size < 4096 ? text.size : 4096;
    wasi_output_blocking_write(stream, text.data, now, &area);
    if (area.u8[0] != 0) {
      take_stream_error(&area, 4);
      break;
    }
    text.data += now;
    text.size -= now;
  }
  wasi_output_drop(stream);
}

// One write for text and newline keeps a line whole when several components write.
static whorl_text with_newline(whorl_text text) {
  char* line = whorl_alloc(text.size + 1);
  memcpy(line, text.data, text.size);
  line[text.size] = '\n';
  return (whorl_text){line, text.size + 1};
}

void whorl_log_text(whorl_text line) {
  write_all(wasi_stderr(), with_newline(line));
}

void whorl_log(const char* line) {
  whorl_log_text(whorl_string(line));
}

void whorl_out(const char* line) {
  write_all(wasi_stdout(), with_newline(whorl_string(line)));
}

whorl_text whorl_env(const char* name) {
  whorl_area area;
  wasi_environment(&area);
  whorl_text list = text_at(&area, 0);
  const whorl_field* variables = (const whorl_field*)(const void*)list.data;
  for (size_t i = 0; i < list.size; ++i) {
    if (whorl_equal(variables[i].name, name)) {
      return variables[i].value;
    }
  }
  return (whorl_text){NULL, 0};
}

void whorl_sleep_ms(unsigned milliseconds) {
  flush_before_waiting();
  whorl_handle_t ready = wasi_subscribe_duration((uint64_t)milliseconds * 1000000);
  wasi_pollable_block(ready);
  wasi_pollable_drop(ready);
}

// --- Entry -------------------------------------------------------------------------------------

#ifndef WHORL_NO_ENTRY
static void begin_response(whorl_response* response, whorl_handle_t outparam) {
  response->outparam = outparam;
  response->status = 200;
  response->has_fields = false;
  response->has_trailers = false;
  response->state = kHeadOpen;
  response->gathered = 0;
  current = response;
}

static void close_request(whorl_request* request) {
  if (request->state == kBodyOpen || request->state == kBodyEnded ||
      (request->state == kBodyBroken && request->stream != 0)) {
    wasi_input_drop(request->stream);
    wasi_incoming_body_drop(request->body);
  }
  wasi_request_drop(request->handle);
}

WHORL_EXPORT("wasi:http/incoming-handler@" WHORL_WASI "#handle")
void whorl_entry(whorl_handle_t incoming, whorl_handle_t outparam) {
  heap_next = 0;
  whorl_request request = {.handle = incoming};
  whorl_response response;
  begin_response(&response, outparam);
  whorl_handle(&request, &response);
  whorl_finish(&response);
  close_request(&request);
}
#endif
