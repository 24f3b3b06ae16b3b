// A guest of WASI 0.3 that misbehaves, one way per path; what must come of it is in
// tests/e2e/test_p3_hostile.py.
#include "gen/hostile3.h"

#include <string.h>

#define HOUR 3600000000000ull

typedef wasi_http_types_stream_u8_t stream_t;
typedef wasi_http_types_stream_u8_writer_t stream_writer_t;
typedef wasi_http_types_future_result_option_own_trailers_error_code_t trailers_future_t;
typedef wasi_http_types_future_result_option_own_trailers_error_code_writer_t trailers_writer_t;
typedef wasi_http_types_future_result_void_error_code_t done_future_t;
typedef wasi_http_types_future_result_void_error_code_writer_t done_writer_t;

static uint8_t buffer[65536];

// An answer without a body, unless its writing side is wanted.
static void respond(stream_writer_t* body) {
  stream_t stream;
  if (body != NULL) {
    stream = wasi_http_types_stream_u8_new(body);
  }
  trailers_writer_t writer;
  const trailers_future_t trailers =
      wasi_http_types_future_result_option_own_trailers_error_code_new(&writer);
  wasi_http_types_tuple2_own_response_future_result_void_error_code_t made;
  wasi_http_types_static_response_new(
      wasi_http_types_constructor_fields(), body == NULL ? NULL : &stream, trailers, &made
  );
  static wasi_http_types_result_option_own_trailers_error_code_t none;
  wasi_http_types_future_result_option_own_trailers_error_code_write(writer, &none);
  exports_wasi_http_handler_result_own_response_error_code_t result;
  memset(&result, 0, sizeof result);
  result.val.ok = made.f0;
  exports_wasi_http_handler_handle_return(result);
}

static stream_t body_of(wasi_http_types_own_request_t request) {
  done_writer_t writer;
  const done_future_t read = wasi_http_types_future_result_void_error_code_new(&writer);
  wasi_http_types_tuple2_stream_u8_future_result_option_own_trailers_error_code_t parts;
  wasi_http_types_static_request_consume_body(request, read, &parts);
  return parts.f0;
}

// Begins calls that take an hour and forgets them, with their sets.
static void leak(wasi_http_types_own_request_t request) {
  (void)request;
  for (int i = 0; i < 20; i++) {
    const hostile3_subtask_status_t status = wasi_clocks_monotonic_clock_wait_for(HOUR);
    hostile3_waitable_join(HOSTILE3_SUBTASK_HANDLE(status), hostile3_waitable_set_new());
  }
  respond(NULL);
}

// Takes the body, begins to read it, and looks at nothing.
static void never_read(wasi_http_types_own_request_t request) {
  const stream_t body = body_of(request);
  wasi_http_types_stream_u8_read(body, buffer, 0);
  respond(NULL);
}

// Promises a body.
static void never_write(wasi_http_types_own_request_t request) {
  (void)request;
  stream_writer_t body;
  respond(&body);
}

// Wants nothing of what it began.
static void cancel(wasi_http_types_own_request_t request) {
  for (int i = 0; i < 10; i++) {
    const hostile3_subtask_status_t status = wasi_clocks_monotonic_clock_wait_for(HOUR);
    hostile3_subtask_cancel(HOSTILE3_SUBTASK_HANDLE(status));
    hostile3_subtask_drop(HOSTILE3_SUBTASK_HANDLE(status));
  }
  const stream_t body = body_of(request);
  if (wasi_http_types_stream_u8_read(body, buffer, sizeof buffer) ==
      HOSTILE3_WAITABLE_STATUS_BLOCKED) {
    wasi_http_types_stream_u8_cancel_read(body);
  }
  stream_writer_t writer;
  const stream_t own = wasi_http_types_stream_u8_new(&writer);
  for (int i = 0; i < 10; i++) {
    wasi_http_types_stream_u8_write(writer, buffer, 100);
    wasi_http_types_stream_u8_cancel_write(writer);
    wasi_http_types_stream_u8_read(own, buffer, 100);
    wasi_http_types_stream_u8_cancel_read(own);
  }
  respond(NULL);
}

// Drops ends while the other side is at it, and a future that was to be written.
static void early(wasi_http_types_own_request_t request) {
  const stream_t body = body_of(request);
  wasi_http_types_stream_u8_drop_readable(body);
  for (int i = 0; i < 10; i++) {
    stream_writer_t writer;
    const stream_t own = wasi_http_types_stream_u8_new(&writer);
    wasi_http_types_stream_u8_write(writer, buffer, 100);
    wasi_http_types_stream_u8_drop_readable(own);
  }
  respond(NULL);
  done_writer_t writer;
  wasi_http_types_future_result_void_error_code_new(&writer);
  wasi_http_types_future_result_void_error_code_drop_writable(writer);  // traps
}

// Waits for what only it could bring.
static void deadlock(wasi_http_types_own_request_t request) {
  (void)request;
  stream_writer_t writer;
  const stream_t own = wasi_http_types_stream_u8_new(&writer);
  wasi_http_types_stream_u8_read(own, buffer, 100);
  const hostile3_waitable_set_t set = hostile3_waitable_set_new();
  hostile3_waitable_join(own, set);
  hostile3_event_t event;
  hostile3_waitable_set_wait(set, &event);
}

// Operations of no length, on its own stream and on the host's.
static void flood(wasi_http_types_own_request_t request) {
  const stream_t body = body_of(request);
  stream_writer_t writer;
  const stream_t own = wasi_http_types_stream_u8_new(&writer);
  for (int i = 0; i < 100; i++) {
    wasi_http_types_stream_u8_read(own, buffer, 0);
    wasi_http_types_stream_u8_write(writer, buffer, 0);
    wasi_http_types_stream_u8_cancel_read(own);
    hostile3_thread_yield();
  }
  (void)body;
  respond(NULL);
}

// Operations of no length as fast as it can, for ever.
static void flood_forever(wasi_http_types_own_request_t request) {
  (void)request;
  for (;;) {
    hostile3_thread_yield();
  }
}

// One that behaves.
static void good(wasi_http_types_own_request_t request) {
  wasi_http_types_request_drop_own(request);
  respond(NULL);
}

hostile3_callback_code_t exports_wasi_http_handler_handle(wasi_http_types_own_request_t request) {
  static const struct {
    const char* path;
    void (*run)(wasi_http_types_own_request_t);
  } kWays[] = {
      {"/leak", leak},
      {"/never-read", never_read},
      {"/never-write", never_write},
      {"/cancel", cancel},
      {"/early", early},
      {"/deadlock", deadlock},
      {"/flood", flood},
      {"/flood-forever", flood_forever},
      {"/good", good},
  };
  hostile3_string_t path;
  wasi_http_types_method_request_get_path_with_query(
      wasi_http_types_borrow_request(request), &path
  );
  for (size_t i = 0; i < sizeof kWays / sizeof kWays[0]; i++) {
    if (path.len == strlen(kWays[i].path) && memcmp(path.ptr, kWays[i].path, path.len) == 0) {
      kWays[i].run(request);
    }
  }
  return HOSTILE3_CALLBACK_CODE_EXIT;
}

hostile3_callback_code_t exports_wasi_http_handler_handle_callback(hostile3_event_t* event) {
  (void)event;
  return HOSTILE3_CALLBACK_CODE_EXIT;
}
