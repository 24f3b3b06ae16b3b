// What the generated bindings want of a C library: memory of whorl.h, which ends with the request.
#ifndef WHORL_EXAMPLES_STDLIB_H
#define WHORL_EXAMPLES_STDLIB_H

#include "whorl.h"

static inline void* realloc(void* old, size_t size) {
  (void)old;  // only ever null
  return whorl_alloc(size);
}
static inline void free(void* memory) {
  (void)memory;
}
_Noreturn static inline void abort(void) {
  __builtin_trap();
}

#endif  // WHORL_EXAMPLES_STDLIB_H
