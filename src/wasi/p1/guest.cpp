#include "wasi/p1/guest.hpp"

#include "wasi/p1/abi.hpp"

#include <fmt/format.h>

namespace whorl::wasi::p1 {

void Guest::fail(component::HostTrap trap) {
  if (!trap_) {
    trap_ = std::move(trap);
  }
}

bool Guest::fault(const char* what) {
  fail({engine::TrapKind::HostTrap, fmt::format("a WASI preview 1 function was given {}", what), 0}
  );
  return false;
}

void Guest::read_buffers(Ptr array, std::uint32_t count, Buffers& out) {
  if (!check(array, std::uint64_t{count} * kIovecSize, 4)) {
    return;
  }
  // Only what will be used is looked at: the array may have millions of entries.
  const auto used = std::min(count, static_cast<std::uint32_t>(Buffers::kMax));
  for (std::uint32_t i = 0; i < used; ++i) {
    const Ptr entry = array + i * kIovecSize;
    const Range buffer{read<std::uint32_t>(entry), read<std::uint32_t>(entry + 4)};
    if (!check(buffer.ptr, buffer.size)) {
      out.clear();
      return;
    }
    out.add(buffer);
  }
}

}  // namespace whorl::wasi::p1
