#include "cli/trigger_processes.hpp"

#include "cli/arguments.hpp"
#include "cli/up_flags.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

namespace whorl::cli {
namespace {

using Words = std::vector<std::string>;

TEST_CASE("arguments go to every trigger that has the flag, with the word after it") {
  const std::vector<Words> flags = {{"--listen", "-q", "--quiet"}, {"-q", "--quiet", "--test"}};
  struct Row {
    Words arguments;
    std::vector<Words> shared;
  };
  const Row rows[] = {
      {{}, {{}, {}}},
      {{"--listen", "x", "-q"}, {{"--listen", "x", "-q"}, {"-q"}}},
      {{"--test", "--quiet"}, {{"--quiet"}, {"--test", "--quiet"}}},
      {{"--listen=x"}, {{"--listen=x"}, {}}},
  };
  for (const Row& row : rows) {
    CAPTURE(fmt::format("{}", row.arguments));
    const auto shared = share_arguments(row.arguments, flags);
    REQUIRE(shared);
    CHECK(*shared == row.shared);
  }
  CHECK(
      share_arguments({"--nobody", "x"}, flags).error().message() ==
      "Unrecognised trigger option \"--nobody\""
  );
}

TEST_CASE("what is not up's own is passed on as it was written") {
  struct Row {
    std::vector<std::string_view> arguments;
    Words passed_on;
  };
  const Row rows[] = {
      {{"-f", "x", "--listen", "a", "-q"}, {"--listen", "a", "-q"}},
      {{"--unknown", "value", "--other=1", "--build"}, {"--unknown", "value", "--other=1"}},
      {{"-qf", "x", "-Ldir"}, {"-q", "-Ldir"}},
      {{"-z", "--", "-f", "y"}, {"-z", "--", "-f", "y"}},
      {{"word"}, {"word"}},
  };
  for (const Row& row : rows) {
    CAPTURE(fmt::format("{}", row.arguments));
    CHECK(scan_arguments(row.arguments, up_flags()).passed_on == row.passed_on);
  }
}

}  // namespace
}  // namespace whorl::cli
