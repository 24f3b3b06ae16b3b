/// Forwarders: small core modules that stand between an export and the host function it passes
/// through, so that a re-exported import is called like any other export.
///
/// A forwarder has a memory and a bump allocator of its own: values are lowered into it, lifted
/// from it by the host function, and the other way around; post-return makes room for the next
/// call. Private to the room. @thread any
#pragma once

#include "base/bytes.hpp"
#include "engine/types.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace whorl::component {

struct Forwarder {
  engine::FuncType lowered;  ///< of the host function, as imported
  engine::FuncType lifted;   ///< of the export
  /// Where the host function stores a result that does not fit into one core value: the lowered
  /// function takes a pointer to it, the lifted one returns it.
  struct Spill {
    std::uint32_t size = 0;
    std::uint32_t alignment = 1;
  };
  std::optional<Spill> spill;
  /// Parameters that are borrow handles, dropped after the call; the n-th one by import n + 1.
  std::vector<std::uint32_t> borrows;
};

/// Names of what a forwarder imports, in order ("0" is the function), from a module called "".
/// Names of what it exports:
inline constexpr const char* kForwarderCall = "call";
inline constexpr const char* kForwarderMemory = "memory";
inline constexpr const char* kForwarderRealloc = "realloc";
inline constexpr const char* kForwarderPostReturn = "post-return";

/// The module's bytes.
[[nodiscard]] Bytes write_forwarder(const Forwarder& forwarder);

}  // namespace whorl::component
