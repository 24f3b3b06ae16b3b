/// Compile-time arithmetic of the canonical ABI: sizes, alignments, flattened core types.
///
/// @spec CanonicalABI.md, "Alignment", "Element Size", "Flattening"
#pragma once

#include "component/flatten.hpp"
#include "engine/types.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace whorl::component {

/// How a C++ type crosses the canonical ABI. Each specialisation has:
///   kAlignment, kElemSize                in memory, bytes
///   kFlat                                std::array of its flattened core types
///   kTraits                              what crossing it takes
///   static T lift_flat(LiftContext&, const RawVal*)             from core values
///   static T load(LiftContext&, const std::uint8_t*)            from kElemSize bytes of memory
///   static void lower_flat(LowerContext&, T&, RawVal*)          to core values, moving out of it
///   static void store(LowerContext&, T&, std::uint32_t offset)  to memory, moving out of it
///   static TypeRef describe()                                   its component-level type
/// lift and load return something harmless after a failure.
template <class T>
struct Abi;

/// What lifting or lowering a type takes.
struct AbiTraits {
  bool memory = false;  ///< holds strings or lists: needs memory, and realloc to be lowered
  bool own = false;
  bool borrow = false;
  bool view = false;  ///< when lifted it points into guest memory

  friend constexpr AbiTraits operator|(AbiTraits a, AbiTraits b) {
    return {a.memory || b.memory, a.own || b.own, a.borrow || b.borrow, a.view || b.view};
  }
};

/// @param alignment  a power of two
[[nodiscard]] constexpr std::uint32_t align_to(std::uint32_t ptr, std::uint32_t alignment) {
  return (ptr + alignment - 1) & ~(alignment - 1);
}

/// The core type that can hold either of two.
[[nodiscard]] constexpr engine::ValType join(engine::ValType a, engine::ValType b) {
  using enum engine::ValType;
  if (a == b) {
    return a;
  }
  return (a == I32 && b == F32) || (a == F32 && b == I32) ? I32 : I64;
}

/// Bytes of the discriminant of a variant.
[[nodiscard]] constexpr std::uint32_t discriminant_size(std::size_t cases) {
  return cases <= 0x100 ? 1 : cases <= 0x10000 ? 2 : 4;
}

template <std::size_t N>
using FlatTypes = std::array<engine::ValType, N>;

/// Abi<T>, or nothing for the payload of a case that has none.
template <class T>
struct PayloadAbi : Abi<T> {};
template <>
struct PayloadAbi<void> {
  static constexpr std::uint32_t kAlignment = 1;
  static constexpr std::uint32_t kElemSize = 0;
  static constexpr FlatTypes<0> kFlat{};
  static constexpr AbiTraits kTraits{};
};

/// Layout of a record or tuple.
template <class... T>
struct RecordLayout {
  static constexpr std::uint32_t kAlignment = std::max({std::uint32_t{1}, Abi<T>::kAlignment...});
  static constexpr AbiTraits kTraits = (AbiTraits{} | ... | Abi<T>::kTraits);

  /// Where each field starts, and at the end where the last one ends.
  static constexpr std::array<std::uint32_t, sizeof...(T) + 1> kOffsets = [] {
    constexpr std::array<std::uint32_t, sizeof...(T)> alignments{Abi<T>::kAlignment...};
    constexpr std::array<std::uint32_t, sizeof...(T)> sizes{Abi<T>::kElemSize...};
    std::array<std::uint32_t, sizeof...(T) + 1> offsets{};
    std::uint32_t end = 0;
    for (std::size_t i = 0; i < sizeof...(T); ++i) {
      offsets[i] = align_to(end, alignments[i]);
      end = offsets[i] + sizes[i];
    }
    offsets[sizeof...(T)] = end;
    return offsets;
  }();
  static constexpr std::uint32_t kElemSize = align_to(kOffsets[sizeof...(T)], kAlignment);

  /// Which core value each field starts at.
  static constexpr std::array<std::size_t, sizeof...(T) + 1> kFlatOffsets = [] {
    constexpr std::array<std::size_t, sizeof...(T)> counts{Abi<T>::kFlat.size()...};
    std::array<std::size_t, sizeof...(T) + 1> offsets{};
    for (std::size_t i = 0; i < sizeof...(T); ++i) {
      offsets[i + 1] = offsets[i] + counts[i];
    }
    return offsets;
  }();
  static constexpr FlatTypes<kFlatOffsets[sizeof...(T)]> kFlat = [] {
    FlatTypes<kFlatOffsets[sizeof...(T)]> flat{};
    [[maybe_unused]] auto* next = flat.begin();
    ((next = std::ranges::copy(Abi<T>::kFlat, next).out), ...);
    return flat;
  }();
};

/// Layout of a variant; T is void for a case without payload.
template <class... T>
struct VariantLayout {
  static constexpr std::size_t kCases = sizeof...(T);
  static constexpr std::uint32_t kDiscriminantSize = discriminant_size(kCases);
  static constexpr std::uint32_t kPayloadAlignment = std::max({PayloadAbi<T>::kAlignment...});
  static constexpr std::uint32_t kPayloadOffset = align_to(kDiscriminantSize, kPayloadAlignment);
  static constexpr std::uint32_t kAlignment = std::max(kDiscriminantSize, kPayloadAlignment);
  static constexpr std::uint32_t kElemSize =
      align_to(kPayloadOffset + std::max({PayloadAbi<T>::kElemSize...}), kAlignment);
  static constexpr AbiTraits kTraits = (AbiTraits{} | ... | PayloadAbi<T>::kTraits);

  static constexpr std::size_t kPayloadFlatCount = std::max({PayloadAbi<T>::kFlat.size()...});
  static constexpr FlatTypes<kPayloadFlatCount + 1> kFlat = [] {
    FlatTypes<kPayloadFlatCount + 1> flat{engine::ValType::I32};
    std::size_t filled = 1;
    const auto add = [&](const auto& payload) {
      for (std::size_t i = 0; i < payload.size(); ++i) {
        flat[i + 1] = i + 1 < filled ? join(flat[i + 1], payload[i]) : payload[i];
      }
      filled = std::max(filled, payload.size() + 1);
    };
    (add(PayloadAbi<T>::kFlat), ...);
    return flat;
  }();
};

}  // namespace whorl::component
