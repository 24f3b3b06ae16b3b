#include "base/block_cache.hpp"

#include <doctest/doctest.h>
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <vector>

using whorl::BlockCache;

TEST_CASE("a thread that was not asked to keeps nothing") {
  BlockCache& cache = BlockCache::of_this_thread();
  void* block = std::malloc(100);
  CHECK_FALSE(cache.give(block, 100));
  CHECK(cache.take(100) == nullptr);
  std::free(block);
}

TEST_CASE("what was given is taken again, the last first, by sizes that fit only") {
  const BlockCache::Use use;
  BlockCache& cache = BlockCache::of_this_thread();
  void* first = std::malloc(89);
  void* second = std::malloc(104);
  REQUIRE(cache.give(first, 89));
  REQUIRE(cache.give(second, 104));
  CHECK(cache.take(88) == nullptr);
  CHECK(cache.take(105) == nullptr);
  CHECK(cache.take(100) == second);
  CHECK(cache.take(89) == first);
  CHECK(cache.take(100) == nullptr);
  std::free(first);
  std::free(second);
}

TEST_CASE("a block of malloc has room for every size that it may be taken for") {
  const BlockCache::Use use;
  BlockCache& cache = BlockCache::of_this_thread();
  for (std::size_t size = 1; size <= BlockCache::kLargest; ++size) {
    void* block = std::malloc(size);
    REQUIRE(cache.give(block, size));
    const std::size_t usable = malloc_usable_size(block);
    for (std::size_t wanted = size; wanted <= size + 16; ++wanted) {
      if (void* taken = cache.take(wanted)) {
        CHECK(taken == block);
        CHECK(wanted <= usable);
        REQUIRE(cache.give(taken, wanted));
      }
    }
    REQUIRE(cache.take(size) == block);
    std::free(block);
  }
}

TEST_CASE("what is kept is bounded, and large blocks are not") {
  const BlockCache::Use use;
  BlockCache& cache = BlockCache::of_this_thread();
  const auto kept = [&](std::size_t size) {
    std::size_t count = 0;
    void* block = std::malloc(size);
    for (; cache.give(block, size); ++count) {
      block = std::malloc(size);
    }
    std::free(block);
    return count;
  };
  CHECK(kept(24) == BlockCache::kMostBlocks);
  CHECK(kept(2000) == BlockCache::kMostBytes / 2008);
  CHECK(kept(BlockCache::kLargest) == BlockCache::kMostBytes / BlockCache::kLargest);
  CHECK(kept(BlockCache::kLargest + 1) == 0);
}

TEST_CASE("bytes that look like the mark of a kept block do no harm") {
  const BlockCache::Use use;
  BlockCache& cache = BlockCache::of_this_thread();
  void* block = std::malloc(40);
  const void* mark = &cache;
  std::memcpy(static_cast<char*>(block) + sizeof(void*), &mark, sizeof mark);
  REQUIRE(cache.give(block, 40));
  CHECK(cache.take(40) == block);
  std::free(block);
}
