/// Decoder of the component binary format.
///
/// Bytes are hostile: every count, index, depth and size is bounded, every error says at which byte
/// what was expected. What is checked here needs no types of other definitions: structure, index
/// bounds, names, labels; the linker checks the rest. @thread any
/// @spec component model, Binary.md
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "component/ir.hpp"

#include <cstdint>
#include <memory>

namespace whorl::component {

/// What the first eight bytes announce.
enum class BinaryKind : std::uint8_t { CoreModule, Component };

/// Looks at the preamble. @return InvalidInput for anything else, with a guess of what it is
[[nodiscard]] Result<BinaryKind> detect_binary(ByteView bytes);

/// Decodes a whole component, nested ones included.
///
/// @param bytes  must outlive the result
/// @param base   offset of the bytes in the file, for messages
/// @return       InvalidInput for malformed bytes; Unsupported for start and value definitions
[[nodiscard]] Result<std::shared_ptr<const ir::Component>> decode_component(
    ByteView bytes, std::uint64_t base = 0
);

/// Limits of what is decoded; beyond them a component is refused.
inline constexpr std::uint32_t kMaxNestingDepth = 100;
inline constexpr std::uint32_t kMaxModules = 1'000;        ///< in the file
inline constexpr std::uint32_t kMaxComponents = 1'000;     ///< in the file
inline constexpr std::uint32_t kMaxDefinitions = 500'000;  ///< in the file
inline constexpr std::uint32_t kMaxMembers = 1'000;        ///< fields, cases, labels, parameters
inline constexpr std::uint32_t kMaxFlags = 32;

}  // namespace whorl::component
