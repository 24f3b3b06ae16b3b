#include "whorl.h"
#include "whorl_abi.h"

// PostgreSQL through two interfaces: POST /INTERFACE, where INTERFACE is v2 or v4. The first line
// of the body is the address, every further one a statement; one that begins with (TEXT) has that
// text as its parameter, one that begins with ! is executed instead of queried. Each is answered by
// a line: the rows' values, or how many rows were changed. The line "trap" traps.

#define V2 "fermyon:spin/postgres@2.0.0"
#define V4 "spin:postgres/postgres@4.0.0"

// clang-format off
WHORL_IMPORT(V2, "[static]connection.open") void v2_open(const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.query") void v2_query(int32_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.execute") void v2_execute(int32_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[resource-drop]connection") void v2_drop(int32_t);
WHORL_IMPORT(V4, "[static]connection.open") void v4_open(const char *, size_t, whorl_area *);
WHORL_IMPORT(V4, "[method]connection.query") void v4_query(int32_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V4, "[method]connection.execute") void v4_execute(int32_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V4, "[resource-drop]connection") void v4_drop(int32_t);
// clang-format on

enum { kV2Value = 16, kV4Value = 56, kV2Text = 11, kV4Text = 7 };

// Larger than the usual area: errors of version 4 are.
typedef union {
  whorl_area usual;
  uint8_t u8[96];
  int32_t i32[24];
  uint64_t u64[12];
} large_area;

static char body[1 << 20];
static whorl_response* out;
static char version;

static const char* pointer(int32_t word) {
  return (const char*)(uintptr_t)(uint32_t)word;
}

static void print_text(const int32_t* words) {
  const whorl_text shown = {pointer(words[0]), (size_t)(uint32_t)words[1]};
  whorl_print_text(out, shown);
}

static void print_number(int64_t number) {
  if (number < 0) {
    whorl_print(out, "-");
    number = -number;
  }
  whorl_print_number(out, (uint64_t)number);
}

static void print_error(const int32_t* error) {
  const uint8_t tag = *(const uint8_t*)error;
  whorl_print(out, "error ");
  whorl_print_number(out, tag);
  whorl_print(out, " ");
  // Version 4 says in one more tag whether a statement's failure is the database's.
  print_text(error + (version == '4' && tag == 2 ? 2 : 1));
}

static void print_value(const char* value) {
  uint8_t tag = *(const uint8_t*)value;
  const char* payload = value + 8;
  if (version == '2' && tag > 4) {
    tag = tag == 9 ? 5 : tag == 10 ? 6 : tag == 11 ? 7 : tag == 12 ? 8 : tag == 13 ? 24 : 25;
  }
  switch (tag) {
    case 0:
      whorl_print(out, *payload != 0 ? "true" : "false");
      break;
    case 1:
      print_number(*(const int8_t*)payload);
      break;
    case 2:
      print_number(*(const int16_t*)payload);
      break;
    case 3:
      print_number(*(const int32_t*)payload);
      break;
    case 4:
      print_number(*(const int64_t*)payload);
      break;
    case 5:
      print_number((int64_t)(*(const float*)payload * 1000));
      break;
    case 6:
      print_number((int64_t)(*(const double*)payload * 1000));
      break;
    case 7:
    case 13:
    case 14:
    case 15:
      print_text((const int32_t*)payload);
      break;
    case 8:
      whorl_print(out, "bytes ");
      print_number(((const int32_t*)payload)[1]);
      break;
    case 24:
      whorl_print(out, "null");
      break;
    default:
      whorl_print(out, "tag ");
      whorl_print_number(out, tag);
  }
}

static void print_rows(const int32_t* set) {
  const int32_t* columns = (const int32_t*)pointer(set[0]);
  const size_t column_size = version == '2' ? 3 : 5;
  for (int32_t i = 0; i < set[1]; ++i) {
    whorl_print(out, i == 0 ? "" : ",");
    print_text(columns + column_size * (size_t)i);
  }
  const int32_t* rows = (const int32_t*)pointer(set[2]);
  for (int32_t row = 0; row < set[3]; ++row) {
    whorl_print(out, "|");
    const char* value = pointer(rows[2 * row]);
    for (int32_t i = 0; i < rows[2 * row + 1]; ++i) {
      whorl_print(out, i == 0 ? "" : ",");
      print_value(value);
      value += version == '2' ? kV2Value : kV4Value;
    }
  }
}

static void run(int32_t connection, const char* sql, size_t size) {
  static uint64_t parameter[kV4Value / 8];
  size_t parameters = 0;
  if (size == 4 && sql[0] == 't' && sql[1] == 'r' && sql[2] == 'a' && sql[3] == 'p') {
    __builtin_trap();
  }
  const bool is_execute = size > 0 && sql[0] == '!';
  sql += is_execute ? 1 : 0;
  size -= is_execute ? 1 : 0;
  if (size > 0 && sql[0] == '(') {
    size_t end = 1;
    while (end < size && sql[end] != ')') {
      ++end;
    }
    parameter[0] = version == '2' ? kV2Text : kV4Text;
    ((int32_t*)parameter)[2] = (int32_t)(uintptr_t)(sql + 1);
    ((int32_t*)parameter)[3] = (int32_t)(end - 1);
    parameters = 1;
    sql += end + 1;
    size -= end + 1;
  }
  large_area area;
  if (is_execute) {
    (version == '2' ? v2_execute
                    : v4_execute)(connection, sql, size, parameter, parameters, &area.usual);
    if (area.u8[0] != 0) {
      print_error(area.i32 + 2);
    } else {
      whorl_print_number(out, area.u64[1]);
    }
    return;
  }
  (version == '2' ? v2_query : v4_query)(connection, sql, size, parameter, parameters, &area.usual);
  if (area.u8[0] != 0) {
    print_error(area.i32 + 1);
  } else {
    print_rows(area.i32 + 1);
  }
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  out = response;
  version = whorl_path(request).data[2];  // "/v2"
  size_t size = 0;
  long count = 0;
  while ((count = whorl_read(request, body + size, sizeof body - size)) > 0) {
    size += (size_t)count;
  }
  int32_t connection = 0;
  bool is_open = false;
  for (size_t begin = 0; begin < size;) {
    size_t end = begin;
    while (end < size && body[end] != '\n') {
      ++end;
    }
    if (!is_open) {
      large_area area;
      (version == '2' ? v2_open : v4_open)(body, end, &area.usual);
      if (area.u8[0] != 0) {
        whorl_print(out, "open ");
        print_error(area.i32 + 1);
        return;
      }
      connection = area.i32[1];
      is_open = true;
    } else {
      run(connection, body + begin, end - begin);
      whorl_print(out, "\n");
    }
    begin = end + 1;
  }
  (version == '2' ? v2_drop : v4_drop)(connection);
}
