/// The imports of WASI 0.2 as C sees them after flattening (component model, canonical ABI): owned
/// and borrowed resources are i32 handles, strings and lists are pointer and length, results that
/// do not fit one value are written to a return area given as the last parameter.
///
/// For the library and for tests that misuse the ABI on purpose; handlers include whorl.h.
#ifndef WHORL_ABI_H
#define WHORL_ABI_H

#include <stddef.h>
#include <stdint.h>

/// The version of WASI that is imported and exported; `-DWHORL_WASI='"…"'` asks for another one.
#ifndef WHORL_WASI
#define WHORL_WASI "0.2.0"
#endif
#define WHORL_HTTP "wasi:http/types@" WHORL_WASI
#define WHORL_STREAMS "wasi:io/streams@" WHORL_WASI
#define WHORL_IMPORT(module, name) __attribute__((import_module(module), import_name(name))) extern
#define WHORL_EXPORT(name) __attribute__((export_name(name)))

typedef int32_t whorl_handle_t;

/// A return area: 8-aligned, as large as the largest result below (an optional future trailer, 56).
typedef union {
  uint64_t align;
  uint8_t u8[64];
  int32_t i32[16];
  uint64_t u64[8];
} whorl_area;

// clang-format off
// wasi:http/types, incoming side
WHORL_IMPORT(WHORL_HTTP, "[method]incoming-request.method") void wasi_request_method(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[method]incoming-request.path-with-query") void wasi_request_path(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[method]incoming-request.authority") void wasi_request_authority(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[method]incoming-request.headers") whorl_handle_t wasi_request_headers(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[method]incoming-request.consume") void wasi_request_consume(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[resource-drop]incoming-request") void wasi_request_drop(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[method]incoming-body.stream") void wasi_incoming_body_stream(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[static]incoming-body.finish") whorl_handle_t wasi_incoming_body_finish(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[resource-drop]incoming-body") void wasi_incoming_body_drop(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[method]future-trailers.subscribe") whorl_handle_t wasi_trailers_subscribe(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[method]future-trailers.get") void wasi_trailers_get(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[resource-drop]future-trailers") void wasi_trailers_drop(whorl_handle_t);
// wasi:http/types, fields
WHORL_IMPORT(WHORL_HTTP, "[constructor]fields") whorl_handle_t wasi_fields_new(void);
WHORL_IMPORT(WHORL_HTTP, "[method]fields.append") void wasi_fields_append(whorl_handle_t, const char *, size_t, const char *, size_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[method]fields.entries") void wasi_fields_entries(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[resource-drop]fields") void wasi_fields_drop(whorl_handle_t);
// wasi:http/types, outgoing side
WHORL_IMPORT(WHORL_HTTP, "[constructor]outgoing-response") whorl_handle_t wasi_response_new(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[method]outgoing-response.set-status-code") int32_t wasi_response_set_status(whorl_handle_t, int32_t);
WHORL_IMPORT(WHORL_HTTP, "[method]outgoing-response.body") void wasi_response_body(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[resource-drop]outgoing-response") void wasi_response_drop(whorl_handle_t);
WHORL_IMPORT(WHORL_HTTP, "[method]outgoing-body.write") void wasi_outgoing_body_write(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_HTTP, "[static]outgoing-body.finish") void wasi_outgoing_body_finish(whorl_handle_t, int32_t has_trailers, whorl_handle_t trailers, whorl_area *);
// The response or the error code travels in the joined payload: for a response all but the first stay 0.
WHORL_IMPORT(WHORL_HTTP, "[static]response-outparam.set") void wasi_outparam_set(whorl_handle_t outparam, int32_t is_error, int32_t response_or_error, int32_t, int64_t, int32_t, int32_t, int32_t, int32_t);
WHORL_IMPORT(WHORL_HTTP, "[resource-drop]response-outparam") void wasi_outparam_drop(whorl_handle_t);
// wasi:io
WHORL_IMPORT(WHORL_STREAMS, "[method]input-stream.blocking-read") void wasi_input_blocking_read(whorl_handle_t, uint64_t, whorl_area *);
WHORL_IMPORT(WHORL_STREAMS, "[resource-drop]input-stream") void wasi_input_drop(whorl_handle_t);
WHORL_IMPORT(WHORL_STREAMS, "[method]output-stream.check-write") void wasi_output_check_write(whorl_handle_t, whorl_area *);
WHORL_IMPORT(WHORL_STREAMS, "[method]output-stream.write") void wasi_output_write(whorl_handle_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(WHORL_STREAMS, "[method]output-stream.blocking-write-and-flush") void wasi_output_blocking_write(whorl_handle_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(WHORL_STREAMS, "[method]output-stream.subscribe") whorl_handle_t wasi_output_subscribe(whorl_handle_t);
WHORL_IMPORT(WHORL_STREAMS, "[resource-drop]output-stream") void wasi_output_drop(whorl_handle_t);
WHORL_IMPORT("wasi:io/error@" WHORL_WASI, "[resource-drop]error") void wasi_error_drop(whorl_handle_t);
WHORL_IMPORT("wasi:io/poll@" WHORL_WASI, "[method]pollable.block") void wasi_pollable_block(whorl_handle_t);
WHORL_IMPORT("wasi:io/poll@" WHORL_WASI, "[resource-drop]pollable") void wasi_pollable_drop(whorl_handle_t);
// wasi:cli, wasi:clocks
WHORL_IMPORT("wasi:cli/stdout@" WHORL_WASI, "get-stdout") whorl_handle_t wasi_stdout(void);
WHORL_IMPORT("wasi:cli/stderr@" WHORL_WASI, "get-stderr") whorl_handle_t wasi_stderr(void);
WHORL_IMPORT("wasi:cli/environment@" WHORL_WASI, "get-environment") void wasi_environment(whorl_area *);
WHORL_IMPORT("wasi:clocks/monotonic-clock@" WHORL_WASI, "subscribe-duration") whorl_handle_t wasi_subscribe_duration(uint64_t nanoseconds);
// clang-format on

/// The host asks for memory to put strings and lists in.
void* whorl_cabi_realloc(void* old, size_t old_size, size_t align, size_t new_size);

#endif  // WHORL_ABI_H
