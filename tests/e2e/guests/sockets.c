#include "whorl.h"
#include "whorl_abi.h"

// Talks to a peer of 127.0.0.1 over sockets: /tcp/PORT and /udp/PORT send "ping" and answer with
// what comes back, /lookup/NAME looks a name up. An error is answered by its number, after the
// name of the step that failed, with 502.

typedef whorl_handle_t handle;
#define SOCKETS(name) "wasi:sockets/" name "@0.2.0"
#define POLL "wasi:io/poll@0.2.0"
// An address flattened: which family, the port and the parts; those of IPv4 stand first.
#define ADDRESS                                                                             \
  int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, \
      int32_t, int32_t
#define LOOPBACK(port) 0, port, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0

// clang-format off
WHORL_IMPORT(SOCKETS("instance-network"), "instance-network") handle network(void);
WHORL_IMPORT(SOCKETS("tcp-create-socket"), "create-tcp-socket") void tcp_create(int32_t family, whorl_area*);
WHORL_IMPORT(SOCKETS("tcp"), "[method]tcp-socket.start-connect") void tcp_start_connect(handle, handle, ADDRESS, whorl_area*);
WHORL_IMPORT(SOCKETS("tcp"), "[method]tcp-socket.finish-connect") void tcp_finish_connect(handle, whorl_area*);
WHORL_IMPORT(SOCKETS("tcp"), "[method]tcp-socket.subscribe") handle tcp_subscribe(handle);
WHORL_IMPORT(SOCKETS("tcp"), "[method]tcp-socket.shutdown") void tcp_shutdown(handle, int32_t, whorl_area*);
WHORL_IMPORT(SOCKETS("udp-create-socket"), "create-udp-socket") void udp_create(int32_t family, whorl_area*);
WHORL_IMPORT(SOCKETS("udp"), "[method]udp-socket.start-bind") void udp_start_bind(handle, handle, ADDRESS, whorl_area*);
WHORL_IMPORT(SOCKETS("udp"), "[method]udp-socket.finish-bind") void udp_finish_bind(handle, whorl_area*);
WHORL_IMPORT(SOCKETS("udp"), "[method]udp-socket.stream") void udp_stream(handle, int32_t has_peer, ADDRESS, whorl_area*);
WHORL_IMPORT(SOCKETS("udp"), "[method]outgoing-datagram-stream.check-send") void udp_check_send(handle, whorl_area*);
WHORL_IMPORT(SOCKETS("udp"), "[method]outgoing-datagram-stream.send") void udp_send(handle, const void*, size_t, whorl_area*);
WHORL_IMPORT(SOCKETS("udp"), "[method]incoming-datagram-stream.receive") void udp_receive(handle, uint64_t, whorl_area*);
WHORL_IMPORT(SOCKETS("udp"), "[method]incoming-datagram-stream.subscribe") handle udp_subscribe(handle);
WHORL_IMPORT(SOCKETS("ip-name-lookup"), "resolve-addresses") void resolve(handle, const char*, size_t, whorl_area*);
WHORL_IMPORT(POLL, "[method]pollable.block") void block(handle);
WHORL_IMPORT(POLL, "[resource-drop]pollable") void drop(handle);
// clang-format on

/// A datagram as it is sent, and as it is received.
typedef struct {
  const char* data;
  size_t size;
  uint8_t has_peer;
  uint8_t pad[3];
  uint8_t family;
  uint8_t more_pad[3];
  uint8_t peer[28];
} outgoing;
typedef struct {
  const char* data;
  size_t size;
  uint8_t family;
  uint8_t pad[3];
  uint8_t peer[28];
} incoming;
enum { kWouldBlock = 8 };

static whorl_area area;

static bool failed(whorl_response* response, const char* step, size_t code_at) {
  if (area.u8[0] == 0) {
    return false;
  }
  whorl_status(response, 502);
  whorl_print(response, step);
  whorl_print(response, " ");
  whorl_print_number(response, area.u8[code_at]);
  return true;
}

static void wait_for(handle pollable) {
  block(pollable);
  drop(pollable);
}

static void over_tcp(int32_t port, whorl_text body, whorl_response* response) {
  tcp_create(0, &area);
  if (failed(response, "create", 4)) {
    return;
  }
  const handle socket = area.i32[1];
  tcp_start_connect(socket, network(), LOOPBACK(port), &area);
  if (failed(response, "start-connect", 1)) {
    return;
  }
  for (;;) {
    tcp_finish_connect(socket, &area);
    if (area.u8[0] == 0 || area.u8[4] != kWouldBlock) {
      break;
    }
    wait_for(tcp_subscribe(socket));
  }
  if (failed(response, "finish-connect", 4)) {
    return;
  }
  const handle input = area.i32[1];
  const handle output = area.i32[2];
  wasi_output_blocking_write(output, body.data, body.size, &area);
  tcp_shutdown(socket, 1, &area);
  for (;;) {
    wasi_input_blocking_read(input, 65536, &area);
    if (area.u8[0] != 0) {
      return;
    }
    whorl_write(response, (const void*)area.i32[1], (size_t)area.i32[2]);
  }
}

static void over_udp(int32_t port, whorl_text body, whorl_response* response) {
  udp_create(0, &area);
  if (failed(response, "create", 4)) {
    return;
  }
  const handle socket = area.i32[1];
  udp_start_bind(socket, network(), LOOPBACK(0), &area);
  if (failed(response, "start-bind", 1)) {
    return;
  }
  udp_finish_bind(socket, &area);
  if (failed(response, "finish-bind", 1)) {
    return;
  }
  udp_stream(socket, 0, LOOPBACK(0), &area);
  if (failed(response, "stream", 4)) {
    return;
  }
  const handle input = area.i32[1];
  const handle output = area.i32[2];
  udp_check_send(output, &area);
  const outgoing sent = {
      .data = body.data,
      .size = body.size,
      .has_peer = 1,
      .peer = {(uint8_t)port, (uint8_t)(port >> 8), 127, 0, 0, 1},
  };
  udp_send(output, &sent, 1, &area);
  if (failed(response, "send", 8)) {
    return;
  }
  wait_for(udp_subscribe(input));
  udp_receive(input, 1, &area);
  if (failed(response, "receive", 4)) {
    return;
  }
  const incoming* got = (const incoming*)area.i32[1];
  whorl_print_number(response, (unsigned long long)area.i32[2]);
  whorl_print(response, " from ");
  whorl_print_number(response, (unsigned long long)(got->peer[0] | got->peer[1] << 8));
  whorl_print(response, ": ");
  whorl_write(response, got->data, got->size);
}

static int32_t number(const char* digits, size_t size) {
  int32_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    value = value * 10 + (digits[i] - '0');
  }
  return value;
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  const whorl_text path = whorl_path(request);
  whorl_text body = {"ping", 4};
  if (whorl_starts_with(path, "/tcp/")) {
    over_tcp(number(path.data + 5, path.size - 5), body, response);
  } else if (whorl_starts_with(path, "/udp/")) {
    over_udp(number(path.data + 5, path.size - 5), body, response);
  } else {
    resolve(network(), path.data + 8, path.size - 8, &area);
    if (!failed(response, "resolve", 4)) {
      whorl_print(response, "found");
    }
  }
}
