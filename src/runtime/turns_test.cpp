#include "runtime/turns.hpp"

#include "async/shard.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::runtime {
namespace {

/// Lets the loop run until it has nothing to do at once.
void settle(async::Shard& shard) {
  while (shard.poll()) {
  }
}

TEST_CASE("events that give way begin one after the other, each behind a look at the sockets") {
  async::Shard shard(0);
  Turns turns(shard);
  std::string order;
  turns.begin_later([&](bool is_open) {
    CHECK(is_open);
    order += 'a';
    // Found by the loop before the next one may begin.
    shard.post([&] { order += '1'; });
  });
  turns.begin_later([&](bool is_open) {
    CHECK(is_open);
    order += 'b';
  });
  shard.post([&] { order += '0'; });
  CHECK(turns.beginnings() == 2);
  settle(shard);
  CHECK(order == "0a1b");
  CHECK(turns.beginnings() == 0);
}

TEST_CASE("an event that waits for its beginning is refused when the shard ends") {
  async::Shard shard(0);
  Turns turns(shard);
  int refused = 0;
  for (int i = 0; i < 3; ++i) {
    turns.begin_later([&](bool is_open) { refused += is_open ? 0 : 1; });
  }
  turns.refuse_beginnings();
  CHECK(refused == 3);
  settle(shard);
  CHECK(refused == 3);
}

TEST_CASE("several components are active when their events take turns") {
  async::Shard shard(0);
  Turns turns(shard);
  const int one = 0;
  const int other = 0;
  CHECK_FALSE(turns.note_component(&one));
  CHECK_FALSE(turns.note_component(&one));
  CHECK(turns.note_component(&other));
  CHECK(turns.note_component(&one));
}

}  // namespace
}  // namespace whorl::runtime
