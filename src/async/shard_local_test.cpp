#include "async/shard_local.hpp"

#include <doctest/doctest.h>

namespace whorl::async {
namespace {

TEST_CASE("each shard has an object of its own, as long as it lives") {
  struct Counted {
    explicit Counted(int& its_count) : count(its_count) { ++count; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --count; }
    int& count;
  };
  int alive = 0;
  const auto make = [&] { return std::make_shared<Counted>(alive); };
  PerShard<Counted> first;
  PerShard<Counted> second;
  Shard kept(0);
  {
    Shard shard(0);
    Counted& made = first.get(shard, make);
    CHECK(&first.get(shard, make) == &made);
    CHECK(&second.get(shard, make) != &made);
    CHECK(&first.get(kept, make) != &made);
    CHECK(alive == 3);
  }
  CHECK(alive == 1);
}

}  // namespace
}  // namespace whorl::async
