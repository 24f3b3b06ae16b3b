/// The two kinds of strings, of whorl.h and of the generated bindings, and small things with them.
#ifndef WHORL_EXAMPLES_TEXT_H
#define WHORL_EXAMPLES_TEXT_H

#include "example.h"
#include "whorl.h"

static inline example_string_t string_of(whorl_text text) {
  return (example_string_t){(uint8_t*)(uintptr_t)text.data, text.size};
}

static inline example_string_t words(const char* text) {
  return string_of(whorl_string(text));
}

static inline whorl_text text_of(example_string_t string) {
  return (whorl_text){(const char*)string.ptr, string.len};
}

/// Both, one after the other.
static inline whorl_text joined(whorl_text first, whorl_text second) {
  char* data = whorl_alloc(first.size + second.size);
  __builtin_memcpy(data, first.data, first.size);
  __builtin_memcpy(data + first.size, second.data, second.size);
  return (whorl_text){data, first.size + second.size};
}

/// The digits at the beginning, as a number.
static inline unsigned long number_of(whorl_text text) {
  unsigned long number = 0;
  for (size_t i = 0; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; ++i) {
    number = number * 10 + (unsigned long)(text.data[i] - '0');
  }
  return number;
}

static inline whorl_text text_of_number(unsigned long number) {
  char* end = (char*)whorl_alloc(24) + 24;
  char* begin = end;
  do {
    *--begin = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return (whorl_text){begin, (size_t)(end - begin)};
}

/// The next part of a path, which loses it: "/a/b" gives "a" and leaves "/b".
static inline whorl_text take_part(whorl_text* path) {
  while (path->size > 0 && path->data[0] == '/') {
    ++path->data;
    --path->size;
  }
  whorl_text part = {path->data, 0};
  while (part.size < path->size && part.data[part.size] != '/') {
    ++part.size;
  }
  path->data += part.size;
  path->size -= part.size;
  return part;
}

/// The request's body, at most `capacity` bytes of it.
static inline whorl_text body_of(whorl_request* request, size_t capacity) {
  char* data = whorl_alloc(capacity);
  size_t size = 0;
  long piece = 0;
  while (size < capacity && (piece = whorl_read(request, data + size, capacity - size)) > 0) {
    size += (size_t)piece;
  }
  return (whorl_text){data, size};
}

#ifdef FERMYON_SPIN_VARIABLES_ERROR_UNDEFINED
/// A variable of the component; empty when there is none.
static inline whorl_text variable(const char* name) {
  example_string_t key = words(name);
  example_string_t value;
  fermyon_spin_variables_error_t error;
  return fermyon_spin_variables_get(&key, &value, &error) ? text_of(value) : whorl_string("");
}
#endif

static inline void fail(whorl_response* response, const char* what) {
  whorl_status(response, 500);
  whorl_print(response, what);
}

#endif  // WHORL_EXAMPLES_TEXT_H
