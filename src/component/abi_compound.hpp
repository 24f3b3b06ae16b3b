/// Abi of lists, tuples, options, results, and the bases that generated records, variants, enums
/// and flags use.
#pragma once

#include "component/abi_scalar.hpp"

#include <array>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

namespace whorl::component {

[[nodiscard]] TypeRef list_type(TypeRef element);
[[nodiscard]] TypeRef option_type(TypeRef element);
/// Null for what is absent.
[[nodiscard]] TypeRef result_type(TypeRef ok, TypeRef error);
/// Record, Variant, Tuple (labels empty), Flags or Enum (types empty).
[[nodiscard]] TypeRef compound_type(
    TypeKind kind, std::span<const char* const> labels, std::vector<TypeRef> types
);

/// Abi<T>::describe(), or null for no payload.
template <class T>
[[nodiscard]] TypeRef describe_payload() {
  if constexpr (std::is_void_v<T>) {
    return nullptr;
  } else {
    return Abi<T>::describe();
  }
}

// --- lists ---------------------------------------------------------------------------------------

/// A LowerContext for values without pointers and handles: storing them never enters the guest, so
/// that the address of its memory stays in a register.
class PlainLowerContext {
 public:
  /// @param base  LowerContext::at(0)
  explicit PlainLowerContext(std::uint8_t* base) noexcept : base_(base) {}
  [[nodiscard]] std::uint8_t* at(std::uint32_t offset) const noexcept { return base_ + offset; }
  void fail(const char* reason) noexcept { reason_ = reason; }
  /// Null unless something failed.
  [[nodiscard]] const char* reason() const noexcept { return reason_; }

 private:
  std::uint8_t* base_;
  const char* reason_ = nullptr;
};

template <class T>
struct Abi<std::vector<T>> : PointerPairAbi {
  static constexpr AbiTraits kTraits = AbiTraits{.memory = true} | Abi<T>::kTraits;

  static std::vector<T> lift_flat(LiftContext& cx, const engine::RawVal* slots) {
    return load_list_from_range(cx, slots[0].u32, slots[1].u32);
  }
  static std::vector<T> load(LiftContext& cx, const std::uint8_t* at) {
    const auto ptr = load_int<std::uint32_t>(at);
    return load_list_from_range(cx, ptr, load_int<std::uint32_t>(at + 4));
  }
  static void lower_flat(LowerContext& cx, std::vector<T>& list, engine::RawVal* slots) {
    put(store_list_into_range(cx, list), slots);
  }
  static void store(LowerContext& cx, std::vector<T>& list, std::uint32_t offset) {
    const auto range = store_list_into_range(cx, list);
    put(cx, range, offset);
  }
  static TypeRef describe() {
    static const TypeRef type = list_type(Abi<T>::describe());
    return type;
  }

 private:
  static constexpr std::uint32_t kStride = Abi<T>::kElemSize;
  /// Elements that look the same in memory as in a vector.
  static constexpr bool kPlain =
      std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char32_t>;

  /// Elements that hold neither pointers nor handles.
  static constexpr bool kPointerFree =
      !Abi<T>::kTraits.memory && !Abi<T>::kTraits.own && !Abi<T>::kTraits.borrow;

  static std::vector<T> load_list_from_range(
      LiftContext& cx, std::uint32_t ptr, std::uint32_t length
  ) {
    std::vector<T> list;
    const std::uint8_t* at = cx.load_list_from_range(ptr, length, kStride, Abi<T>::kAlignment);
    if (at == nullptr || !cx.charge(std::uint64_t{length} * sizeof(T))) [[unlikely]] {
      return list;
    }
    list.reserve(length);
    for_pieces(cx, length, kPieceItems, [&](std::size_t from, std::size_t end) {
      load_some(cx, list, at + from * kStride, end - from);
    });
    return list;
  }

  /// Appends the elements at a place.
  static void load_some(
      LiftContext& cx, std::vector<T>& list, const std::uint8_t* at, std::size_t count
  ) {
    if constexpr (kPlain) {
      const std::size_t before = list.size();
      list.resize(before + count);
      if (count != 0) {
        std::memcpy(list.data() + before, at, count * sizeof(T));
      }
      if constexpr (std::is_floating_point_v<T>) {
        for (T& value : std::span(list).subspan(before)) {
          value = canonicalize_nan(value);
        }
      }
    } else {
      for (std::size_t i = 0; i < count && !cx.failed(); ++i) {
        list.push_back(Abi<T>::load(cx, at + i * kStride));
      }
    }
  }

  /// Flattened, with the vector's bounds taken once: a byte stored might be part of them, as far as
  /// the compiler knows.
  [[gnu::flatten]] static void store_pointer_free(
      PlainLowerContext& out, std::vector<T>& list, std::uint32_t offset
  ) {
    PlainLowerContext plain = out;
    const std::size_t count = list.size();
    if constexpr (std::is_same_v<T, bool>) {
      for (std::size_t i = 0; i < count; ++i) {
        Abi<bool>::store(plain, list[i], offset + static_cast<std::uint32_t>(i));
      }
    } else {
      T* const items = list.data();
      std::uint8_t* at = plain.at(offset);
      for (std::size_t i = 0; i < count; ++i, at += kStride) {
        PlainLowerContext item(at);  // its offsets are constants
        Abi<T>::store(item, items[i], 0);
        if (item.reason() != nullptr) [[unlikely]] {
          plain.fail(item.reason());
        }
      }
    }
    out = plain;
  }

  static LowerContext::Range store_list_into_range(LowerContext& cx, std::vector<T>& list) {
    const auto range = cx.allocate_list(list.size(), kStride, Abi<T>::kAlignment);
    if (cx.failed()) [[unlikely]] {
      return range;
    }
    if constexpr (kPlain) {
      const auto* const bytes = reinterpret_cast<const std::uint8_t*>(list.data());
      cx.copy_to(range.ptr, ByteView(bytes, list.size() * sizeof(T)));
    } else if constexpr (kPointerFree) {
      PlainLowerContext plain(cx.at(0));
      store_pointer_free(plain, list, range.ptr);
      if (plain.reason() != nullptr) [[unlikely]] {
        cx.fail(plain.reason());
      }
    } else {
      std::uint32_t offset = range.ptr;
      for (std::size_t i = 0; i < list.size() && !cx.failed(); ++i, offset += kStride) {
        Abi<T>::store(cx, list[i], offset);
      }
    }
    return range;
  }
};

// --- records -------------------------------------------------------------------------------------

template <class... T>
struct Abi<std::tuple<T...>> : RecordLayout<T...> {
  using Layout = RecordLayout<T...>;
  using Tuple = std::tuple<T...>;

  static Tuple lift_flat(LiftContext& cx, const engine::RawVal* slots) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Tuple{Abi<T>::lift_flat(cx, slots + Layout::kFlatOffsets[I])...};
    }(std::index_sequence_for<T...>{});
  }
  static Tuple load(LiftContext& cx, const std::uint8_t* at) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Tuple{Abi<T>::load(cx, at + Layout::kOffsets[I])...};
    }(std::index_sequence_for<T...>{});
  }
  static void lower_flat(LowerContext& cx, Tuple& tuple, engine::RawVal* slots) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (Abi<T>::lower_flat(cx, std::get<I>(tuple), slots + Layout::kFlatOffsets[I]), ...);
    }(std::index_sequence_for<T...>{});
  }
  template <class Cx>
  static void store(Cx& cx, Tuple& tuple, std::uint32_t offset) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (Abi<T>::store(cx, std::get<I>(tuple), offset + Layout::kOffsets[I]), ...);
    }(std::index_sequence_for<T...>{});
  }
  static TypeRef describe() {
    static const TypeRef type = compound_type(TypeKind::Tuple, {}, {Abi<T>::describe()...});
    return type;
  }
};

template <auto kMember>
struct MemberOf;
template <class R, class T, T R::* kMember>
struct MemberOf<kMember> {
  using Type = T;
};

/// Base of a generated record's Abi.
///
/// @tparam kLabels   std::array of the fields' WIT names
/// @tparam kMembers  pointers to the fields, in the same order
template <class R, const auto& kLabels, auto... kMembers>
struct RecordAbi : RecordLayout<typename MemberOf<kMembers>::Type...> {
  using Layout = RecordLayout<typename MemberOf<kMembers>::Type...>;
  template <auto kMember>
  using Field = Abi<typename MemberOf<kMember>::Type>;

  static R lift_flat(LiftContext& cx, const engine::RawVal* slots) {
    return lift_fields(cx, slots, Fields{});
  }
  static R load(LiftContext& cx, const std::uint8_t* at) { return load_fields(cx, at, Fields{}); }
  static void lower_flat(LowerContext& cx, R& record, engine::RawVal* slots) {
    lower_fields(cx, record, slots, Fields{});
  }
  template <class Cx>
  static void store(Cx& cx, R& record, std::uint32_t offset) {
    store_fields(cx, record, offset, Fields{});
  }
  static TypeRef describe() {
    static const TypeRef type =
        compound_type(TypeKind::Record, kLabels, {Field<kMembers>::describe()...});
    return type;
  }

 private:
  using Fields = std::make_index_sequence<sizeof...(kMembers)>;

  template <std::size_t... I>
  static R lift_fields(LiftContext& cx, const engine::RawVal* slots, std::index_sequence<I...>) {
    return R{Field<kMembers>::lift_flat(cx, slots + Layout::kFlatOffsets[I])...};
  }
  template <std::size_t... I>
  static R load_fields(LiftContext& cx, const std::uint8_t* at, std::index_sequence<I...>) {
    return R{Field<kMembers>::load(cx, at + Layout::kOffsets[I])...};
  }
  template <std::size_t... I>
  static void
  lower_fields(LowerContext& cx, R& record, engine::RawVal* slots, std::index_sequence<I...>) {
    (Field<kMembers>::lower_flat(cx, record.*kMembers, slots + Layout::kFlatOffsets[I]), ...);
  }
  template <class Cx, std::size_t... I>
  static void store_fields(Cx& cx, R& record, std::uint32_t offset, std::index_sequence<I...>) {
    (Field<kMembers>::store(cx, record.*kMembers, offset + Layout::kOffsets[I]), ...);
  }
};

// --- enums and flags -----------------------------------------------------------------------------

/// The index of a case; fails and yields 0 unless it is below `cases`.
[[nodiscard]] inline std::uint32_t checked_discriminant(
    LiftContext& cx, std::uint32_t index, std::size_t cases
) {
  if (index >= cases) [[unlikely]] {
    cx.fail("invalid variant discriminant: out of range");
    return 0;
  }
  return index;
}

/// An unsigned integer of 1, 2 or 4 bytes.
template <std::uint32_t kSize>
[[nodiscard]] std::uint32_t load_unsigned(const std::uint8_t* at) noexcept {
  if constexpr (kSize == 1) {
    return *at;
  } else if constexpr (kSize == 2) {
    return load_int<std::uint16_t>(at);
  } else {
    return load_int<std::uint32_t>(at);
  }
}
template <std::uint32_t kSize, class Cx>
void store_unsigned(Cx& cx, std::uint32_t value, std::uint32_t offset) noexcept {
  if constexpr (kSize == 1) {
    store_int(cx, static_cast<std::uint8_t>(value), offset);
  } else if constexpr (kSize == 2) {
    store_int(cx, static_cast<std::uint16_t>(value), offset);
  } else {
    store_int(cx, value, offset);
  }
}

/// Base of a generated enum's Abi.
template <class E, const auto& kLabels>
struct EnumAbi {
  static constexpr std::uint32_t kElemSize = discriminant_size(kLabels.size());
  static constexpr std::uint32_t kAlignment = kElemSize;
  static constexpr AbiTraits kTraits{};
  static constexpr FlatTypes<1> kFlat{engine::ValType::I32};

  static E lift_flat(LiftContext& cx, const engine::RawVal* slots) {
    return static_cast<E>(checked_discriminant(cx, slots[0].u32, kLabels.size()));
  }
  static E load(LiftContext& cx, const std::uint8_t* at) {
    return static_cast<E>(checked_discriminant(cx, load_unsigned<kElemSize>(at), kLabels.size()));
  }
  static void lower_flat(LowerContext&, E value, engine::RawVal* slots) noexcept {
    set_i32(slots[0], static_cast<std::uint32_t>(value));
  }
  template <class Cx>
  static void store(Cx& cx, E value, std::uint32_t offset) noexcept {
    store_unsigned<kElemSize>(cx, static_cast<std::uint32_t>(value), offset);
  }
  static TypeRef describe() {
    static const TypeRef type = compound_type(TypeKind::Enum, kLabels, {});
    return type;
  }
};

/// Base of a generated flags type's Abi; bits that have no label are dropped.
template <class F, const auto& kLabels>
struct FlagsAbi {
  static constexpr std::uint32_t kElemSize = kLabels.size() <= 8 ? 1 : kLabels.size() <= 16 ? 2 : 4;
  static constexpr std::uint32_t kAlignment = kElemSize;
  static constexpr AbiTraits kTraits{};
  static constexpr FlatTypes<1> kFlat{engine::ValType::I32};
  static constexpr std::uint32_t kMask =
      kLabels.size() == 32 ? ~std::uint32_t{0} : (std::uint32_t{1} << kLabels.size()) - 1;

  static F lift_flat(LiftContext&, const engine::RawVal* slots) noexcept {
    return F{slots[0].u32 & kMask};
  }
  static F load(LiftContext&, const std::uint8_t* at) noexcept {
    return F{load_unsigned<kElemSize>(at) & kMask};
  }
  static void lower_flat(LowerContext&, F value, engine::RawVal* slots) noexcept {
    set_i32(slots[0], value.bits & kMask);
  }
  template <class Cx>
  static void store(Cx& cx, F value, std::uint32_t offset) noexcept {
    store_unsigned<kElemSize>(cx, value.bits & kMask, offset);
  }
  static TypeRef describe() {
    static const TypeRef type = compound_type(TypeKind::Flags, kLabels, {});
    return type;
  }
};

}  // namespace whorl::component
