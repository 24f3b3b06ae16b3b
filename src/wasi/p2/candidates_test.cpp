#include "wasi/p2/candidates.hpp"

#include "wasi/p2/candidate_table.hpp"
#include "wasi/p2/hosts.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace whorl::wasi::p2 {
namespace {

TEST_CASE("the candidates have the interfaces of 0.2, and functions of their own") {
  component::HostRegistry registry;
  (void)register_p2(registry);
  struct Row {
    const char* interface;
    const char* function;
    bool in_october;
    bool in_november;
    bool in_release;
  };
  const Row rows[] = {
      {"wasi:http/types", "[method]fields.has", false, false, true},
      {"wasi:http/types", "[method]fields.append", true, true, true},
      {"wasi:http/types", "[constructor]request-options", false, true, true},
      {"wasi:http/types", "[method]request-options.connect-timeout-ms", false, true, false},
      {"wasi:http/types", "[method]request-options.connect-timeout", false, false, true},
      {"wasi:http/types", "[method]future-trailers.get", true, true, true},
      {"wasi:http/types", "[method]outgoing-response.write", true, false, false},
      {"wasi:http/types", "[method]outgoing-response.body", false, true, true},
      {"wasi:io/poll", "poll-one", true, false, false},
      {"wasi:io/poll", "[method]pollable.block", false, true, true},
      {"wasi:io/streams", "[method]error.to-debug-string", true, false, false},
      {"wasi:filesystem/types", "[method]descriptor.lock-shared", true, false, false},
      {"wasi:sockets/tcp", "[method]tcp-socket.set-ipv6-only", true, true, false},
      {"wasi:sockets/tcp", "[method]tcp-socket.set-no-delay", true, false, false},
      {"wasi:sockets/udp", "[method]udp-socket.ipv6-only", true, true, false},
      {"wasi:sockets/udp", "[method]udp-socket.stream", false, true, true},
      {"wasi:cli/environment", "get-environment", true, true, true},
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
    CHECK(has(kCandidateVersions[0]) == row.in_october);
    CHECK(has(kCandidateVersions[1]) == row.in_november);
    CHECK(has("0.2.0") == row.in_release);
  }
  CHECK_FALSE(registry.find("wasi:http/types", "0.2.0-rc-2023-12-05"));
  CHECK(registry.find("wasi:clocks/timezone", kCandidateVersions[0]));
}

TEST_CASE("a row of a table is about a function that 0.2 has, or adds one") {
  component::HostRegistry registry;
  (void)register_p2(registry);
  for (const CandidateTable* table : {&october_table(), &november_table()}) {
    for (const Change& change : table->functions) {
      const std::string row = fmt::format("{} {}", change.interface, change.name);
      CAPTURE(row);
      const auto match = registry.find(change.interface, "0.2.0");
      REQUIRE(match);
      const bool is_there =
          std::ranges::any_of(match->interface->functions, [&](const auto& function) {
            return std::string_view(function.name) == change.name;
          });
      CHECK(is_there != change.name.empty());
    }
  }
}

TEST_CASE("a function that is the same is the same") {
  const auto& release = wit::wasi_io_streams::kInterface;
  const auto& candidate = in_candidate(Candidate::November2023, release);
  CHECK(&candidate == &in_candidate(Candidate::November2023, release));
  CHECK(&candidate != &in_candidate(Candidate::October2023, release));
  CHECK(candidate.functions.size() == release.functions.size());
  CHECK((candidate.functions[0].thunk == release.functions[0].thunk));
  CHECK(candidate.resources.size() == release.resources.size());
}

}  // namespace
}  // namespace whorl::wasi::p2
