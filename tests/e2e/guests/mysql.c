#include "whorl.h"
#include "whorl_abi.h"

// MySQL through both interfaces: POST /INTERFACE, where INTERFACE is v1 or v2. The first line of
// the body is the address, every further one a statement; one that begins with (TEXT) has that text
// as its parameter, one that begins with ! is executed instead of queried. Each is answered by a
// line: "ok", or the rows' values, each behind the number of its type. The line "trap" traps.

#define V1 "fermyon:spin/mysql"
#define V2 "fermyon:spin/mysql@2.0.0"

// clang-format off
WHORL_IMPORT(V1, "query") void v1_query(const char *, size_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V1, "execute") void v1_execute(const char *, size_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[static]connection.open") void v2_open(const char *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.query") void v2_query(int32_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[method]connection.execute") void v2_execute(int32_t, const char *, size_t, const void *, size_t, whorl_area *);
WHORL_IMPORT(V2, "[resource-drop]connection") void v2_drop(int32_t);
// clang-format on

enum { kText = 11, kBytes = 12, kNull = 13 };

static char body[1 << 20];
static whorl_response* out;
static char version;
static whorl_text address;

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
  whorl_print(out, "error ");
  whorl_print_number(out, *(const uint8_t*)error);
  whorl_print(out, " ");
  print_text(error + 1);
}

static void print_value(const char* value) {
  const uint8_t tag = *(const uint8_t*)value;
  const char* payload = value + 8;
  whorl_print_number(out, tag);
  whorl_print(out, ":");
  switch (tag) {
    case 1:
    case 5:
      print_number(tag == 1 ? *(const int8_t*)payload : *(const uint8_t*)payload);
      break;
    case 2:
    case 6:
      print_number(tag == 2 ? *(const int16_t*)payload : *(const uint16_t*)payload);
      break;
    case 3:
      print_number(*(const int32_t*)payload);
      break;
    case 7:
      print_number(*(const uint32_t*)payload);
      break;
    case 4:
      print_number(*(const int64_t*)payload);
      break;
    case 8:
      whorl_print_number(out, *(const uint64_t*)payload);
      break;
    case 9:
      print_number((int64_t)(*(const float*)payload * 1000));
      break;
    case 10:
      print_number((int64_t)(*(const double*)payload * 1000));
      break;
    case kText:
      print_text((const int32_t*)payload);
      break;
    case kBytes:
      print_number(((const int32_t*)payload)[1]);
      break;
    default:
      break;
  }
}

static void print_rows(const int32_t* set) {
  const int32_t* columns = (const int32_t*)pointer(set[0]);
  for (int32_t i = 0; i < set[1]; ++i) {
    whorl_print(out, i == 0 ? "" : ",");
    print_text(columns + 3 * i);
  }
  const int32_t* rows = (const int32_t*)pointer(set[2]);
  for (int32_t row = 0; row < set[3]; ++row) {
    whorl_print(out, "|");
    const char* value = pointer(rows[2 * row]);
    for (int32_t i = 0; i < rows[2 * row + 1]; ++i, value += 16) {
      whorl_print(out, i == 0 ? "" : ",");
      print_value(value);
    }
  }
}

static void run(int32_t connection, const char* sql, size_t size) {
  static uint64_t parameter[2];
  size_t count = 0;
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
    parameter[0] = kText;
    ((int32_t*)parameter)[2] = (int32_t)(uintptr_t)(sql + 1);
    ((int32_t*)parameter)[3] = (int32_t)(end - 1);
    count = 1;
    sql += end + 1;
    size -= end + 1;
  }
  whorl_area area;
  if (version == '1') {
    (is_execute ? v1_execute
                : v1_query)(address.data, address.size, sql, size, parameter, count, &area);
  } else {
    (is_execute ? v2_execute : v2_query)(connection, sql, size, parameter, count, &area);
  }
  if (area.u8[0] != 0) {
    print_error(area.i32 + 1);
  } else if (is_execute) {
    whorl_print(out, "ok");
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
  for (size_t begin = 0; begin < size;) {
    size_t end = begin;
    while (end < size && body[end] != '\n') {
      ++end;
    }
    if (begin == 0) {
      address.data = body;
      address.size = end;
      whorl_area area;
      area.u8[0] = 0;
      if (version == '2') {
        v2_open(body, end, &area);
      }
      if (area.u8[0] != 0) {
        whorl_print(out, "open ");
        print_error(area.i32 + 1);
        return;
      }
      connection = area.i32[1];
    } else {
      run(connection, body + begin, end - begin);
      whorl_print(out, "\n");
    }
    begin = end + 1;
  }
  if (version == '2') {
    v2_drop(connection);
  }
}
