#include "http/buffer_pool.hpp"

#include "http/read_buffer.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cstring>
#include <set>
#include <vector>

namespace whorl::http {
namespace {

bool is_resident(std::uint8_t* page) {
  unsigned char flags = 0;
  return ::mincore(page, 4096, &flags) == 0 && (flags & 1) != 0;
}

TEST_CASE("buffers are lent, the warm ones first, and given back to the system beyond a few") {
  BufferPool pool(4096);
  std::set<std::uint8_t*> lent;
  for (int i = 0; i < 200; ++i) {
    std::uint8_t* buffer = pool.take();
    REQUIRE(buffer != nullptr);
    std::memset(buffer, i, 4096);
    CHECK(lent.insert(buffer).second);
  }
  CHECK(pool.lent() == 200);
  std::vector<std::uint8_t*> resident;
  for (std::uint8_t* buffer : lent) {
    pool.give(buffer);
    if (is_resident(buffer)) {
      resident.push_back(buffer);
    }
  }
  CHECK(pool.lent() == 0);
  CHECK(resident.size() == BufferPool::kWarm);
  CHECK(pool.take() == resident.back());
  pool.give(resident.back());
}

TEST_CASE("a read buffer takes from its pool what fits and the rest from the heap") {
  BufferPool pool(4096);
  ReadBuffer buffer(&pool);
  auto room = buffer.lend(4096);
  REQUIRE(room.size() == 4096);
  CHECK(pool.lent() == 1);
  std::memset(room.data(), 'a', 4096);
  buffer.commit(4096);
  // Full: it grows, and its page is free again.
  room = buffer.lend(4096);
  CHECK(room.size() == 4096);
  CHECK(pool.lent() == 0);
  buffer.commit(0);
  CHECK(buffer.text() == std::string(4096, 'a'));
  buffer.consume(4096);
  buffer.release();
  CHECK_FALSE(buffer.has_memory());

  CHECK_FALSE(buffer.lend(4096).empty());
  CHECK(pool.lent() == 1);
  buffer.drop();
  CHECK(pool.lent() == 0);
}

}  // namespace
}  // namespace whorl::http
