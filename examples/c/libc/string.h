#ifndef WHORL_EXAMPLES_STRING_H
#define WHORL_EXAMPLES_STRING_H

#include <stddef.h>

void* memcpy(void* to, const void* from, size_t size);
static inline size_t strlen(const char* text) {
  size_t size = 0;
  while (text[size] != '\0') {
    ++size;
  }
  return size;
}

#endif  // WHORL_EXAMPLES_STRING_H
