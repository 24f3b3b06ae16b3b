#include "whorl.h"
#include "whorl_abi.h"

// SQL through each interface: POST /INTERFACE/LABEL with statements, one per line; INTERFACE is v1,
// v2 or v3. All run on one connection. A line may begin with a parameter in parentheses, which is
// bound as text. The answer has a line per statement: columns, then rows, all by bars; or
// "error <case> <text>". The statement "trap" ends the guest, "info" answers what the connection
// says of itself.

#define V1 "fermyon:spin/sqlite"
#define V2 "fermyon:spin/sqlite@2.0.0"
#define V3 "spin:sqlite/sqlite@3.0.0"

// clang-format off
WHORL_IMPORT(V1, "open") void v1_open(const char *, size_t, whorl_area *);
WHORL_IMPORT(V1, "execute") void v1_execute(int32_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V1, "close") void v1_close(int32_t);
WHORL_IMPORT(V2, "[static]connection.open") void v2_open(const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.execute") void v2_execute(int32_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[resource-drop]connection") void v2_drop(int32_t);
WHORL_IMPORT(V3, "[static]connection.open") void v3_open(const char *, size_t, whorl_area *);
WHORL_IMPORT(V3, "[method]connection.execute") void v3_execute(int32_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V3, "[method]connection.last-insert-rowid") int64_t v3_rowid(int32_t);
WHORL_IMPORT(V3, "[method]connection.changes") int64_t v3_changes(int32_t);
WHORL_IMPORT(V3, "[resource-drop]connection") void v3_drop(int32_t);
// clang-format on

static char body[1 << 20];

// A value: its case, then at 8 what it holds.
typedef struct {
  int32_t tag;
  int32_t padding;
  union {
    int64_t integer;
    double real;
    struct {
      const char* data;
      uint32_t size;
    } text;
  } of;
} sql_value;

static bool is(const char* data, size_t size, const char* word) {
  size_t i = 0;
  while (i < size && word[i] != '\0' && data[i] == word[i]) {
    ++i;
  }
  return i == size && word[i] == '\0';
}

static void print_value(whorl_response* response, const sql_value* value) {
  switch (value->tag & 0xff) {
    case 0:
      if (value->of.integer < 0) {
        whorl_print(response, "-");
        whorl_print_number(response, -(unsigned long long)value->of.integer);
      } else {
        whorl_print_number(response, (unsigned long long)value->of.integer);
      }
      break;
    case 1:
      whorl_print(response, "real ");
      whorl_print_number(response, (unsigned long long)(value->of.real * 1000));
      break;
    case 2:
      whorl_print_text(response, (whorl_text){value->of.text.data, value->of.text.size});
      break;
    case 3:
      whorl_print(response, "blob ");
      whorl_print_number(response, value->of.text.size);
      break;
    default:
      whorl_print(response, "null");
  }
}

static void print_result(whorl_response* response, const int32_t* words) {
  const whorl_text* columns = (const whorl_text*)(uintptr_t)(uint32_t)words[0];
  for (int32_t i = 0; i < words[1]; ++i) {
    whorl_print(response, i == 0 ? "" : ",");
    whorl_print_text(response, columns[i]);
  }
  const int32_t* rows = (const int32_t*)(uintptr_t)(uint32_t)words[2];
  for (int32_t i = 0; i < words[3]; ++i) {
    whorl_print(response, "|");
    const sql_value* values = (const sql_value*)(uintptr_t)(uint32_t)rows[2 * i];
    for (int32_t n = 0; n < rows[2 * i + 1]; ++n) {
      whorl_print(response, n == 0 ? "" : ",");
      print_value(response, values + n);
    }
  }
}

static void print_error(whorl_response* response, const int32_t* words) {
  whorl_print(response, "error ");
  whorl_print_number(response, *(const uint8_t*)words);
  if (*(const uint8_t*)words == 4) {
    whorl_print(response, " ");
    whorl_print_text(
        response, (whorl_text){(const char*)(uintptr_t)(uint32_t)words[1], (size_t)words[2]}
    );
  }
}

static void run(
    whorl_response* response, char version, int32_t connection, const char* sql, size_t size
) {
  if (is(sql, size, "trap")) {
    __builtin_trap();
  }
  if (is(sql, size, "info")) {
    whorl_print_number(response, (unsigned long long)v3_rowid(connection));
    whorl_print(response, ",");
    whorl_print_number(response, (unsigned long long)v3_changes(connection));
    return;
  }
  sql_value parameter = {0};
  size_t parameters = 0;
  if (size > 0 && sql[0] == '(') {
    size_t end = 1;
    while (end < size && sql[end] != ')') {
      ++end;
    }
    parameter.tag = 2;
    parameter.of.text.data = sql + 1;
    parameter.of.text.size = end - 1;
    parameters = 1;
    sql += end + 1;
    size -= end + 1;
  }
  whorl_area area;
  if (version == '1') {
    v1_execute(connection, sql, size, &parameter, parameters, &area);
  } else if (version == '2') {
    v2_execute(connection, sql, size, &parameter, parameters, &area);
  } else {
    v3_execute(connection, sql, size, &parameter, parameters, &area);
  }
  if (area.u8[0] != 0) {
    print_error(response, area.i32 + 1);
  } else {
    print_result(response, area.i32 + 1);
  }
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  const whorl_text path = whorl_path(request);  // "/v2/label"
  const char version = path.data[2];
  const char* label = path.data + 4;
  const size_t label_size = path.size - 4;
  size_t size = 0;
  long count = 0;
  while ((count = whorl_read(request, body + size, sizeof body - size)) > 0) {
    size += (size_t)count;
  }
  whorl_area area;
  if (version == '1') {
    v1_open(label, label_size, &area);
  } else if (version == '2') {
    v2_open(label, label_size, &area);
  } else {
    v3_open(label, label_size, &area);
  }
  if (area.u8[0] != 0) {
    whorl_print(response, "open ");
    print_error(response, area.i32 + 1);
    return;
  }
  const int32_t connection = area.i32[1];
  for (size_t begin = 0; begin < size;) {
    size_t end = begin;
    while (end < size && body[end] != '\n') {
      ++end;
    }
    run(response, version, connection, body + begin, end - begin);
    whorl_print(response, "\n");
    begin = end + 1;
  }
  if (version == '1') {
    v1_close(connection);
  } else if (version == '2') {
    v2_drop(connection);
  } else {
    v3_drop(connection);
  }
}
