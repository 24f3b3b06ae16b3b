// What an echo costs at least: reads from a socket and writes back, nothing else. For
// bench/echo.py.
//
// echo_floor PORT BLOCK: answers every connection's request with its body, in blocks of so many
// bytes, until the client's end of the body (Content-Length), then closes.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char kHead[] = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";

static int write_all(int to, const char* from, size_t size) {
  while (size > 0) {
    const ssize_t count = write(to, from, size);
    if (count <= 0) {
      return 0;
    }
    from += count;
    size -= (size_t)count;
  }
  return 1;
}

static void serve(int client, char* block, size_t size) {
  size_t used = 0;
  char* end = NULL;
  while (end == NULL && used < size) {
    const ssize_t count = read(client, block + used, size - used);
    if (count <= 0) {
      return;
    }
    used += (size_t)count;
    end = memmem(block, used, "\r\n\r\n", 4);
  }
  const char* length =
      end == NULL ? NULL : memmem(block, (size_t)(end - block), "Content-Length: ", 16);
  if (length == NULL || !write_all(client, kHead, sizeof kHead - 1)) {
    return;
  }
  size_t left = strtoull(length + 16, NULL, 10);
  const char* body = end + 4;
  size_t count = used - (size_t)(body - block);
  while (write_all(client, body, count) && (left -= count) > 0) {
    const ssize_t got = read(client, block, size);
    if (got <= 0) {
      return;
    }
    body = block;
    count = (size_t)got;
  }
}

int main(int count, char** arguments) {
  if (count != 3) {
    return 2;
  }
  const size_t size = strtoull(arguments[2], NULL, 10);
  char* block = malloc(size);
  const int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  const struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons((uint16_t)atoi(arguments[1])),
      .sin_addr = {htonl(INADDR_LOOPBACK)},
  };
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (block == NULL || bind(listener, (const struct sockaddr*)&address, sizeof address) != 0 ||
      listen(listener, 16) != 0) {
    return 1;
  }
  for (;;) {
    const int client = accept(listener, NULL, NULL);
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    serve(client, block, size);
    close(client);
  }
}
