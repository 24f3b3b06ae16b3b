// Components that decode, whatever else is wrong with them: their skeletons are given to the
// engine's validator, which compiles them. Slower than the other targets by two orders.
#include "section_mutator.hpp"

#include "component/binary.hpp"
#include "component/skeleton.hpp"

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
  if (!kind || *kind != BinaryKind::Component || !decode_component(bytes)) {
    return -1;  // of no interest to the corpus
  }
  if (const auto judged = validate_by_skeleton(nullptr, bytes); !judged) {
    (void)judged.error().to_line();
  }
  return 0;
}
