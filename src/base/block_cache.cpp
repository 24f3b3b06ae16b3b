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
  // Opened for each wait of a thread that is no shard's: not the place for 128 divisions.
  static constexpr auto kRooms = [] {
    std::array<std::size_t, kClasses> rooms{};
    for (std::size_t at = 0; at < kClasses; ++at) {
      rooms[at] = std::min(kMostBlocks, kMostBytes / (at * kStep + kHead));
    }
    return rooms;
  }();
  for (std::size_t at = 0; at < kClasses; ++at) {
    classes_[at].room = kRooms[at];
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
