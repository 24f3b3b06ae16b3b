// A guest of WASI 0.2.0-rc-2023-10-18, whose HTTP is not yet that of 0.2. Built with
// WHORL_NO_ENTRY.
#include "whorl_abi.h"

#include <stdbool.h>

#define OCTOBER "@0.2.0-rc-2023-10-18"
#define TYPES "wasi:http/types" OCTOBER
#define STREAMS "wasi:io/streams" OCTOBER
typedef whorl_handle_t handle;
typedef struct {
  const char* data;
  size_t size;
} text;
typedef struct {
  text name, value;
} field;

// clang-format off
WHORL_IMPORT(TYPES, "[method]incoming-request.path-with-query") void request_path(handle, whorl_area*);
WHORL_IMPORT(TYPES, "[constructor]fields") handle fields_new(const field*, size_t);
WHORL_IMPORT(TYPES, "[method]fields.append") void fields_append(handle, const char*, size_t, const char*, size_t);
WHORL_IMPORT(TYPES, "[resource-drop]fields") void fields_drop(handle);
WHORL_IMPORT(TYPES, "[constructor]outgoing-response") handle response_new(int32_t status, handle headers);
WHORL_IMPORT(TYPES, "[method]outgoing-response.write") void response_write(handle, whorl_area*);
WHORL_IMPORT(TYPES, "[method]outgoing-body.write") void body_write(handle, whorl_area*);
WHORL_IMPORT(TYPES, "[static]outgoing-body.finish") void body_finish(handle, int32_t has_trailers, handle trailers);
WHORL_IMPORT(TYPES, "[static]response-outparam.set") void outparam_set(handle, int32_t is_error, int32_t response_or_error, const char*, size_t);
WHORL_IMPORT(TYPES, "[constructor]outgoing-request") handle request_new(int32_t method, const char*, size_t, int32_t has_path, const char*, size_t, int32_t has_scheme, int32_t scheme, const char*, size_t, int32_t has_authority, const char*, size_t, handle headers);
WHORL_IMPORT("wasi:http/outgoing-handler" OCTOBER, "handle") void send(handle, int32_t has_options, int32_t has_connect, int32_t connect_ms, int32_t has_first, int32_t first_ms, int32_t has_between, int32_t between_ms, whorl_area*);
WHORL_IMPORT(TYPES, "[method]future-incoming-response.subscribe") handle future_subscribe(handle);
WHORL_IMPORT(TYPES, "[method]future-incoming-response.get") void future_get(handle, whorl_area*);
WHORL_IMPORT(TYPES, "[method]incoming-response.consume") void incoming_consume(handle, whorl_area*);
WHORL_IMPORT(TYPES, "[method]incoming-body.stream") void incoming_stream(handle, whorl_area*);
WHORL_IMPORT(STREAMS, "[method]output-stream.blocking-write-and-flush") void stream_write(handle, const char*, size_t, whorl_area*);
WHORL_IMPORT(STREAMS, "[method]output-stream.forward") void stream_forward(handle, handle, whorl_area*);
WHORL_IMPORT(STREAMS, "[resource-drop]output-stream") void stream_drop(handle);
WHORL_IMPORT("wasi:io/poll" OCTOBER, "poll-one") void poll_one(handle);
WHORL_IMPORT("wasi:io/poll" OCTOBER, "poll-list") void poll_list(const handle*, size_t, whorl_area*);
WHORL_IMPORT("wasi:io/poll" OCTOBER, "[resource-drop]pollable") void pollable_drop(handle);
WHORL_IMPORT("wasi:clocks/monotonic-clock" OCTOBER, "subscribe") handle clock_subscribe(uint64_t when, int32_t absolute);
WHORL_IMPORT("wasi:clocks/timezone" OCTOBER, "utc-offset") int32_t utc_offset(uint64_t seconds, int32_t nanoseconds);
// clang-format on

static bool starts_with(text whole, const char* prefix, text* rest) {
  size_t i = 0;
  for (; prefix[i] != 0; ++i) {
    if (i >= whole.size || whole.data[i] != prefix[i]) {
      return false;
    }
  }
  *rest = (text){whole.data + i, whole.size - i};
  return true;
}

/// Sends a head of one field of the list and one appended; returns the stream of the body.
static handle answer(handle outparam, int32_t status, handle* body) {
  whorl_area area;
  const field given = {{"x-old", 5}, {"yes", 3}};
  const handle headers = fields_new(&given, 1);
  fields_append(headers, "content-type", 12, "text/plain", 10);
  const handle response = response_new(status, headers);
  fields_append(headers, "x-late", 6, "no", 2);  // the response has its own
  response_write(response, &area);
  *body = area.i32[1];
  body_write(*body, &area);
  const handle stream = area.i32[1];
  outparam_set(outparam, 0, response, 0, 0);
  fields_drop(headers);
  return stream;
}

static void answer_text(handle outparam, int32_t status, text one, text two) {
  whorl_area area;
  handle body;
  const handle stream = answer(outparam, status, &body);
  stream_write(stream, one.data, one.size, &area);
  stream_write(stream, two.data, two.size, &area);
  stream_drop(stream);
  body_finish(body, 0, 0);
}

static void wait(void) {
  whorl_area area;
  const handle both[2] = {clock_subscribe(3600000000000, 0), clock_subscribe(1, 1)};
  poll_list(both, 2, &area);
  poll_one(both[1]);
  pollable_drop(both[0]);
  pollable_drop(both[1]);
}

static const char* const kErrors[] = {"invalid-url: ", "timeout: ", "protocol: ", "unexpected: "};

static void fetch(handle outparam, text authority) {
  whorl_area area;
  const handle headers = fields_new(NULL, 0);
  const handle request = request_new(
      0, NULL, 0, 1, "/answer?q", 9, 1, 0, NULL, 0, 1, authority.data, authority.size, headers
  );
  send(request, 1, 1, 5000, 0, 0, 1, 5000, &area);
  if (area.u8[0] != 0) {
    answer_text(
        outparam, 502, (text){"at once: ", 9}, (text){(const char*)area.i32[2], (size_t)area.i32[3]}
    );
    return;
  }
  const handle future = area.i32[1];
  const handle pollable = future_subscribe(future);
  poll_one(pollable);
  pollable_drop(pollable);
  future_get(future, &area);
  if (area.u8[8] != 0) {
    const char* kind = kErrors[area.u8[12]];
    size_t size = 0;
    while (kind[size] != 0) {
      ++size;
    }
    answer_text(
        outparam, 502, (text){kind, size}, (text){(const char*)area.i32[4], (size_t)area.i32[5]}
    );
    return;
  }
  incoming_consume(area.i32[3], &area);
  incoming_stream(area.i32[1], &area);
  const handle source = area.i32[1];
  handle body;
  const handle stream = answer(outparam, 200, &body);
  stream_forward(stream, source, &area);
  stream_drop(stream);
  body_finish(body, 0, 0);
}

WHORL_EXPORT("wasi:http/incoming-handler" OCTOBER "#handle")
void october_handle(handle request, handle outparam) {
  whorl_area area;
  request_path(request, &area);
  const text path = {(const char*)area.i32[1], (size_t)area.i32[2]};
  text rest;
  if (starts_with(path, "/fetch/", &rest)) {
    fetch(outparam, rest);
  } else if (starts_with(path, "/error", &rest)) {
    outparam_set(outparam, 1, 1, "too late", 8);
  } else if (starts_with(path, "/bad-field", &rest)) {
    const field bad = {{"no name", 7}, {"x", 1}};
    fields_new(&bad, 1);
  } else {
    wait();
    answer_text(outparam, 200 + utc_offset(0, 0), (text){"October: ", 9}, path);
  }
}
