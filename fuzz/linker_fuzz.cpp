// Components and bare core modules from anywhere: decoded, type-checked, linked and planned, never
// compiled. The plan is written down too, so that every name and type in it is walked.
#include "section_mutator.hpp"

#include "component/plan.hpp"
#include "component/test_wasm.hpp"

#include <cstddef>
#include <cstdint>

extern "C" std::size_t LLVMFuzzerCustomMutator(
    std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned int seed
) {
  return whorl::component::fuzzing::mutate(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whorl;
  using namespace whorl::component;
  const ByteView bytes(data, size);
  for (const ShimMode shims : {ShimMode::ElideWherePossible, ShimMode::Faithful}) {
    const auto plan = plan_component(testing::test_registry(), bytes, {shims});
    if (plan) {
      (void)describe_plan(*plan);
    } else {
      (void)plan.error().to_line();
    }
  }
  return 0;
}
