#include "whorl.h"
#include "whorl_abi.h"

// MQTT: the request's body has an address, a user and a password in lines, and then messages: a
// quality (0 to 2), a blank, a topic, a blank, the payload. Each is answered by a line.

#define MQTT "fermyon:spin/mqtt@2.0.0"

// clang-format off
WHORL_IMPORT(MQTT, "[static]connection.open") void mqtt_open(const char *, size_t, const char *, size_t, const char *, size_t, uint64_t, whorl_area *);
WHORL_IMPORT(MQTT, "[method]connection.publish") void mqtt_publish(int32_t, const char *, size_t, const void *, size_t, int32_t, whorl_area *);
WHORL_IMPORT(MQTT, "[resource-drop]connection") void mqtt_drop(int32_t);
// clang-format on

static char body[1 << 20];
static whorl_text lines[64];

static void print_error(whorl_response* response, const int32_t* error) {
  const uint8_t tag = *(const uint8_t*)error;
  whorl_print(response, "error ");
  whorl_print_number(response, tag);
  if (tag >= 2) {
    const whorl_text said = {(const char*)(uintptr_t)(uint32_t)error[1], (size_t)error[2]};
    whorl_print(response, " ");
    whorl_print_text(response, said);
  }
}

static void send(whorl_response* response, int32_t connection, whorl_text line) {
  size_t end = 2;
  while (end < line.size && line.data[end] != ' ') {
    ++end;
  }
  const size_t rest = end < line.size ? end + 1 : end;
  whorl_area area;
  mqtt_publish(
      connection,
      line.data + 2,
      end - 2,
      line.data + rest,
      line.size - rest,
      line.data[0] - '0',
      &area
  );
  if (area.u8[0] != 0) {
    print_error(response, area.i32 + 1);
  } else {
    whorl_print(response, "ok");
  }
  whorl_print(response, "\n");
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  size_t size = 0;
  long count = 0;
  while ((count = whorl_read(request, body + size, sizeof body - size)) > 0) {
    size += (size_t)count;
  }
  size_t found = 0;
  for (size_t begin = 0; begin <= size && found < 64;) {
    size_t end = begin;
    while (end < size && body[end] != '\n') {
      ++end;
    }
    lines[found].data = body + begin;
    lines[found++].size = end - begin;
    begin = end + 1;
  }
  whorl_area area;
  mqtt_open(
      lines[0].data,
      lines[0].size,
      lines[1].data,
      lines[1].size,
      lines[2].data,
      lines[2].size,
      5,
      &area
  );
  if (area.u8[0] != 0) {
    whorl_print(response, "open ");
    print_error(response, area.i32 + 1);
    return;
  }
  const int32_t connection = area.i32[1];
  for (size_t i = 3; i < found; ++i) {
    send(response, connection, lines[i]);
  }
  mqtt_drop(connection);
}
