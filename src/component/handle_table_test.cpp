#include "component/handle_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace whorl::component {
namespace {

constexpr ResourceTag kLamp{"test:house/lamps", "lamp"};
constexpr ResourceTag kChair{"test:house/chairs", "chair"};

/// Writes its name into a log when it goes.
class Named final : public HostResource {
 public:
  Named(std::string name, std::string& log) : name_(std::move(name)), log_(log) {}
  ~Named() override { log_ += name_; }

 private:
  std::string name_;
  std::string& log_;
};

std::uint32_t added(HandleTable& table, std::string name, std::string& log) {
  return *table.add(kLamp, std::make_unique<Named>(std::move(name), log));
}

TEST_CASE("indices start at 1 and freed ones are used again, the last freed first") {
  std::string log;
  HandleTable table;
  CHECK(added(table, "a", log) == 1);
  CHECK(added(table, "b", log) == 2);
  CHECK(added(table, "c", log) == 3);
  CHECK(table.take(1, kLamp));
  CHECK(table.take(3, kLamp));
  CHECK(log == "ac");
  CHECK(table.size() == 1);
  CHECK(added(table, "d", log) == 3);
  CHECK(added(table, "e", log) == 1);
  CHECK(added(table, "f", log) == 4);
}

TEST_CASE("clear destroys the newest first, whatever the index") {
  std::string log;
  HandleTable table;
  added(table, "a", log);
  added(table, "b", log);
  added(table, "c", log);
  CHECK(table.take(1, kLamp));
  log.clear();
  added(table, "d", log);  // index 1 again
  table.clear();
  CHECK(log == "dcb");
  CHECK(table.size() == 0);
  CHECK(added(table, "e", log) == 1);
}

TEST_CASE("every access checks that the entry exists and its type") {
  std::string log;
  HandleTable table;
  const std::uint32_t index = added(table, "a", log);
  CHECK(table.get(index, kLamp));
  CHECK(
      table.get(index, kChair).error().message ==
      "handle index 1 used with the wrong type, expected chair but found lamp"
  );
  CHECK(
      table.take(index, kChair).error().message ==
      "handle index 1 used with the wrong type, expected chair but found lamp"
  );
  CHECK(table.get(0, kLamp).error().message == "unknown handle index 0: expected a lamp");
  CHECK(table.get(2, kLamp).error().message == "unknown handle index 2: expected a lamp");
  CHECK(
      table.get(0xffffffff, kLamp).error().message ==
      "unknown handle index 4294967295: expected a lamp"
  );
  CHECK(table.take(index, kLamp));
  CHECK(table.take(index, kLamp).error().message == "unknown handle index 1: expected a lamp");
}

TEST_CASE("what is lent stays until every loan is over") {
  std::string log;
  HandleTable table;
  const std::uint32_t index = added(table, "a", log);
  CHECK(table.lend(index, kLamp));
  CHECK(table.lend(index, kLamp));
  CHECK_FALSE(table.take(index, kLamp));
  table.unlend(index);
  CHECK(
      table.take(index, kLamp).error().message ==
      "cannot remove owned resource while borrowed: handle index 1 (lamp) is lent out"
  );
  table.unlend(index);
  CHECK(table.take(index, kLamp));
  CHECK_FALSE(table.lend(index, kLamp));
  table.unlend(index);
}

TEST_CASE("a full table is a trap") {
  std::string log;
  HandleTable table;
  for (std::uint32_t i = 0; i < HandleTable::kMaxEntries; ++i) {
    REQUIRE(table.add(kLamp, std::make_unique<Named>("", log)));
  }
  CHECK(
      table.add(kLamp, std::make_unique<Named>("x", log)).error().message ==
      "too many resource handles: the limit is 65536"
  );
  CHECK(log == "x");
  CHECK(table.take(40000, kLamp));
  CHECK(*table.add(kLamp, std::make_unique<Named>("", log)) == 40000);
}

TEST_CASE("moving a table moves what it owns") {
  std::string log;
  HandleTable table;
  added(table, "a", log);
  HandleTable other(std::move(table));
  CHECK(table.size() == 0);  // NOLINT(bugprone-use-after-move): a moved-from table is empty
  CHECK(other.get(1, kLamp));
  added(table, "b", log);
  other = std::move(table);
  CHECK(log == "a");
  CHECK(other.size() == 1);
}

TEST_CASE("random operations agree with a plain model") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::string log;
  HandleTable table;
  std::vector<std::uint32_t> live;
  for (int round = 0; round < 20'000; ++round) {
    if (live.empty() || random() % 5 < 3) {
      const std::uint32_t index = added(table, "", log);
      CHECK(std::ranges::find(live, index) == live.end());
      live.push_back(index);
    } else {
      const std::size_t at = random() % live.size();
      CHECK(table.take(live[at], kLamp));
      CHECK_FALSE(table.take(live[at], kLamp));
      live[at] = live.back();
      live.pop_back();
    }
    CHECK(table.size() == live.size());
  }
}

TEST_CASE("tables that are counted together are bounded together") {
  constexpr std::size_t kFull = HandleTable::kMaxEntriesOfAll / HandleTable::kMaxEntries;
  std::uint32_t total = 0;
  std::vector<HandleTable> tables(kFull + 1);
  for (HandleTable& table : tables) {
    table.count_in(total);
  }
  const ResourceTag tag{"t", "r"};
  const ResourceKey key = resource_key(tag);
  for (std::size_t i = 0; i < kFull; ++i) {
    for (std::uint32_t j = 0; j < HandleTable::kMaxEntries; ++j) {
      REQUIRE(tables[i].add_own(key, ResourceRep(j)));
    }
  }
  CHECK_FALSE(tables.back().add_own(key, ResourceRep(1)));
  REQUIRE(tables.front().take_own(1, key));
  REQUIRE(tables.front().add_own(key, ResourceRep(1)));  // into a place that was counted
  tables.front().clear();
  CHECK(total == HandleTable::kMaxEntriesOfAll - HandleTable::kMaxEntries);
  CHECK(tables.back().add_own(key, ResourceRep(1)));
}

TEST_CASE("all borrows of all calls are let go at once") {
  HandleTable table;
  BorrowScope first;
  BorrowScope second;
  ResourceTag tag{"t", "r"};
  const ResourceKey key = resource_key(tag);
  REQUIRE(table.add_own(key, ResourceRep(1)));
  REQUIRE(table.add_borrow(key, {.rep = 2}, first));
  REQUIRE(table.add_borrow(key, {.rep = 3}, second));
  REQUIRE(table.add_borrow(key, {.rep = 4}, first));
  table.abandon_all();
  CHECK(first.num_borrows == 0);
  CHECK(second.num_borrows == 0);
  CHECK(table.size() == 1);
  CHECK(table.rep(1, key)->rep == 1);
}

}  // namespace
}  // namespace whorl::component
