// Asks one path of a server over several connections, at a rate or as fast as it answers, and says
// how long answers took. For bench/neighbours.py.
//
//   paced_client PORT PATH CONNECTIONS SECONDS RATE
//
// RATE is of all connections together. With 0 each connection asks again as soon as it is answered,
// with -1 over a new connection each time.
//
// Each answer has two times. `seen` ends when this program reads it, and has in it what this
// program waited for its core. `served` ends with the kernel's stamp on the answer's arrival, so
// that it is the server's alone: both programs share no core. A request that is due while its
// connection still waits is late, and its times begin when it was due: a server that stalls is not
// spared what it kept from being asked. By what this program itself is late, all that follows on
// the connection is put off. Prints one line of JSON, times in ms.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kMostAnswers = 8 << 20, kMostConnections = 256 };

typedef struct {
  int socket;
  int asked;
  int64_t due;
  int64_t since;
  int64_t answered;  // when its last answer arrived
} Connection;

static struct sockaddr_in server;
static char request[512];
static size_t request_size;
static int is_eager, opens_anew, poll_set;
static float *served, *seen;
static size_t answers, wrong;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);  // as the kernel's stamps
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void open_connection(Connection* one) {
  one->socket = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(one->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(one->socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  if (connect(one->socket, (struct sockaddr*)&server, sizeof server) != 0) {
    perror("connect");
    exit(1);
  }
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
  epoll_ctl(poll_set, EPOLL_CTL_ADD, one->socket, &event);
}

static void ask(Connection* one, int64_t every) {
  const int64_t could_be_asked = one->due > one->answered ? one->due : one->answered;
  one->due += now() - could_be_asked;
  one->since = one->due;
  one->due += every;
  one->asked = 1;
  if (send(one->socket, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) {
    perror("send");
    exit(1);
  }
}

// Answers are small: one read has all of one.
static void take(Connection* one) {
  char text[16384];
  char control[256];
  struct iovec part = {text, sizeof text};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
  };
  const ssize_t size = recvmsg(one->socket, &message, 0);
  const int64_t read_at = now();
  int64_t arrived = read_at;
  for (struct cmsghdr* each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_TIMESTAMPNS) {
      struct timespec stamp;
      memcpy(&stamp, CMSG_DATA(each), sizeof stamp);
      arrived = stamp.tv_sec * 1000000000LL + stamp.tv_nsec;
    }
  }
  if (one->asked && answers < kMostAnswers) {
    served[answers] = (float)(arrived - one->since) / 1e6F;
    seen[answers++] = (float)(read_at - one->since) / 1e6F;
    wrong += size < 12 || memcmp(text + 9, "200", 3) != 0;
  }
  one->asked = 0;
  one->answered = arrived;
  if (is_eager) {
    one->due = arrived;
  }
  if (opens_anew || size <= 0) {
    close(one->socket);
    open_connection(one);
  }
}

static int by_time(const void* left, const void* right) {
  const float difference = *(const float*)left - *(const float*)right;
  return (difference > 0) - (difference < 0);
}

static void print(const char* name, float* times) {
  qsort(times, answers, sizeof *times, by_time);
  printf(
      "\"%s\": {\"p50\": %.4f, \"p90\": %.4f, \"p99\": %.4f, \"p999\": %.4f, \"most\": %.3f}",
      name,
      times[answers / 2],
      times[answers * 9 / 10],
      times[answers * 99 / 100],
      times[answers * 999 / 1000],
      times[answers - 1]
  );
}

int main(int count, char** arguments) {
  if (count != 6) {
    return 2;
  }
  server = (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(arguments[1])),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  request_size = (size_t
  )snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", arguments[2]);
  const int connections = atoi(arguments[3]);
  const double rate = atof(arguments[5]);
  if (connections < 1 || connections > kMostConnections || request_size >= sizeof request) {
    return 2;
  }
  is_eager = rate <= 0;
  opens_anew = rate < 0;
  served = malloc(sizeof *served * kMostAnswers);
  seen = malloc(sizeof *seen * kMostAnswers);
  prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
  poll_set = epoll_create1(0);
  static Connection all[kMostConnections];
  const int64_t start = now();
  const int64_t end = start + (int64_t)(atof(arguments[4]) * 1e9);
  const int64_t every = is_eager ? 0 : (int64_t)(1e9 * connections / rate);
  for (int i = 0; i < connections; ++i) {
    open_connection(&all[i]);
    all[i].due = start + every * i / connections;
  }
  for (int64_t time = start; time < end; time = now()) {
    int64_t next = end;
    for (int i = 0; i < connections; ++i) {
      if (!all[i].asked && all[i].due <= time) {
        ask(&all[i], every);
      }
      if (!all[i].asked && all[i].due < next) {
        next = all[i].due;
      }
    }
    const int64_t left = next - now();
    const struct timespec wait = {left / 1000000000LL, left > 0 ? left % 1000000000LL : 0};
    struct epoll_event events[64];
    const int ready =
        epoll_pwait2(poll_set, events, 64, left > 0 ? &wait : &(struct timespec){0}, NULL);
    for (int i = 0; i < ready; ++i) {
      take(events[i].data.ptr);
    }
  }
  if (answers == 0) {
    printf("{\"answers\": 0, \"wrong\": 0}\n");
    return 0;
  }
  printf("{\"answers\": %zu, \"wrong\": %zu, ", answers, wrong);
  print("served", served);
  printf(", ");
  print("seen", seen);
  printf("}\n");
  return 0;
}
