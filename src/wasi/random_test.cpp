#include "wasi/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace whorl::wasi {
namespace {

TEST_CASE("secure bytes fill any length and do not repeat") {
  SecureRandom random;
  for (const std::size_t size : {0U, 1U, 31U, 32U, 33U, 64U, 100U, 100'000U}) {
    CAPTURE(size);
    Bytes bytes(size, 0);
    random.fill(bytes);
    if (size >= 100) {
      // A byte is missing from 100,000 random ones with a chance below 10^-167.
      const std::set<std::uint8_t> seen(bytes.begin(), bytes.end());
      CHECK(seen.size() > (size == 100'000 ? 255 : 20));
    }
  }
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10'000; ++i) {
    seen.insert(random.next());
  }
  CHECK(seen.size() == 10'000);
}

TEST_CASE("insecure numbers differ between instances and fill odd lengths") {
  SecureRandom seed;
  InsecureRandom first;
  InsecureRandom second;
  CHECK(first.next(seed) != second.next(seed));
  Bytes bytes(13, 0);
  first.fill(bytes, seed);
  CHECK(std::ranges::any_of(bytes, [](std::uint8_t byte) { return byte != 0; }));
}

}  // namespace
}  // namespace whorl::wasi
