#include "telemetry/limits.hpp"

#include <doctest/doctest.h>

#include <set>

namespace whorl::telemetry {
namespace {

TEST_CASE("every limit has a name of its own") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kLimits; ++i) {
    names.insert(name_of(static_cast<Limit>(i)));
  }
  CHECK(names.size() == kLimits);
  CHECK(name_of(Limit::RequestCpu) == "--max-request-cpu");
  CHECK(name_of(Limit::HostInstances) == "SPIN_MAX_INSTANCE_COUNT");
  CHECK(name_of(Limit::ClientConnections) == "--max-client-connections");
}

TEST_CASE("what runs into a limit is counted under it") {
  const auto before = limit_count(Limit::RequestBody);
  const auto other = limit_count(Limit::RequestHead);
  count_limit(Limit::RequestBody);
  report_limit(Limit::RequestBody, "whorl::http", "a body was refused");
  CHECK(limit_count(Limit::RequestBody) == before + 2);
  CHECK(limit_count(Limit::RequestHead) == other);
}

}  // namespace
}  // namespace whorl::telemetry
