/// What a core module's code can do to state that an exact reset does not restore.
///
/// Walks the instructions of the code section without validating them (the engine does that).
/// Whatever it does not know makes the answer "anything". @thread any
/// @spec WebAssembly core specification, §5.4 instructions
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <string_view>

namespace whorl::component {

struct CodeFacts {
  bool changes_tables = false;  ///< table.set, grow, fill, copy, init
  bool drops_segments = false;  ///< data.drop, elem.drop
  bool grows_memory = false;
  bool is_understood = true;  ///< false: an instruction is not known here, so it may do anything
  bool operator==(const CodeFacts&) const = default;
};

/// @param code  contents of a code section: the vector of function bodies
[[nodiscard]] CodeFacts scan_code(ByteView code) noexcept;

}  // namespace whorl::component
