/// Internal to engine/: what the functions of a module weigh, found without compiling it.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <vector>

namespace whorl::engine {

/// One function body: what tells it from others with all that it is compiled from, and its bytes.
struct CodeBody {
  std::uint64_t fingerprint;
  std::uint64_t bytes;
};

/// The bodies in the code section, in order. Two have the same fingerprint where the engine
/// compiles them to the same code: in the same place of modules that differ in data and other
/// bodies only. Of bytes that are no module, as many as can be read: whoever compiles them will say
/// what is wrong. The fingerprint is a guess, not a proof: no more than how long something takes
/// may hang on it.
[[nodiscard]] std::vector<CodeBody> code_bodies(ByteView wasm);
/// Their bytes together, without looking into them.
[[nodiscard]] std::uint64_t code_bytes(ByteView wasm) noexcept;

}  // namespace whorl::engine
