// Stands in front of the system's resolver, for tests: LD_PRELOAD it.
//
// FAKE_NAMES holds entries "name=answer/answer/…", separated by blanks: the first look-up of the
// name gets the first answer, the next one the next, and so round and round. An answer is one IPv4
// address or several with "+" between them. What the system takes for an address is one, localhost
// is what it is, and no other name exists: nothing leaves the machine. FAKE_NAMES_LOG is a file
// that gets a line with every name that was looked up.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kNames = 64 };

typedef int look_up(const char*, const char*, const struct addrinfo*, struct addrinfo**);

static unsigned counts[kNames];

static bool is_localhost(const char* name) {
  return strcasecmp(name, "localhost") == 0 || strcasecmp(name, "localhost.") == 0;
}

static void note(const char* name) {
  const char* path = getenv("FAKE_NAMES_LOG");
  const int file = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  char line[300];
  const int size = snprintf(line, sizeof line, "%s\n", name);
  if (file >= 0) {
    (void)!write(file, line, (size_t)size);
    close(file);
  }
}

// The answer for the name, without its end; null when there is none.
static const char* answer_for(const char* name) {
  const char* entry = getenv("FAKE_NAMES");
  for (int i = 0; entry != NULL && i < kNames; ++i) {
    const char* equal = strchr(entry, '=');
    if (equal == NULL) {
      return NULL;
    }
    if ((size_t)(equal - entry) == strlen(name) && strncmp(entry, name, strlen(name)) == 0) {
      unsigned number = __atomic_fetch_add(&counts[i], 1, __ATOMIC_RELAXED);
      const size_t size = strcspn(equal + 1, " ");
      unsigned answers = 1;
      for (size_t j = 1; j <= size; ++j) {
        answers += equal[j] == '/';
      }
      const char* answer = equal + 1;
      for (number %= answers; number > 0; --number) {
        answer = strchr(answer, '/') + 1;
      }
      return answer;
    }
    entry = strchr(equal, ' ');
    entry = entry == NULL ? NULL : entry + 1;
  }
  return NULL;
}

int getaddrinfo(
    const char* name, const char* service, const struct addrinfo* hints, struct addrinfo** result
) {
  look_up* real = (look_up*)dlsym(RTLD_NEXT, "getaddrinfo");
  if (name == NULL) {
    return real(name, service, hints, result);
  }
  note(name);
  const char* answer = answer_for(name);
  if (answer == NULL) {
    struct addrinfo numeric = hints == NULL ? (struct addrinfo){0} : *hints;
    numeric.ai_flags |= is_localhost(name) ? 0 : AI_NUMERICHOST;
    return real(name, service, &numeric, result);
  }
  struct addrinfo* first = NULL;
  struct addrinfo** last = &first;
  while (true) {
    char address[32] = {0};
    const size_t size = strcspn(answer, "+/ ");
    memcpy(address, answer, size < sizeof address ? size : sizeof address - 1);
    const int code = real(address, service, hints, last);
    if (code != 0) {
      return code;
    }
    while (*last != NULL) {
      last = &(*last)->ai_next;
    }
    if (answer[size] != '+') {
      *result = first;
      return 0;
    }
    answer += size + 1;
  }
}
