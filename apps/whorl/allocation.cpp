// The program's operators for memory: malloc(), behind what the thread keeps
// (base/block_cache.hpp). Not under sanitizers, which bring their own.
#ifndef WHORL_SANITIZED

#include "base/block_cache.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>  // lint: allow(new) the header

namespace {

/// What the standard asks of an operator that has no memory (new.delete.single).
void* allocate_or_throw(std::size_t size) {
  while (true) {
    if (void* memory = std::malloc(size == 0 ? 1 : size)) {
      return memory;
    }
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) {
      throw std::bad_alloc();
    }
    handler();
  }
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* kept = whorl::BlockCache::of_this_thread().take(size)) [[likely]] {
    return kept;
  }
  return allocate_or_throw(size);
}

void operator delete(void* memory) noexcept {  // lint: allow(delete) the operator itself
  std::free(memory);
}

void operator delete(void* memory, std::size_t size) noexcept {  // lint: allow(delete) likewise
  if (memory != nullptr && !whorl::BlockCache::of_this_thread().give(memory, size)) {
    std::free(memory);
  }
}

#endif
