#include "whorl.h"
#include "whorl_abi.h"

// Makes one request to the URL in the header x-url and gives back what came: status, headers as
// "up-<name>", body and trailers as they arrive. The body of the own request goes along.
//   x-url          "http://host:port/path", "/path" (relative), or another scheme
//   x-method       a token; GET by default, POST when x-body is there
//   x-body         send the own request's body
//   x-duplex       pass the answer on while the body is sent, instead of after it: a peer that
//   echoes
//                  stops reading when its answer is not read
//   x-length       announce it as content-length
//   x-timeout-ms   connect, first byte and between bytes
//   x-drop         drop the future right after the request was handed over
//   x-forever      start the request and never look at it, waiting for the own end
// What failed is answered as 502 with "error <number of the code>".

// clang-format off
WHORL_IMPORT(WHORL_HTTP, "[constructor]outgoing-request") whorl_handle_t out_new(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[method]outgoing-request.set-method") int32_t out_set_method(whorl_handle_t, int32_t, const char *, size_t);
WHORL_IMPORT(WHORL_HTTP, "[method]outgoing-request.set-scheme") int32_t out_set_scheme(whorl_handle_t, int32_t, int32_t, const char *, size_t);
WHORL_IMPORT(WHORL_HTTP, "[method]outgoing-request.set-authority") int32_t out_set_authority(whorl_handle_t, int32_t, const char *, size_t);
WHORL_IMPORT(WHORL_HTTP, "[method]outgoing-request.set-path-with-query") int32_t out_set_path(whorl_handle_t, int32_t, const char *, size_t);
WHORL_IMPORT(WHORL_HTTP, "[method]outgoing-request.body") void out_body(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[constructor]request-options") whorl_handle_t options_new(void);
WHORL_IMPORT(WHORL_HTTP, "[method]request-options.set-connect-timeout") int32_t options_connect(whorl_handle_t, int32_t, uint64_t);
WHORL_IMPORT(WHORL_HTTP, "[method]request-options.set-first-byte-timeout") int32_t options_first(whorl_handle_t, int32_t, uint64_t);
WHORL_IMPORT(WHORL_HTTP, "[method]request-options.set-between-bytes-timeout") int32_t options_between(whorl_handle_t, int32_t, uint64_t);
WHORL_IMPORT("wasi:http/outgoing-handler@0.2.0", "handle") void out_handle(whorl_handle_t, int32_t, whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[method]future-incoming-response.subscribe") whorl_handle_t future_subscribe(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[method]future-incoming-response.get") void future_get(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[resource-drop]future-incoming-response") void future_drop(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[method]incoming-response.status") int32_t in_status(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[method]incoming-response.headers") whorl_handle_t in_headers(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[method]incoming-response.consume") void in_consume(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[resource-drop]incoming-response") void in_drop(whorl_handle_t);
WHORL_IMPORT(WHORL_STREAMS, "[method]input-stream.read") void input_read(whorl_handle_t, uint64_t, whorl_area *);
WHORL_IMPORT(WHORL_STREAMS, "[method]input-stream.subscribe") whorl_handle_t input_subscribe(whorl_handle_t);
WHORL_IMPORT("wasi:io/poll@" WHORL_WASI, "poll") void poll_all(const whorl_handle_t *, size_t, whorl_area *);
// clang-format on

static whorl_text text_at(const int32_t* words) {
  whorl_text text = {(const char*)(uintptr_t)(uint32_t)words[0], (size_t)(uint32_t)words[1]};
  return text;
}

static unsigned long long number(whorl_text text) {
  unsigned long long value = 0;
  for (size_t i = 0; i < text.size; ++i) {
    value = value * 10 + (unsigned long long)(text.data[i] - '0');
  }
  return value;
}

static void fail(whorl_response* response, const char* what, int code) {
  whorl_status(response, 502);
  whorl_print(response, what);
  whorl_print_number(response, (unsigned long long)code);
}

static void set_url(whorl_handle_t out, whorl_text url) {
  size_t end = 0;
  while (end + 2 < url.size && !(url.data[end] == ':' && url.data[end + 1] == '/')) {
    ++end;
  }
  if (url.data[0] == '/') {
    out_set_path(out, 1, url.data, url.size);
    return;
  }
  whorl_text scheme = {url.data, end};
  int32_t tag = whorl_equal(scheme, "http") ? 0 : whorl_equal(scheme, "https") ? 1 : 2;
  out_set_scheme(out, 1, tag, scheme.data, scheme.size);
  size_t path = end + 3;
  while (path < url.size && url.data[path] != '/') {
    ++path;
  }
  out_set_authority(out, 1, url.data + end + 3, path - end - 3);
  out_set_path(out, 1, url.data + path, url.size - path);
}

static void append(whorl_handle_t fields, const char* name, whorl_text value) {
  whorl_text key = whorl_string(name);
  whorl_area area;
  wasi_fields_append(fields, key.data, key.size, value.data, value.size, &area);
}

static void finish_sent(whorl_request* request, whorl_handle_t body, bool is_whole) {
  size_t trailers = 0;
  const whorl_field* fields = is_whole ? whorl_trailers(request, &trailers) : NULL;
  whorl_handle_t sent = wasi_fields_new();
  whorl_area area;
  for (size_t i = 0; i < trailers; ++i) {
    wasi_fields_append(
        sent,
        fields[i].name.data,
        fields[i].name.size,
        fields[i].value.data,
        fields[i].value.size,
        &area
    );
  }
  wasi_outgoing_body_finish(body, 1, sent, &area);
}

static void send_body(whorl_request* request, whorl_handle_t body) {
  static char buffer[4096];
  whorl_area area;
  wasi_outgoing_body_write(body, &area);
  whorl_handle_t stream = area.i32[1];
  long count = 0;
  while ((count = whorl_read(request, buffer, sizeof buffer)) > 0) {
    wasi_output_blocking_write(stream, buffer, (size_t)count, &area);
    if (area.u8[0] != 0) {
      break;
    }
  }
  wasi_output_drop(stream);
  finish_sent(request, body, count == 0);
}

static void copy_fields(whorl_response* response, whorl_handle_t fields, bool trailers) {
  whorl_area area;
  wasi_fields_entries(fields, &area);
  const int32_t* lines = (const int32_t*)(uintptr_t)(uint32_t)area.i32[0];
  for (int32_t i = 0; i < area.i32[1]; ++i) {
    whorl_text name = text_at(lines + 4 * i);
    whorl_text value = text_at(lines + 4 * i + 2);
    char* renamed = whorl_alloc(name.size + 3);
    __builtin_memcpy(renamed, "up-", 3);
    __builtin_memcpy(renamed + 3, name.data, name.size);
    whorl_text key = {renamed, name.size + 3};
    if (trailers) {
      whorl_trailer_text(response, key, value);
    } else {
      whorl_header_text(response, key, value);
    }
  }
  wasi_fields_drop(fields);
}

static void copy_body(whorl_response* response, whorl_handle_t incoming) {
  whorl_area area;
  in_consume(incoming, &area);
  whorl_handle_t body = area.i32[1];
  wasi_incoming_body_stream(body, &area);
  whorl_handle_t stream = area.i32[1];
  for (;;) {
    wasi_input_blocking_read(stream, 65536, &area);
    if (area.u8[0] != 0) {
      if (area.u8[4] == 0) {
        whorl_print(response, "[cut]");
      }
      break;
    }
    whorl_print_text(response, text_at(area.i32 + 1));
    whorl_flush(response);
  }
  wasi_input_drop(stream);
  whorl_handle_t future = wasi_incoming_body_finish(body);
  whorl_handle_t ready = wasi_trailers_subscribe(future);
  wasi_pollable_block(ready);
  wasi_pollable_drop(ready);
  wasi_trailers_get(future, &area);
  if (area.u8[0] == 1 && area.u8[8] == 0 && area.u8[16] == 0 && area.u8[24] == 1) {
    copy_fields(response, area.i32[7], true);
  }
  wasi_trailers_drop(future);
}

// Both at once, as x-duplex says.
typedef struct {
  whorl_request* request;
  whorl_response* response;
  whorl_handle_t body, out;         // out: 0 when all is sent
  whorl_handle_t future, in, from;  // in: the answer, 0 before it; from: its body, 0 after it
  char buffer[4096];
  size_t begin, end;
  bool is_answered;
} duplex;

static bool send_some(duplex* at) {
  whorl_area area;
  if (at->begin == at->end) {
    const long count = whorl_read(at->request, at->buffer, sizeof at->buffer);
    if (count <= 0) {
      wasi_output_drop(at->out);
      at->out = 0;
      finish_sent(at->request, at->body, count == 0);
      return true;
    }
    at->begin = 0;
    at->end = (size_t)count;
  }
  wasi_output_check_write(at->out, &area);
  const size_t left = at->end - at->begin;
  const size_t room = area.u8[0] != 0 ? 0 : (size_t)(uint32_t)area.i32[2];
  const size_t part = room < left ? room : left;
  if (part == 0) {
    return false;
  }
  wasi_output_write(at->out, at->buffer + at->begin, part, &area);
  at->begin += part;
  return true;
}

static void receive_some(duplex* at) {
  whorl_area area;
  if (at->in == 0) {
    future_get(at->future, &area);
    if (area.u8[0] == 0) {
      return;
    }
    if (area.u8[16] != 0) {
      fail(at->response, "error ", area.u8[24]);
      at->is_answered = true;
      return;
    }
    at->in = area.i32[6];
    whorl_status(at->response, in_status(at->in));
    copy_fields(at->response, in_headers(at->in), false);
    in_consume(at->in, &area);
    wasi_incoming_body_stream(area.i32[1], &area);
    at->from = area.i32[1];
  }
  input_read(at->from, 65536, &area);
  if (area.u8[0] != 0) {
    at->is_answered = true;
    return;
  }
  whorl_print_text(at->response, text_at(area.i32 + 1));
  whorl_flush(at->response);
}

static void exchange(
    whorl_request* request, whorl_response* response, whorl_handle_t body, whorl_handle_t future
) {
  static duplex at;
  at.request = request;
  at.response = response;
  at.body = body;
  at.future = future;
  whorl_area area;
  wasi_outgoing_body_write(body, &area);
  at.out = area.i32[1];
  while (!at.is_answered) {
    while (at.out != 0 && send_some(&at)) {
    }
    whorl_handle_t ready[2];
    size_t count = 0;
    ready[count++] = at.in == 0 ? future_subscribe(future) : input_subscribe(at.from);
    if (at.out != 0) {
      ready[count++] = wasi_output_subscribe(at.out);
    }
    poll_all(ready, count, &area);
    while (count != 0) {
      wasi_pollable_drop(ready[--count]);
    }
    receive_some(&at);
  }
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  whorl_handle_t headers = wasi_fields_new();
  bool has_body = whorl_find_header(request, "x-body").data != NULL;
  whorl_text length = whorl_find_header(request, "x-length");
  if (length.data != NULL) {
    append(headers, "content-length", length);
  }
  append(headers, "x-from", whorl_string("guest"));
  whorl_handle_t out = out_new(headers);
  whorl_text method = whorl_find_header(request, "x-method");
  if (method.data != NULL || has_body) {
    method = method.data != NULL ? method : whorl_string("POST");
    out_set_method(out, 9, method.data, method.size);
  }
  set_url(out, whorl_find_header(request, "x-url"));
  whorl_area area;
  whorl_handle_t body = 0;
  if (has_body) {
    out_body(out, &area);
    body = area.i32[1];
  }
  whorl_text timeout = whorl_find_header(request, "x-timeout-ms");
  whorl_handle_t options = 0;
  if (timeout.data != NULL) {
    uint64_t nanoseconds = number(timeout) * 1000000;
    options = options_new();
    options_connect(options, 1, nanoseconds);
    options_first(options, 1, nanoseconds);
    options_between(options, 1, nanoseconds);
  }
  out_handle(out, timeout.data != NULL, options, &area);
  if (area.u8[0] != 0) {
    fail(response, "handle error ", area.u8[8]);
    return;
  }
  whorl_handle_t future = area.i32[2];
  if (whorl_find_header(request, "x-drop").data != NULL) {
    future_drop(future);
    whorl_print(response, "dropped");
    return;
  }
  if (whorl_find_header(request, "x-forever").data != NULL) {
    whorl_print(response, "waiting");
    whorl_flush(response);
    whorl_sleep_ms(600000);
  }
  if (has_body && whorl_find_header(request, "x-duplex").data != NULL) {
    exchange(request, response, body, future);
    return;
  }
  if (has_body) {
    send_body(request, body);
  }
  whorl_handle_t ready = future_subscribe(future);
  wasi_pollable_block(ready);
  wasi_pollable_drop(ready);
  future_get(future, &area);
  if (area.u8[0] != 1 || area.u8[8] != 0) {
    __builtin_trap();
  }
  if (area.u8[16] != 0) {
    fail(response, "error ", area.u8[24]);
    return;
  }
  whorl_handle_t incoming = area.i32[6];
  future_drop(future);
  whorl_status(response, in_status(incoming));
  copy_fields(response, in_headers(incoming), false);
  copy_body(response, incoming);
  in_drop(incoming);
}
