// Stores through the asynchronous interfaces of spin:*@3 and @4: POST /STORE with a body of two
// lines, the address (or label) and a statement (or text). What each does is in
// tests/e2e/test_p3_stores.py.
#include "gen/stores3.h"

#include <stdlib.h>
#include <string.h>

enum { kAtOnce = 16, kLongest = 1 << 16 };

static uint32_t wait_for(uint32_t waitable) {
  stores3_waitable_set_t set = stores3_waitable_set_new();
  stores3_event_t event;
  stores3_waitable_join(waitable, set);
  stores3_waitable_set_wait(set, &event);
  stores3_waitable_join(waitable, 0);
  stores3_waitable_set_drop(set);
  return event.code;
}

static uint32_t settled(uint32_t status, uint32_t waitable) {
  return status == STORES3_WAITABLE_STATUS_BLOCKED ? wait_for(waitable) : status;
}

static void finish(stores3_subtask_status_t status) {
  if (STORES3_SUBTASK_STATE(status) == STORES3_SUBTASK_RETURNED) {
    return;
  }
  while ((wait_for(STORES3_SUBTASK_HANDLE(status)) & 0xf) != STORES3_SUBTASK_RETURNED) {
  }
  stores3_subtask_drop(STORES3_SUBTASK_HANDLE(status));
}

// Waits for all of several calls that were begun.
static void finish_all(const stores3_subtask_status_t* statuses, size_t count) {
  for (size_t i = 0; i < count; i++) {
    finish(statuses[i]);
  }
}

// --- text ---------------------------------------------------------------------------------------

static char input[kLongest];
static stores3_string_t address, statement;
static char output[kLongest];
static size_t output_size = 0;

static void put(const void* from, size_t size) {
  if (size > sizeof output - output_size) {
    size = sizeof output - output_size;
  }
  memcpy(output + output_size, from, size);
  output_size += size;
}

static void put_text(const char* from) {
  put(from, strlen(from));
}

static void put_string(stores3_string_t from) {
  put(from.ptr, from.len);
}

static void put_number(int64_t number) {
  char digits[20];
  size_t count = 0;
  if (number < 0) {
    put_text("-");
    number = -number;
  }
  do {
    digits[sizeof digits - ++count] = (char)('0' + number % 10);
    number /= 10;
  } while (number != 0);
  put(digits + sizeof digits - count, count);
}

static stores3_string_t text(const char* from) {
  stores3_string_t out;
  stores3_string_set(&out, from);
  return out;
}

// --- Redis --------------------------------------------------------------------------------------

static void put_redis_error(const spin_redis_redis_error_t* error) {
  static const char* const kNames[] = {"invalid address", "too many", "type error", ""};
  put_text("error: ");
  put_text(kNames[error->tag]);
  if (error->tag == SPIN_REDIS_REDIS_ERROR_OTHER) {
    put_string(error->val.other);
  }
}

// Sets a key to the text and gets it, counts up many times at once, and more.
static void redis(void) {
  spin_redis_redis_result_own_connection_error_t opened;
  finish(spin_redis_redis_static_connection_open(address, &opened));
  if (opened.is_err) {
    put_redis_error(&opened.val.err);
    return;
  }
  const spin_redis_redis_borrow_connection_t to = spin_redis_redis_borrow_connection(opened.val.ok);
  spin_redis_redis_method_connection_set_args_t set = {
      to, text("text"), {(uint8_t*)statement.ptr, statement.len}
  };
  spin_redis_redis_result_void_error_t done;
  finish(spin_redis_redis_method_connection_set(&set, &done));
  spin_redis_redis_result_option_payload_error_t got;
  finish(spin_redis_redis_method_connection_get(to, text("text"), &got));
  put(got.val.ok.val.ptr, got.val.ok.val.len);

  stores3_subtask_status_t calls[kAtOnce];
  spin_redis_redis_result_s64_error_t counts[kAtOnce];
  for (int i = 0; i < kAtOnce; i++) {
    calls[i] = spin_redis_redis_method_connection_incr(to, text("count"), &counts[i]);
  }
  finish_all(calls, kAtOnce);
  int64_t most = 0;
  for (int i = 0; i < kAtOnce; i++) {
    most = !counts[i].is_err && counts[i].val.ok > most ? counts[i].val.ok : most;
  }
  put_text(" counted ");
  put_number(most);

  stores3_string_t members[3] = {text("a"), text("b"), text("a")};
  spin_redis_redis_method_connection_sadd_args_t add = {to, text("set"), {members, 3}};
  spin_redis_redis_result_u32_error_t added;
  finish(spin_redis_redis_method_connection_sadd(&add, &added));
  put_text(" added ");
  put_number(added.is_err ? -1 : added.val.ok);
  finish(spin_redis_redis_method_connection_incr(to, text("set"), &counts[0]));
  put_text(counts[0].is_err ? " wrong " : " right ");
  if (counts[0].is_err) {
    put_redis_error(&counts[0].val.err);
  }
  // One call waits on the server for what the next one brings.
  spin_redis_redis_redis_parameter_t words[4] = {
      {.tag = SPIN_REDIS_REDIS_REDIS_PARAMETER_BINARY, .val.binary = {(uint8_t*)"late", 4}},
      {.tag = SPIN_REDIS_REDIS_REDIS_PARAMETER_INT64, .val.int64 = 20},
      {.tag = SPIN_REDIS_REDIS_REDIS_PARAMETER_BINARY, .val.binary = {(uint8_t*)"late", 4}},
      {.tag = SPIN_REDIS_REDIS_REDIS_PARAMETER_INT64, .val.int64 = 7},
  };
  spin_redis_redis_method_connection_execute_args_t pop = {to, text("BLPOP"), {words, 2}};
  spin_redis_redis_method_connection_execute_args_t push = {to, text("RPUSH"), {words + 2, 2}};
  spin_redis_redis_result_list_redis_result_error_t popped, pushed;
  const stores3_subtask_status_t waiting =
      spin_redis_redis_method_connection_execute(&pop, &popped);
  put_text(STORES3_SUBTASK_STATE(waiting) == STORES3_SUBTASK_RETURNED ? " there" : " waits");
  finish(spin_redis_redis_method_connection_execute(&push, &pushed));
  finish(waiting);
  put_text(" popped ");
  if (!popped.is_err && popped.val.ok.len == 2) {
    put(popped.val.ok.ptr[1].val.binary.ptr, popped.val.ok.ptr[1].val.binary.len);
  }
  spin_redis_redis_connection_drop_own(opened.val.ok);
}

// --- MQTT ---------------------------------------------------------------------------------------

static void put_mqtt_error(const spin_mqtt_mqtt_error_t* error) {
  static const char* const kNames[] = {"invalid address", "too many", "connection failed: ", ""};
  put_text("error: ");
  put_text(kNames[error->tag]);
  if (error->tag >= SPIN_MQTT_MQTT_ERROR_CONNECTION_FAILED) {
    put_string(error->val.other);
  }
}

// Publishes the text three times at once, once with each quality.
static void mqtt(void) {
  spin_mqtt_mqtt_static_connection_open_args_t open = {address, text(""), text(""), 30};
  spin_mqtt_mqtt_result_own_connection_error_t opened;
  finish(spin_mqtt_mqtt_static_connection_open(&open, &opened));
  if (opened.is_err) {
    put_mqtt_error(&opened.val.err);
    return;
  }
  spin_mqtt_mqtt_method_connection_publish_args_t message[3];
  stores3_subtask_status_t calls[3];
  spin_mqtt_mqtt_result_void_error_t done[3];
  for (uint8_t i = 0; i < 3; i++) {
    message[i].self = spin_mqtt_mqtt_borrow_connection(opened.val.ok);
    message[i].topic = text("topic");
    message[i].payload.ptr = (uint8_t*)statement.ptr;
    message[i].payload.len = statement.len;
    message[i].qos = i;
    calls[i] = spin_mqtt_mqtt_method_connection_publish(&message[i], &done[i]);
  }
  finish_all(calls, 3);
  int sent = 0;
  for (int i = 0; i < 3; i++) {
    sent += !done[i].is_err;
  }
  put_text("sent ");
  put_number(sent);
  spin_mqtt_mqtt_connection_drop_own(opened.val.ok);
}

// --- SQL ----------------------------------------------------------------------------------------

static void put_mysql_error(const spin_mysql_mysql_error_t* error) {
  put_text("error: ");
  put_number(error->tag);
  put_text(" ");
  put_string(error->val.other);
}

// The columns, every row's first value, and how the rows ended.
static void mysql(void) {
  spin_mysql_mysql_result_own_connection_error_t opened;
  finish(spin_mysql_mysql_static_connection_open(address, &opened));
  if (opened.is_err) {
    put_mysql_error(&opened.val.err);
    return;
  }
  spin_mysql_mysql_method_connection_query_args_t ask = {
      spin_mysql_mysql_borrow_connection(opened.val.ok), statement, {NULL, 0}
  };
  spin_mysql_mysql_result_tuple3_list_column_stream_row_future_result_void_error_error_t asked;
  finish(spin_mysql_mysql_method_connection_query(&ask, &asked));
  if (asked.is_err) {
    put_mysql_error(&asked.val.err);
    return;
  }
  for (size_t i = 0; i < asked.val.ok.f0.len; i++) {
    put_string(asked.val.ok.f0.ptr[i].name);
    put_text(",");
  }
  for (bool more = true; more;) {
    spin_mysql_mysql_row_t rows[4];
    const uint32_t told =
        settled(spin_mysql_mysql_stream_row_read(asked.val.ok.f1, rows, 4), asked.val.ok.f1);
    for (size_t i = 0; i < STORES3_WAITABLE_COUNT(told); i++) {
      put_text(" ");
      put_number(rows[i].ptr[0].val.int64);
    }
    more = STORES3_WAITABLE_STATE(told) != STORES3_WAITABLE_DROPPED;
  }
  spin_mysql_mysql_stream_row_drop_readable(asked.val.ok.f1);
  spin_mysql_mysql_result_void_error_t done;
  settled(spin_mysql_mysql_future_result_void_error_read(asked.val.ok.f2, &done), asked.val.ok.f2);
  spin_mysql_mysql_future_result_void_error_drop_readable(asked.val.ok.f2);
  put_text(done.is_err ? " cut" : " whole");
  spin_mysql_mysql_connection_drop_own(opened.val.ok);
}

static void put_postgres_error(const spin_postgres_postgres_error_t* error) {
  put_text("error: ");
  put_number(error->tag);
  put_text(" ");
  if (error->tag != SPIN_POSTGRES_POSTGRES_ERROR_QUERY_FAILED) {
    put_string(error->val.other);
  } else if (error->val.query_failed.tag == SPIN_POSTGRES_POSTGRES_QUERY_ERROR_DB_ERROR) {
    put_string(error->val.query_failed.val.db_error.code);
  }
}

// The same, of statements that are begun at once on one connection.
static void postgres(void) {
  enum { kStatements = 3 };
  spin_postgres_postgres_result_own_connection_error_t opened;
  finish(spin_postgres_postgres_static_connection_open_async(address, &opened));
  if (opened.is_err) {
    put_postgres_error(&opened.val.err);
    return;
  }
  const spin_postgres_postgres_borrow_connection_t to =
      spin_postgres_postgres_borrow_connection(opened.val.ok);
  spin_postgres_postgres_method_connection_query_async_args_t ask = {to, statement, {NULL, 0}};
  spin_postgres_postgres_result_tuple3_list_column_stream_row_future_result_void_error_error_t
      asked[kStatements];
  stores3_subtask_status_t calls[kStatements];
  for (int i = 0; i < kStatements; i++) {
    calls[i] = spin_postgres_postgres_method_connection_query_async(&ask, &asked[i]);
  }
  finish_all(calls, kStatements);
  for (int i = 0; i < kStatements; i++) {
    if (asked[i].is_err) {
      put_postgres_error(&asked[i].val.err);
      continue;
    }
    const spin_postgres_postgres_stream_row_t stream = asked[i].val.ok.f1;
    for (bool more = true; more;) {
      spin_postgres_postgres_row_t rows[4];
      const uint32_t told =
          settled(spin_postgres_postgres_stream_row_read(stream, rows, 4), stream);
      for (size_t j = 0; j < STORES3_WAITABLE_COUNT(told); j++) {
        put_number(rows[j].ptr[0].val.int32);
        put_text(" ");
      }
      more = STORES3_WAITABLE_STATE(told) != STORES3_WAITABLE_DROPPED;
    }
    spin_postgres_postgres_stream_row_drop_readable(stream);
    spin_postgres_postgres_result_void_error_t done;
    const spin_postgres_postgres_future_result_void_error_t future = asked[i].val.ok.f2;
    settled(spin_postgres_postgres_future_result_void_error_read(future, &done), future);
    spin_postgres_postgres_future_result_void_error_drop_readable(future);
    put_text(done.is_err ? "cut " : "whole ");
  }
  spin_postgres_postgres_method_connection_execute_async_args_t run = {
      to, text("CREATE TEMP TABLE t AS SELECT 1 UNION SELECT 2"), {NULL, 0}
  };
  spin_postgres_postgres_result_u64_error_t ran;
  finish(spin_postgres_postgres_method_connection_execute_async(&run, &ran));
  put_text("ran ");
  put_number(ran.is_err ? -1 : (int64_t)ran.val.ok);
  spin_postgres_postgres_own_connection_builder_t builder =
      spin_postgres_postgres_constructor_connection_builder(&address);
  finish(spin_postgres_postgres_method_connection_builder_build_async(
      spin_postgres_postgres_borrow_connection_builder(builder), &opened
  ));
  put_text(opened.is_err ? " not built" : " built");
}

// One after the other on SQLite: a table, a row, all rows.
static void sqlite(void) {
  spin_sqlite_sqlite_result_own_connection_error_t opened;
  finish(spin_sqlite_sqlite_static_connection_open_async(address, &opened));
  if (opened.is_err) {
    put_text("error: ");
    put_number(opened.val.err.tag);
    return;
  }
  const spin_sqlite_sqlite_borrow_connection_t to =
      spin_sqlite_sqlite_borrow_connection(opened.val.ok);
  spin_sqlite_sqlite_method_connection_execute_async_args_t ask = {to, statement, {NULL, 0}};
  spin_sqlite_sqlite_result_tuple3_list_string_stream_row_result_future_result_void_error_error_t
      asked;
  finish(spin_sqlite_sqlite_method_connection_execute_async(&ask, &asked));
  if (asked.is_err) {
    put_text("error: ");
    put_string(asked.val.err.val.io);
    return;
  }
  for (bool more = true; more;) {
    spin_sqlite_sqlite_row_result_t rows[4];
    const uint32_t told = settled(
        spin_sqlite_sqlite_stream_row_result_read(asked.val.ok.f1, rows, 4), asked.val.ok.f1
    );
    for (size_t i = 0; i < STORES3_WAITABLE_COUNT(told); i++) {
      put_number(rows[i].values.ptr[0].val.integer);
      put_text(" ");
    }
    more = STORES3_WAITABLE_STATE(told) != STORES3_WAITABLE_DROPPED;
  }
  spin_sqlite_sqlite_stream_row_result_drop_readable(asked.val.ok.f1);
  spin_sqlite_sqlite_result_void_error_t done;
  settled(
      spin_sqlite_sqlite_future_result_void_error_read(asked.val.ok.f2, &done), asked.val.ok.f2
  );
  put_text(done.is_err ? "cut" : "whole");
}

// Asks sixty-four times and reads no row of any answer.
static void sqlite_keep(void) {
  enum { kKept = 64 };
  spin_sqlite_sqlite_result_own_connection_error_t opened;
  finish(spin_sqlite_sqlite_static_connection_open_async(address, &opened));
  const spin_sqlite_sqlite_borrow_connection_t to =
      spin_sqlite_sqlite_borrow_connection(opened.val.ok);
  spin_sqlite_sqlite_method_connection_execute_async_args_t ask = {to, statement, {NULL, 0}};
  int kept = 0;
  for (int i = 0; i < kKept; i++) {
    spin_sqlite_sqlite_result_tuple3_list_string_stream_row_result_future_result_void_error_error_t
        asked;
    finish(spin_sqlite_sqlite_method_connection_execute_async(&ask, &asked));
    kept += asked.is_err ? 0 : 1;
  }
  put_text("kept ");
  put_number(kept);
}

// --- requests -----------------------------------------------------------------------------------

static size_t read_body(wasi_http_types_own_request_t request) {
  wasi_http_types_future_result_void_error_code_writer_t writer;
  const wasi_http_types_future_result_void_error_code_t read =
      wasi_http_types_future_result_void_error_code_new(&writer);
  wasi_http_types_tuple2_stream_u8_future_result_option_own_trailers_error_code_t parts;
  wasi_http_types_static_request_consume_body(request, read, &parts);
  size_t size = 0;
  for (bool more = true; more && size < sizeof input;) {
    const uint32_t told = settled(
        wasi_http_types_stream_u8_read(parts.f0, (uint8_t*)input + size, sizeof input - size),
        parts.f0
    );
    size += STORES3_WAITABLE_COUNT(told);
    more = STORES3_WAITABLE_STATE(told) != STORES3_WAITABLE_DROPPED;
  }
  wasi_http_types_stream_u8_drop_readable(parts.f0);
  wasi_http_types_future_result_option_own_trailers_error_code_drop_readable(parts.f1);
  wasi_http_types_result_void_error_code_t well;
  memset(&well, 0, sizeof well);
  settled(wasi_http_types_future_result_void_error_code_write(writer, &well), writer);
  wasi_http_types_future_result_void_error_code_drop_writable(writer);
  return size;
}

static void answer(void) {
  wasi_http_types_stream_u8_writer_t body;
  wasi_http_types_stream_u8_t stream = wasi_http_types_stream_u8_new(&body);
  wasi_http_types_future_result_option_own_trailers_error_code_writer_t trailers;
  const wasi_http_types_future_result_option_own_trailers_error_code_t none =
      wasi_http_types_future_result_option_own_trailers_error_code_new(&trailers);
  wasi_http_types_tuple2_own_response_future_result_void_error_code_t made;
  wasi_http_types_static_response_new(wasi_http_types_constructor_fields(), &stream, none, &made);
  wasi_http_types_future_result_void_error_code_drop_readable(made.f1);
  exports_wasi_http_handler_result_own_response_error_code_t result;
  memset(&result, 0, sizeof result);
  result.val.ok = made.f0;
  exports_wasi_http_handler_handle_return(result);
  for (size_t done = 0; done < output_size;) {
    const uint32_t told = settled(
        wasi_http_types_stream_u8_write(body, (const uint8_t*)output + done, output_size - done),
        body
    );
    done += STORES3_WAITABLE_COUNT(told);
    if (STORES3_WAITABLE_STATE(told) == STORES3_WAITABLE_DROPPED) {
      break;
    }
  }
  wasi_http_types_stream_u8_drop_writable(body);
  wasi_http_types_result_option_own_trailers_error_code_t value;
  memset(&value, 0, sizeof value);
  settled(
      wasi_http_types_future_result_option_own_trailers_error_code_write(trailers, &value), trailers
  );
  wasi_http_types_future_result_option_own_trailers_error_code_drop_writable(trailers);
}

stores3_callback_code_t exports_wasi_http_handler_handle(wasi_http_types_own_request_t request) {
  static const struct {
    const char* path;
    void (*run)(void);
  } kStores[] = {
      {"/redis", redis},
      {"/mqtt", mqtt},
      {"/mysql", mysql},
      {"/postgres", postgres},
      {"/sqlite", sqlite},
      {"/sqlite-keep", sqlite_keep},
  };
  stores3_string_t path;
  wasi_http_types_method_request_get_path_with_query(
      wasi_http_types_borrow_request(request), &path
  );
  const size_t size = read_body(request);
  const char* line = memchr(input, '\n', size);
  const size_t first = line == NULL ? size : (size_t)(line - input);
  address.ptr = (void*)input;
  address.len = first;
  statement.ptr = (void*)(input + first + 1);
  statement.len = line == NULL ? 0 : size - first - 1;
  for (size_t i = 0; i < sizeof kStores / sizeof kStores[0]; i++) {
    if (path.len == strlen(kStores[i].path) && memcmp(path.ptr, kStores[i].path, path.len) == 0) {
      kStores[i].run();
    }
  }
  answer();
  return STORES3_CALLBACK_CODE_EXIT;
}

stores3_callback_code_t exports_wasi_http_handler_handle_callback(stores3_event_t* event) {
  (void)event;
  return STORES3_CALLBACK_CODE_EXIT;
}
