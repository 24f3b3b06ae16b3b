#include "host/kept_memory.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>

namespace whorl::host {
namespace {

TEST_CASE("what handles keep is bounded for all of them together") {
  const auto account = std::make_shared<KeptMemory>(100);
  std::optional<KeptMemory::Share> first(account);
  KeptMemory::Share second(account);
  CHECK(first->try_resize(60));
  CHECK(second.try_resize(40));
  CHECK_FALSE(second.try_resize(41));
  CHECK_FALSE(second.try_resize(~std::uint64_t{0}));
  CHECK(account->used() == 100);
  CHECK(second.try_resize(10));
  CHECK(account->used() == 70);
  first.reset();
  CHECK(account->used() == 10);
  CHECK(second.try_resize(100));
}

}  // namespace
}  // namespace whorl::host
