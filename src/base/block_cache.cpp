#include "base/block_cache.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace whorl {
namespace {

constinit thread_local BlockCache cache_of_this_thread;

}  // namespace

BlockCache& BlockCache::of_this_thread() noexcept {
  return cache_of_this_thread;
}

void BlockCache::check_not_kept(const Class& of, const Block* block) const noexcept {
  // What looks like our mark may be bytes that its last owner left there.
  for (const Block* kept = of.first; kept != nullptr; kept = unmask(kept)) {
    if (kept == block) {
      std::abort();
    }
  }
}

void BlockCache::open() noexcept {
  if (uses_++ != 0) {
    return;
  }
  for (std::size_t at = 0; at < kClasses; ++at) {
    classes_[at].room = std::min(kMostBlocks, kMostBytes / (at * kStep + kHead));
  }
}

void BlockCache::close() noexcept {
  if (--uses_ != 0) {
    return;
  }
  for (Class& of : classes_) {
    while (of.first != nullptr) {
      Block* block = of.first;
      of.first = unmask(block);
      std::free(block);
    }
    of.room = 0;
  }
}

}  // namespace whorl
