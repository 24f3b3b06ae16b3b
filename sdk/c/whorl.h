/// Whorl for C: answer HTTP requests with nothing but clang.
///
/// Write one function, whorl_handle(), compile it with `sdk/c/build.sh main.c app.wasm`, and serve
/// it:
///
///     #include "whorl.h"
///
///     void whorl_handle(whorl_request *request, whorl_response *response) {
///       whorl_header(response, "content-type", "text/plain");
///       whorl_print(response, "Hello, World!\n");
///     }
///
/// Every request runs in its own fresh instance: globals start at their initial values, and memory
/// is never freed because it is gone after the answer. There is no C library; this header brings
/// what a handler needs. All calls that wait (reading, writing, sleeping) let other requests run
/// meanwhile.
///
/// Lifetimes: a whorl_text that the library returns stays valid until whorl_handle() returns.
#ifndef WHORL_H
#define WHORL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Bytes with a length; not NUL-terminated. `data` is null when there is nothing (no such header).
typedef struct {
  const char* data;
  size_t size;
} whorl_text;

/// A header or trailer line.
typedef struct {
  whorl_text name;
  whorl_text value;
} whorl_field;

typedef struct whorl_request whorl_request;
typedef struct whorl_response whorl_response;

/// The handler: yours to write. When it returns, the response is finished if it is not yet.
void whorl_handle(whorl_request* request, whorl_response* response);

// --- The request ------------------------------------------------------------------------------

/// "GET", "POST", … as the client sent it.
whorl_text whorl_method(whorl_request* request);
/// The path with its query, "/greet?name=x".
whorl_text whorl_path(whorl_request* request);
/// The host (and port) the client asked for.
whorl_text whorl_authority(whorl_request* request);
/// The first header of that name (any case); data is null if there is none.
whorl_text whorl_find_header(whorl_request* request, const char* name);
/// All headers; stores how many in *count.
const whorl_field* whorl_headers(whorl_request* request, size_t* count);

/// Reads the next piece of the body into `buffer`, waiting until there is some.
/// @return  how many bytes (1 to capacity), 0 at the end of the body, -1 if the client broke off
long whorl_read(whorl_request* request, void* buffer, size_t capacity);
/// The trailers after the body; call it when whorl_read() has returned 0. Stores how many in
/// *count.
const whorl_field* whorl_trailers(whorl_request* request, size_t* count);

// --- The response -----------------------------------------------------------------------------

/// The status, 200 if never called. No effect once the head is sent.
void whorl_status(whorl_response* response, int status);
/// Adds a header. False if name or value is not allowed, or the head is already sent.
bool whorl_header(whorl_response* response, const char* name, const char* value);
bool whorl_header_text(whorl_response* response, whorl_text name, whorl_text value);

/// Sends bytes of the body; status and headers go before the first. Small writes are gathered and
/// go out when there are 2 KiB of them, when the handler waits for something, or by whorl_flush().
/// Waits while the client is slower than the handler. False if the client is gone: then stop.
bool whorl_write(whorl_response* response, const void* data, size_t size);
/// The same for a string, a text, a number in decimal.
bool whorl_print(whorl_response* response, const char* string);
bool whorl_print_text(whorl_response* response, whorl_text text);
bool whorl_print_number(whorl_response* response, unsigned long long number);
/// Sends what was gathered, and the head if it is still here.
bool whorl_flush(whorl_response* response);

/// Adds a trailer, sent after the body. False if it is not allowed or the response is finished.
bool whorl_trailer(whorl_response* response, const char* name, const char* value);
bool whorl_trailer_text(whorl_response* response, whorl_text name, whorl_text value);
/// Ends the response; the handler may go on working afterwards. False if it was cut short.
bool whorl_finish(whorl_response* response);

// --- Around it --------------------------------------------------------------------------------

/// Writes a line to the component's standard error or standard output.
void whorl_log(const char* line);
void whorl_log_text(whorl_text line);
void whorl_out(const char* line);
/// The value of an environment variable; data is null if it is not set.
whorl_text whorl_env(const char* name);
/// Waits without using the processor.
void whorl_sleep_ms(unsigned milliseconds);

/// Memory for the rest of this request, aligned to 16 bytes. Traps when memory is at its limit.
void* whorl_alloc(size_t size);
/// A string as a text.
whorl_text whorl_string(const char* string);
/// True if the text is exactly that string; whorl_starts_with() if it begins with it.
bool whorl_equal(whorl_text text, const char* string);
bool whorl_starts_with(whorl_text text, const char* prefix);

#ifdef __cplusplus
}
#endif

#endif  // WHORL_H
