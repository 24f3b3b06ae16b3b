// Real guests planned with the host's preview 1 in place of the adapter they came with. Loudly
// skipped where there are no prebuilt guests.
#include "component/plan.hpp"
#include "wasi/p1/preview1.hpp"
#include "wasi/p2/hosts.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace whorl::wasi::p1 {
namespace {

using component::AdapterMode;
using component::Plan;
using component::ShimMode;

const component::HostRegistry& registry() {
  static const component::HostRegistry kRegistry = [] {
    component::HostRegistry made;
    (void)p2::register_p2(made);
    (void)register_preview1(made);
    (void)register_preview1_variants(made);
    return made;
  }();
  return kRegistry;
}

/// How many functions of core modules are the host's preview 1.
std::ptrdiff_t native_calls(const Plan& plan) {
  std::ptrdiff_t count = 0;
  for (const Plan::Step& step : plan.steps) {
    count += std::ranges::count_if(step.imports, [&](const Plan::Binding& binding) {
      return binding.host && plan.hosts[*binding.host]->label.starts_with("wasi_snapshot_preview1");
    });
  }
  return count;
}

TEST_CASE("the host's preview 1 takes the place of adapters") {
  const char* given = std::getenv("WHORL_GUESTS");
  const std::filesystem::path folder =
      given != nullptr ? given : std::filesystem::path(WHORL_SOURCE_DIR) / "../shared/guests";
  if (!std::filesystem::exists(folder)) {
    MESSAGE("SKIPPED: no prebuilt guests (WHORL_GUESTS or ../shared/guests)");
    return;
  }
  struct Row {
    const char* file;
    std::size_t steps;       ///< core instances that are left
    std::size_t as_shipped;  ///< with the adapter
    std::ptrdiff_t native;   ///< functions of preview 1 that the module imports
  };
  const Row rows[] = {
      {"c-hello.wasm", 1, 1, 0},  // never had one
      {"c-p2.wasm", 1, 4, 3},
      {"go-p2.wasm", 1, 4, 16},
      {"rust-spin5-component.wasm", 1, 4, 5},
  };
  for (const Row& row : rows) {
    CAPTURE(row.file);
    std::ifstream in(folder / row.file, std::ios::binary);
    const Bytes bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const auto native = component::plan_component(registry(), bytes, {});
    REQUIRE_MESSAGE(native, (native ? "" : native.error().to_line()));
    CHECK(native->steps.size() == row.steps);
    CHECK(native_calls(*native) == row.native);
    const auto shipped = component::plan_component(
        registry(), bytes, {ShimMode::ElideWherePossible, AdapterMode::AsShipped}
    );
    REQUIRE(shipped);
    CHECK(shipped->steps.size() == row.as_shipped);
    CHECK(native_calls(*shipped) == 0);
    const auto faithful = component::plan_component(registry(), bytes, {ShimMode::Faithful, {}});
    REQUIRE(faithful);
    CHECK(native_calls(*faithful) == 0);
  }
}

}  // namespace
}  // namespace whorl::wasi::p1
