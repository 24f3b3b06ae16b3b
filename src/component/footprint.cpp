#include "component/footprint.hpp"

#include "component/component_impl.hpp"

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

}  // namespace whorl::component
