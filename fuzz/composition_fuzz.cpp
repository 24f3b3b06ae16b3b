// Components from anywhere, put together with themselves: with everything that they import denied,
// and beside a second one. What comes out was validated, so it can be taken apart again.
#include "section_mutator.hpp"

#include "base/check.hpp"
#include "component/composition_encoder.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

extern "C" std::size_t LLVMFuzzerCustomMutator(
    std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned int seed
) {
  return whorl::component::fuzzing::mutate(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whorl;
  using namespace whorl::component;
  const ByteView bytes(data, size);
  const auto names = extern_names(bytes);
  if (!names) {
    return 0;
  }
  std::vector<std::string> denied;
  for (const std::string& name : names->imports) {
    denied.push_back(name.substr(0, name.find('@')));
  }
  const Part alone[] = {{.bytes = bytes, .name = "alone", .denied = denied}};
  std::vector<Part> two = {{.bytes = bytes, .name = "one"}, {.bytes = bytes, .name = "two"}};
  if (!names->imports.empty() && !names->exports.empty()) {
    two[1].plugs.push_back({names->imports.back(), 0, names->exports.front(), "one"});
  }
  for (const std::span<const Part> parts :
       {std::span<const Part>(alone), std::span<const Part>(two)}) {
    const auto composed = encode_composition(parts);
    if (!composed) {
      (void)composed.error().to_line();
      continue;
    }
    const auto again = extern_names(*composed);
    WHORL_CHECK(again.has_value(), "what was composed decodes");
    WHORL_CHECK(again->exports == names->exports, "the whole exports what its last part exports");
  }
  return 0;
}
