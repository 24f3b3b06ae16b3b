// A service of WASI 0.3 with many behaviours, one per path; what they are for is in
// tests/e2e/test_p3.py.
//
// Written in direct style: an operation that blocks is waited for in mid-stack, so that both ways
// of waiting are used, this one and callbacks (which compilers of async languages emit).
#include "gen/multi3.h"

#include <stdlib.h>
#include <string.h>

#define MILLISECOND 1000000ull

typedef wasi_http_types_stream_u8_t stream_t;
typedef wasi_http_types_stream_u8_writer_t stream_writer_t;
typedef wasi_http_types_future_result_option_own_trailers_error_code_t trailers_future_t;
typedef wasi_http_types_future_result_option_own_trailers_error_code_writer_t trailers_writer_t;
typedef wasi_http_types_result_option_own_trailers_error_code_t trailers_t;
typedef wasi_http_types_future_result_void_error_code_t done_future_t;
typedef wasi_http_types_future_result_void_error_code_writer_t done_writer_t;
typedef wasi_http_types_result_void_error_code_t done_t;

// --- waiting
// ---------------------------------------------------------------------------------------

// The event of one waitable: its code.
static uint32_t wait_for(uint32_t waitable) {
  multi3_waitable_set_t set = multi3_waitable_set_new();
  multi3_event_t event;
  multi3_waitable_join(waitable, set);
  multi3_waitable_set_wait(set, &event);
  multi3_waitable_join(waitable, 0);
  multi3_waitable_set_drop(set);
  return event.code;
}

static uint32_t settled(uint32_t status, uint32_t waitable) {
  return status == MULTI3_WAITABLE_STATUS_BLOCKED ? wait_for(waitable) : status;
}

static void finish(multi3_subtask_status_t status) {
  if (MULTI3_SUBTASK_STATE(status) != MULTI3_SUBTASK_RETURNED) {
    while ((wait_for(MULTI3_SUBTASK_HANDLE(status)) & 0xf) != MULTI3_SUBTASK_RETURNED) {
    }
    multi3_subtask_drop(MULTI3_SUBTASK_HANDLE(status));
  }
}

static void sleep_ms(uint64_t ms) {
  finish(wasi_clocks_monotonic_clock_wait_for(ms * MILLISECOND));
}

// --- text
// ------------------------------------------------------------------------------------------

static multi3_string_t text(const char* from) {
  multi3_string_t out;
  multi3_string_set(&out, from);
  return out;
}

static size_t put_number(char* to, uint64_t number) {
  char digits[20];
  size_t count = 0, i = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number != 0);
  for (; count != 0; i++) {
    to[i] = digits[--count];
  }
  return i;
}

static uint64_t get_number(const char* from) {
  uint64_t number = 0;
  for (; *from >= '0' && *from <= '9'; from++) {
    number = number * 10 + (uint64_t)(*from - '0');
  }
  return number;
}

// Writes all of it. False: the reader is gone.
static bool write_all(stream_writer_t to, const void* from, size_t size) {
  for (size_t done = 0; done < size;) {
    const uint32_t told =
        settled(wasi_http_types_stream_u8_write(to, (const uint8_t*)from + done, size - done), to);
    done += MULTI3_WAITABLE_COUNT(told);
    if (MULTI3_WAITABLE_STATE(told) == MULTI3_WAITABLE_DROPPED) {
      return false;
    }
  }
  return true;
}

static bool write_text(stream_writer_t to, const char* from) {
  return write_all(to, from, strlen(from));
}

static void log_line(const char* line) {
  wasi_cli_stderr_stream_u8_writer_t to;
  const wasi_cli_stderr_stream_u8_t stream = wasi_cli_stderr_stream_u8_new(&to);
  const wasi_cli_stderr_future_result_void_error_code_t done =
      wasi_cli_stderr_write_via_stream(stream);
  settled(wasi_cli_stderr_stream_u8_write(to, (const uint8_t*)line, strlen(line)), to);
  wasi_cli_stderr_stream_u8_drop_writable(to);
  wasi_cli_stderr_result_void_error_code_t result;
  settled(wasi_cli_stderr_future_result_void_error_code_read(done, &result), done);
  wasi_cli_stderr_future_result_void_error_code_drop_readable(done);
}

// --- messages
// --------------------------------------------------------------------------------------

static void append(wasi_http_types_own_fields_t to, const char* name, const char* value) {
  multi3_string_t key = text(name);
  wasi_http_types_field_value_t bytes = {(uint8_t*)value, strlen(value)};
  wasi_http_types_header_error_t error;
  if (!wasi_http_types_method_fields_append(
          wasi_http_types_borrow_fields(to), &key, &bytes, &error
      )) {
    __builtin_trap();
  }
}

typedef struct {
  stream_writer_t body;
  trailers_writer_t trailers;
  done_future_t sent;
} answer_t;

// Returns a response whose body is still to be written.
static answer_t respond(uint16_t status, wasi_http_types_own_fields_t headers) {
  answer_t answer;
  stream_t body = wasi_http_types_stream_u8_new(&answer.body);
  const trailers_future_t trailers =
      wasi_http_types_future_result_option_own_trailers_error_code_new(&answer.trailers);
  wasi_http_types_tuple2_own_response_future_result_void_error_code_t made;
  wasi_http_types_static_response_new(headers, &body, trailers, &made);
  answer.sent = made.f1;
  wasi_http_types_method_response_set_status_code(wasi_http_types_borrow_response(made.f0), status);
  exports_wasi_http_handler_result_own_response_error_code_t result;
  memset(&result, 0, sizeof result);
  result.val.ok = made.f0;
  exports_wasi_http_handler_handle_return(result);
  return answer;
}

static answer_t respond_plainly(void) {
  return respond(200, wasi_http_types_constructor_fields());
}

// Ends the body, with trailers unless null.
static void end_with(answer_t* answer, const wasi_http_types_own_trailers_t* trailers) {
  wasi_http_types_stream_u8_drop_writable(answer->body);
  trailers_t value;
  memset(&value, 0, sizeof value);
  if (trailers != NULL) {
    value.val.ok.is_some = true;
    value.val.ok.val = *trailers;
  }
  settled(
      wasi_http_types_future_result_option_own_trailers_error_code_write(answer->trailers, &value),
      answer->trailers
  );
  wasi_http_types_future_result_option_own_trailers_error_code_drop_writable(answer->trailers);
}

static void end(answer_t* answer) {
  end_with(answer, NULL);
  wasi_http_types_future_result_void_error_code_drop_readable(answer->sent);
}

typedef struct {
  stream_t body;
  trailers_future_t trailers;
  done_writer_t read;
} question_t;

static question_t consume(wasi_http_types_own_request_t request) {
  question_t question;
  const done_future_t read = wasi_http_types_future_result_void_error_code_new(&question.read);
  wasi_http_types_tuple2_stream_u8_future_result_option_own_trailers_error_code_t parts;
  wasi_http_types_static_request_consume_body(request, read, &parts);
  question.body = parts.f0;
  question.trailers = parts.f1;
  return question;
}

// Says that the body was read well.
static void thank(question_t* question) {
  done_t well;
  memset(&well, 0, sizeof well);
  settled(
      wasi_http_types_future_result_void_error_code_write(question->read, &well), question->read
  );
  wasi_http_types_future_result_void_error_code_drop_writable(question->read);
}

static void leave(question_t* question) {
  wasi_http_types_stream_u8_drop_readable(question->body);
  wasi_http_types_future_result_option_own_trailers_error_code_drop_readable(question->trailers);
  thank(question);
}

static uint8_t buffer[65536];

// --- behaviours
// ------------------------------------------------------------------------------------

static int events = 0;

static void count(wasi_http_types_own_request_t request) {
  question_t question = consume(request);
  leave(&question);
  answer_t answer = respond_plainly();
  char number[24] = {0};
  put_number(number, (uint64_t)++events);
  write_text(answer.body, number);
  end(&answer);
}

// The body comes back while it is still being sent, its trailers behind it.
static void echo(wasi_http_types_own_request_t request) {
  question_t question = consume(request);
  answer_t answer = respond_plainly();
  for (bool more = true; more;) {
    const uint32_t told = settled(
        wasi_http_types_stream_u8_read(question.body, buffer, sizeof buffer), question.body
    );
    more = MULTI3_WAITABLE_STATE(told) != MULTI3_WAITABLE_DROPPED;
    if (!write_all(answer.body, buffer, MULTI3_WAITABLE_COUNT(told))) {
      break;
    }
  }
  wasi_http_types_stream_u8_drop_readable(question.body);
  trailers_t trailers;
  settled(
      wasi_http_types_future_result_option_own_trailers_error_code_read(
          question.trailers, &trailers
      ),
      question.trailers
  );
  wasi_http_types_future_result_option_own_trailers_error_code_drop_readable(question.trailers);
  thank(&question);
  wasi_http_types_own_fields_t back;
  if (!trailers.is_err && trailers.val.ok.is_some) {
    back = wasi_http_types_method_fields_clone(wasi_http_types_borrow_fields(trailers.val.ok.val));
    wasi_http_types_fields_drop_own(trailers.val.ok.val);
  } else {
    back = wasi_http_types_constructor_fields();
    append(back, "x-end", trailers.is_err ? "cut" : "whole");
  }
  end_with(&answer, &back);
  wasi_http_types_future_result_void_error_code_drop_readable(answer.sent);
}

// The body goes back without being looked at, its trailers behind it.
static void relay(wasi_http_types_own_request_t request) {
  question_t question = consume(request);
  wasi_http_types_tuple2_own_response_future_result_void_error_code_t made;
  wasi_http_types_static_response_new(
      wasi_http_types_constructor_fields(), &question.body, question.trailers, &made
  );
  exports_wasi_http_handler_result_own_response_error_code_t result;
  memset(&result, 0, sizeof result);
  result.val.ok = made.f0;
  exports_wasi_http_handler_handle_return(result);
  thank(&question);
  wasi_http_types_future_result_void_error_code_drop_readable(made.f1);
}

// Server-sent events, 50 ms apart.
static void drip(wasi_http_types_own_request_t request, uint64_t times) {
  question_t question = consume(request);
  leave(&question);
  wasi_http_types_own_fields_t headers = wasi_http_types_constructor_fields();
  append(headers, "content-type", "text/event-stream");
  answer_t answer = respond(200, headers);
  for (uint64_t i = 0; i < times; i++) {
    char line[40] = "data: ";
    size_t size = 6 + put_number(line + 6, i);
    line[size++] = '\n';
    line[size++] = '\n';
    if (!write_all(answer.body, line, size)) {
      log_line("the client is gone\n");
      break;
    }
    sleep_ms(50);
  }
  end(&answer);
}

// Goes on after the answer was taken, and tells what became of it.
static void after(wasi_http_types_own_request_t request) {
  question_t question = consume(request);
  leave(&question);
  answer_t answer = respond_plainly();
  write_text(answer.body, "done");
  end_with(&answer, NULL);
  done_t sent;
  settled(wasi_http_types_future_result_void_error_code_read(answer.sent, &sent), answer.sent);
  wasi_http_types_future_result_void_error_code_drop_readable(answer.sent);
  sleep_ms(100);
  log_line(sent.is_err ? "after an answer that was not sent\n" : "after the answer\n");
}

// Answers before the body is there, then reads it to its end.
static void early(wasi_http_types_own_request_t request) {
  question_t question = consume(request);
  answer_t answer = respond_plainly();
  write_text(answer.body, "early");
  uint64_t total = 0;
  for (bool more = true; more;) {
    const uint32_t told = settled(
        wasi_http_types_stream_u8_read(question.body, buffer, sizeof buffer), question.body
    );
    more = MULTI3_WAITABLE_STATE(told) != MULTI3_WAITABLE_DROPPED;
    total += MULTI3_WAITABLE_COUNT(told);
  }
  leave(&question);
  char line[40] = " ";
  put_number(line + 1, total);
  write_text(answer.body, line);
  end(&answer);
}

static wasi_http_types_own_request_t new_request(const char* authority, const char* path) {
  trailers_writer_t writer;
  const trailers_future_t trailers =
      wasi_http_types_future_result_option_own_trailers_error_code_new(&writer);
  wasi_http_types_tuple2_own_request_future_result_void_error_code_t made;
  wasi_http_types_static_request_new(
      wasi_http_types_constructor_fields(), NULL, trailers, NULL, &made
  );
  wasi_http_types_future_result_void_error_code_drop_readable(made.f1);
  const wasi_http_types_borrow_request_t request = wasi_http_types_borrow_request(made.f0);
  multi3_string_t where = text(authority), what = text(path);
  wasi_http_types_scheme_t http = {.tag = WASI_HTTP_TYPES_SCHEME_HTTP};
  if (!wasi_http_types_method_request_set_scheme(request, &http) ||
      !wasi_http_types_method_request_set_authority(request, &where) ||
      !wasi_http_types_method_request_set_path_with_query(request, &what)) {
    __builtin_trap();
  }
  // Read when the request is sent: until then the value is lent.
  trailers_t* value = calloc(1, sizeof *value);
  wasi_http_types_future_result_option_own_trailers_error_code_write(writer, value);
  return made.f0;
}

enum { kMostAtOnce = 64 };

// That many requests at once to `/drip/2` of the named authority; how many were answered well.
static void fan(wasi_http_types_own_request_t request, uint64_t width, const char* authority) {
  question_t question = consume(request);
  leave(&question);
  if (width > kMostAtOnce) {
    width = kMostAtOnce;
  }
  static wasi_http_client_result_own_response_error_code_t results[kMostAtOnce];
  uint64_t pending = 0, good = 0;
  multi3_waitable_set_t set = multi3_waitable_set_new();
  for (uint64_t i = 0; i < width; i++) {
    const multi3_subtask_status_t status =
        wasi_http_client_send(new_request(authority, "/drip/2"), &results[i]);
    if (MULTI3_SUBTASK_STATE(status) != MULTI3_SUBTASK_RETURNED) {
      multi3_waitable_join(MULTI3_SUBTASK_HANDLE(status), set);
      pending++;
    }
  }
  while (pending != 0) {
    multi3_event_t event;
    multi3_waitable_set_wait(set, &event);
    if (event.event == MULTI3_EVENT_SUBTASK && (event.code & 0xf) == MULTI3_SUBTASK_RETURNED) {
      multi3_subtask_drop(event.waitable);
      pending--;
    }
  }
  multi3_waitable_set_drop(set);
  for (uint64_t i = 0; i < width; i++) {
    if (results[i].is_err) {
      continue;
    }
    good += wasi_http_types_method_response_get_status_code(
                wasi_http_types_borrow_response(results[i].val.ok)
            ) == 200;
    wasi_http_types_response_drop_own(results[i].val.ok);
  }
  answer_t answer = respond_plainly();
  char number[24] = {0};
  put_number(number, good);
  write_text(answer.body, number);
  end(&answer);
}

// Passes the request on to another component and its answer back, without looking at either.
static void forward(wasi_http_types_own_request_t request, const char* authority) {
  multi3_string_t where = text(authority), what = text("/echo");
  wasi_http_types_scheme_t http = {.tag = WASI_HTTP_TYPES_SCHEME_HTTP};
  const wasi_http_types_borrow_request_t borrowed = wasi_http_types_borrow_request(request);
  wasi_http_types_method_request_set_scheme(borrowed, &http);
  wasi_http_types_method_request_set_authority(borrowed, &where);
  wasi_http_types_method_request_set_path_with_query(borrowed, &what);
  wasi_http_client_result_own_response_error_code_t result;
  finish(wasi_http_client_send(request, &result));
  exports_wasi_http_handler_result_own_response_error_code_t answer;
  memcpy(&answer, &result, sizeof answer);
  exports_wasi_http_handler_handle_return(answer);
}

static void big(wasi_http_types_own_request_t request, uint64_t size) {
  question_t question = consume(request);
  leave(&question);
  answer_t answer = respond_plainly();
  memset(buffer, 'x', sizeof buffer);
  while (size != 0) {
    const size_t piece = size < sizeof buffer ? (size_t)size : sizeof buffer;
    if (!write_all(answer.body, buffer, piece)) {
      log_line("the client is gone\n");
      break;
    }
    size -= piece;
  }
  end(&answer);
}

static void fail_with_error(wasi_http_types_own_request_t request) {
  wasi_http_types_request_drop_own(request);
  exports_wasi_http_handler_result_own_response_error_code_t result;
  memset(&result, 0, sizeof result);
  result.is_err = true;
  result.val.err.tag = WASI_HTTP_TYPES_ERROR_CODE_CONFIGURATION_ERROR;
  exports_wasi_http_handler_handle_return(result);
}

static bool starts_with(const char* path, const char* prefix, const char** rest) {
  const size_t size = strlen(prefix);
  *rest = path + size;
  return strncmp(path, prefix, size) == 0;
}

multi3_callback_code_t exports_wasi_http_handler_handle(
    exports_wasi_http_handler_own_request_t request
) {
  static char path[256];
  multi3_string_t got;
  if (wasi_http_types_method_request_get_path_with_query(
          wasi_http_types_borrow_request(request), &got
      ) &&
      got.len < sizeof path) {
    memcpy(path, got.ptr, got.len);
    path[got.len] = 0;
  }
  const char* rest;
  if (strcmp(path, "/count") == 0) {
    count(request);
  } else if (strcmp(path, "/echo") == 0) {
    echo(request);
  } else if (strcmp(path, "/relay") == 0) {
    relay(request);
  } else if (starts_with(path, "/drip/", &rest)) {
    drip(request, get_number(rest));
  } else if (strcmp(path, "/after") == 0) {
    after(request);
  } else if (strcmp(path, "/early") == 0) {
    early(request);
  } else if (starts_with(path, "/big/", &rest)) {
    big(request, get_number(rest));
  } else if (starts_with(path, "/fan/", &rest)) {
    const char* authority = strchr(rest, '/');
    fan(request, get_number(rest), authority == NULL ? "" : authority + 1);
  } else if (starts_with(path, "/forward/", &rest)) {
    forward(request, rest);
  } else if (strcmp(path, "/error") == 0) {
    fail_with_error(request);
  } else if (strcmp(path, "/silent") == 0) {
    wasi_http_types_request_drop_own(request);
  } else if (strcmp(path, "/trap") == 0) {
    __builtin_trap();
  } else if (strcmp(path, "/loop") == 0) {
    for (volatile int i = 0;; i++) {
    }
  } else if (strcmp(path, "/never") == 0) {
    sleep_ms(3600000);
  } else if (strcmp(path, "/late-trap") == 0) {
    answer_t answer = respond_plainly();
    write_text(answer.body, "half");
    __builtin_trap();
  } else {
    question_t question = consume(request);
    leave(&question);
    answer_t answer = respond(404, wasi_http_types_constructor_fields());
    end(&answer);
  }
  return MULTI3_CALLBACK_CODE_EXIT;
}

multi3_callback_code_t exports_wasi_http_handler_handle_callback(multi3_event_t* event) {
  (void)event;
  return MULTI3_CALLBACK_CODE_EXIT;
}
