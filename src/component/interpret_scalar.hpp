/// Private to the interpreter: scalars, their bits and which of them are allowed.
#pragma once

#include "component/interpret.hpp"

#include <cstdint>
#include <cstring>

namespace whorl::component::interpret {

inline constexpr std::uint32_t kCanonicalNan32 = 0x7fc00000;
inline constexpr std::uint64_t kCanonicalNan64 = 0x7ff8000000000000;

[[nodiscard]] constexpr bool is_nan32(std::uint32_t bits) noexcept {
  return (bits & 0x7fffffff) > 0x7f800000;
}
[[nodiscard]] constexpr bool is_nan64(std::uint64_t bits) noexcept {
  return (bits & 0x7fffffffffffffff) > 0x7ff0000000000000;
}
[[nodiscard]] constexpr bool is_scalar_value(std::uint64_t code) noexcept {
  return code < 0xd800 || (code > 0xdfff && code < 0x110000);
}

/// `size` bytes, zero-extended.
[[nodiscard]] inline std::uint64_t load_bits(const std::uint8_t* at, std::uint32_t size) noexcept {
  switch (size) {
    case 1:
      return *at;
    case 2: {
      std::uint16_t value;
      std::memcpy(&value, at, 2);
      return value;
    }
    case 4: {
      std::uint32_t value;
      std::memcpy(&value, at, 4);
      return value;
    }
    default: {
      std::uint64_t value;
      std::memcpy(&value, at, 8);
      return value;
    }
  }
}

inline void store_bits(std::uint8_t* at, std::uint64_t bits, std::uint32_t size) noexcept {
  std::memcpy(at, &bits, size);  // little-endian, as the guest's memory
}

/// Whether a guest's bits are fine as they are in any value of that type.
[[nodiscard]] constexpr bool is_any_allowed(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::S8:
    case TypeKind::U8:
    case TypeKind::S16:
    case TypeKind::U16:
    case TypeKind::S32:
    case TypeKind::U32:
    case TypeKind::S64:
    case TypeKind::U64:
      return true;
    default:
      return false;
  }
}

/// Why lifting a scalar fails; null if it does not.
[[nodiscard]] constexpr const char* refusal(std::uint64_t bits, const TypeLayout& type) noexcept {
  if (type.kind == TypeKind::Char && !is_scalar_value(bits)) {
    return "invalid `char` bit pattern: not a Unicode scalar value";
  }
  if (type.kind == TypeKind::Enum && bits >= type.length) {
    return "invalid variant discriminant: out of range";
  }
  return nullptr;
}

/// The value that a guest's bits, zero-extended from the type's size, stand for.
[[nodiscard]] constexpr std::uint64_t lifted(std::uint64_t bits, const TypeLayout& type) noexcept {
  switch (type.kind) {
    case TypeKind::Bool:
      return bits != 0 ? 1 : 0;
    case TypeKind::S8:
      return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int8_t>(bits)});
    case TypeKind::S16:
      return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int16_t>(bits)});
    case TypeKind::S32:
      return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(bits)});
    case TypeKind::F32:
      return is_nan32(static_cast<std::uint32_t>(bits)) ? kCanonicalNan32 : bits;
    case TypeKind::F64:
      return is_nan64(bits) ? kCanonicalNan64 : bits;
    case TypeKind::Flags:
      return bits & type.mask;
    default:
      return bits;
  }
}

}  // namespace whorl::component::interpret
