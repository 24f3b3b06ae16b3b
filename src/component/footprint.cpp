#include "component/footprint.hpp"

#include "component/component_impl.hpp"
#include "engine/memory_reset.hpp"

#include <algorithm>

namespace whorl::component {

std::uint64_t memory_bytes(const ComponentInstance& instance, engine::Store& store) {
  const std::size_t slots = instance.component().impl().plan.memories.size();
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < slots; ++i) {
    const engine::Memory* memory = instance.memory(static_cast<std::uint16_t>(i));
    bytes += memory != nullptr ? store.bytes_of(*memory).size() : 0;
  }
  return bytes;
}

std::uint64_t give_back_memory(
    const ComponentInstance& instance, engine::Store& store, std::uint64_t from, std::uint64_t most
) noexcept {
  const std::size_t slots = instance.component().impl().plan.memories.size();
  std::uint64_t given = 0;
  for (std::size_t i = 0; i < slots && given < most; ++i) {
    const engine::Memory* memory = instance.memory(static_cast<std::uint16_t>(i));
    if (memory == nullptr) {
      continue;
    }
    const MutableByteView bytes = store.bytes_of(*memory);
    if (from >= bytes.size()) {
      from -= bytes.size();
      continue;
    }
    const MutableByteView piece =
        bytes.subspan(from, std::min<std::uint64_t>(bytes.size() - from, most - given));
    engine::give_back(piece);
    given += piece.size();
    from = 0;
  }
  return given;
}

}  // namespace whorl::component
