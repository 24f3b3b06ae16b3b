// Middleware of WASI 0.3: passes requests on and makes the status of their answers 202; does not
// let
// `/stop` through.
#include "gen/middleware3.h"

#include <string.h>

static void finish(middleware3_subtask_status_t status) {
  while (MIDDLEWARE3_SUBTASK_STATE(status) != MIDDLEWARE3_SUBTASK_RETURNED) {
    middleware3_waitable_set_t set = middleware3_waitable_set_new();
    const uint32_t subtask = MIDDLEWARE3_SUBTASK_HANDLE(status);
    middleware3_event_t event;
    middleware3_waitable_join(subtask, set);
    middleware3_waitable_set_wait(set, &event);
    middleware3_waitable_join(subtask, 0);
    middleware3_waitable_set_drop(set);
    if ((event.code & 0xf) == MIDDLEWARE3_SUBTASK_RETURNED) {
      middleware3_subtask_drop(subtask);
      return;
    }
  }
}

middleware3_callback_code_t exports_wasi_http_handler_handle(
    exports_wasi_http_handler_own_request_t request
) {
  middleware3_string_t path;
  exports_wasi_http_handler_result_own_response_error_code_t answer;
  memset(&answer, 0, sizeof answer);
  if (wasi_http_types_method_request_get_path_with_query(
          wasi_http_types_borrow_request(request), &path
      ) &&
      path.len == 5 && memcmp(path.ptr, "/stop", 5) == 0) {
    answer.is_err = true;
    answer.val.err.tag = WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_DENIED;
  } else {
    wasi_http_handler_result_own_response_error_code_t passed;
    finish(wasi_http_handler_handle(request, &passed));
    if (!passed.is_err) {
      wasi_http_types_method_response_set_status_code(
          wasi_http_types_borrow_response(passed.val.ok), 202
      );
    }
    memcpy(&answer, &passed, sizeof answer);
  }
  exports_wasi_http_handler_handle_return(answer);
  return MIDDLEWARE3_CALLBACK_CODE_EXIT;
}

middleware3_callback_code_t exports_wasi_http_handler_handle_callback(middleware3_event_t* event) {
  (void)event;
  return MIDDLEWARE3_CALLBACK_CODE_EXIT;
}
