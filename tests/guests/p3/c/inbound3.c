// Takes messages of a Redis channel in WASI 0.3: "ADDRESS KEY" sets that key of that server to the
// message, anything else fails.
#include "gen/inbound3.h"

#include <string.h>

static void finish(inbound3_subtask_status_t status) {
  while (INBOUND3_SUBTASK_STATE(status) != INBOUND3_SUBTASK_RETURNED) {
    const inbound3_waitable_set_t set = inbound3_waitable_set_new();
    const uint32_t subtask = INBOUND3_SUBTASK_HANDLE(status);
    inbound3_event_t event;
    inbound3_waitable_join(subtask, set);
    inbound3_waitable_set_wait(set, &event);
    inbound3_waitable_join(subtask, 0);
    inbound3_waitable_set_drop(set);
    if ((event.code & 0xf) == INBOUND3_SUBTASK_RETURNED) {
      inbound3_subtask_drop(subtask);
      return;
    }
  }
}

static bool handle(exports_spin_redis_inbound_redis_payload_t* message) {
  const uint8_t* space = memchr(message->ptr, ' ', message->len);
  if (space == NULL) {
    return false;
  }
  const size_t size = (size_t)(space - message->ptr);
  inbound3_string_t address = {message->ptr, size};
  spin_redis_redis_result_own_connection_error_t opened;
  finish(spin_redis_redis_static_connection_open(address, &opened));
  if (opened.is_err) {
    return false;
  }
  spin_redis_redis_method_connection_set_args_t set = {
      spin_redis_redis_borrow_connection(opened.val.ok),
      {message->ptr + size + 1, message->len - size - 1},
      {message->ptr, message->len}
  };
  spin_redis_redis_result_void_error_t done;
  finish(spin_redis_redis_method_connection_set(&set, &done));
  spin_redis_redis_connection_drop_own(opened.val.ok);
  return !done.is_err;
}

inbound3_callback_code_t exports_spin_redis_inbound_redis_handle_message(
    exports_spin_redis_inbound_redis_payload_t* message
) {
  exports_spin_redis_inbound_redis_result_void_error_t result;
  memset(&result, 0, sizeof result);
  result.is_err = !handle(message);
  exports_spin_redis_inbound_redis_handle_message_return(result);
  return INBOUND3_CALLBACK_CODE_EXIT;
}

inbound3_callback_code_t exports_spin_redis_inbound_redis_handle_message_callback(
    inbound3_event_t* event
) {
  (void)event;
  return INBOUND3_CALLBACK_CODE_EXIT;
}
