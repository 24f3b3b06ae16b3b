// Component binaries and core modules from anywhere: decoded and scanned, no further. What is
// accepted must also have a skeleton, and that must decode as well; its world is written as WIT.
#include "section_mutator.hpp"

#include "base/check.hpp"
#include "component/binary.hpp"
#include "component/core_module.hpp"
#include "component/skeleton.hpp"
#include "component/wit_world.hpp"

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
  const auto kind = detect_binary(bytes);
  if (!kind) {
    (void)kind.error().to_line();
    return 0;
  }
  if (*kind == BinaryKind::CoreModule) {
    const auto module = CoreModule::scan(bytes);
    if (module && module->start()) {
      (void)take_out_start(*module);
    }
    return 0;
  }
  const auto decoded = decode_component(bytes);
  if (!decoded) {
    (void)decoded.error().to_line();
    (void)make_skeleton(bytes);
    return 0;
  }
  (void)wit::to_text(wit::world_of(**decoded));
  const auto skeleton = make_skeleton(bytes);
  WHORL_CHECK(skeleton.has_value(), "what decodes has a skeleton");
  const auto again = make_skeleton(*skeleton);
  WHORL_CHECK(again.has_value() && *again == *skeleton, "a skeleton is its own skeleton");
  WHORL_CHECK(decode_component(*skeleton).has_value(), "a skeleton decodes");
  return 0;
}
