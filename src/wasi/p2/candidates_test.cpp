#include "wasi/p2/candidates.hpp"

#include "wasi/p2/hosts.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>

namespace whorl::wasi::p2 {
namespace {

TEST_CASE("the candidate of November 2023 has the interfaces of 0.2, and its own functions") {
  component::HostRegistry registry;
  (void)register_p2(registry);
  struct Row {
    const char* interface;
    const char* function;
    bool in_candidate;
    bool in_release;
  };
  const Row rows[] = {
      {"wasi:http/types", "[method]fields.has", false, true},
      {"wasi:http/types", "[method]fields.append", true, true},
      {"wasi:http/types", "[method]request-options.connect-timeout-ms", true, false},
      {"wasi:http/types", "[method]request-options.connect-timeout", false, true},
      {"wasi:http/types", "[method]future-trailers.get", true, true},
      {"wasi:sockets/tcp", "[method]tcp-socket.set-ipv6-only", true, false},
      {"wasi:sockets/udp", "[method]udp-socket.ipv6-only", true, false},
      {"wasi:cli/environment", "get-environment", true, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.interface);
    CAPTURE(row.function);
    const auto has = [&](std::string_view version) {
      const auto match = registry.find(row.interface, version);
      REQUIRE(match);
      return std::ranges::any_of(match->interface->functions, [&](const auto& function) {
        return std::string_view(function.name) == row.function;
      });
    };
    CHECK(has(kCandidateVersion) == row.in_candidate);
    CHECK(has("0.2.0") == row.in_release);
  }
  CHECK_FALSE(registry.find("wasi:http/types", "0.2.0-rc-2023-12-05"));
}

TEST_CASE("a function that is the same is the same") {
  const auto& release = wit::wasi_io_streams::kInterface;
  const auto& candidate = in_candidate(release);
  CHECK(&candidate == &in_candidate(release));
  CHECK(candidate.functions.size() == release.functions.size());
  CHECK((candidate.functions[0].thunk == release.functions[0].thunk));
  CHECK(candidate.resources.data() == release.resources.data());
}

}  // namespace
}  // namespace whorl::wasi::p2
