/// Abi of numbers, bool, char, handles, strings and byte lists.
///
/// Core values are read and written as bits: a 32-bit value that a variant's join widened to i64 is
/// its zero-extended bit pattern, so the slot's low half is right whatever the joined type was, as
/// long as every lowered slot is written whole.
#pragma once

#include "component/abi_context.hpp"
#include "component/abi_layout.hpp"
#include "component/types.hpp"

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

namespace whorl::component {

static_assert(std::endian::native == std::endian::little, "guest memory is little-endian");

/// The type of a kind that has no parts.
[[nodiscard]] TypeRef primitive_type(TypeKind kind);
/// `list<u8>`
[[nodiscard]] TypeRef byte_list_type();

template <class T>
[[nodiscard]] T load_int(const std::uint8_t* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <class Cx, class T>
void store_int(Cx& cx, T value, std::uint32_t offset) noexcept {
  std::memcpy(cx.at(offset), &value, sizeof value);
}
inline void set_i32(engine::RawVal& slot, std::uint32_t value) noexcept {
  slot.u64 = value;
}

/// Integers of up to 32 bits, wrapped and sign-extended as the type asks; of 64 bits as they are.
template <std::integral T, TypeKind kKind>
struct IntegerAbi {
  static constexpr std::uint32_t kAlignment = sizeof(T);
  static constexpr std::uint32_t kElemSize = sizeof(T);
  static constexpr AbiTraits kTraits{};
  static constexpr FlatTypes<1> kFlat{sizeof(T) == 8 ? engine::ValType::I64 : engine::ValType::I32};

  static T lift_flat(LiftContext&, const engine::RawVal* slots) noexcept {
    return static_cast<T>(slots[0].u64);
  }
  static T load(LiftContext&, const std::uint8_t* at) noexcept { return load_int<T>(at); }
  static void lower_flat(LowerContext&, T value, engine::RawVal* slots) noexcept {
    if constexpr (sizeof(T) == 8) {
      slots[0].u64 = static_cast<std::uint64_t>(value);
    } else {
      set_i32(slots[0], static_cast<std::uint32_t>(static_cast<std::int32_t>(value)));
    }
  }
  template <class Cx>
  static void store(Cx& cx, T value, std::uint32_t offset) noexcept {
    store_int(cx, value, offset);
  }
  static TypeRef describe() { return primitive_type(kKind); }
};

template <>
struct Abi<std::uint8_t> : IntegerAbi<std::uint8_t, TypeKind::U8> {};
template <>
struct Abi<std::uint16_t> : IntegerAbi<std::uint16_t, TypeKind::U16> {};
template <>
struct Abi<std::uint32_t> : IntegerAbi<std::uint32_t, TypeKind::U32> {};
template <>
struct Abi<std::uint64_t> : IntegerAbi<std::uint64_t, TypeKind::U64> {};
template <>
struct Abi<std::int8_t> : IntegerAbi<std::int8_t, TypeKind::S8> {};
template <>
struct Abi<std::int16_t> : IntegerAbi<std::int16_t, TypeKind::S16> {};
template <>
struct Abi<std::int32_t> : IntegerAbi<std::int32_t, TypeKind::S32> {};
template <>
struct Abi<std::int64_t> : IntegerAbi<std::int64_t, TypeKind::S64> {};

template <>
struct Abi<bool> {
  static constexpr std::uint32_t kAlignment = 1;
  static constexpr std::uint32_t kElemSize = 1;
  static constexpr AbiTraits kTraits{};
  static constexpr FlatTypes<1> kFlat{engine::ValType::I32};

  static bool lift_flat(LiftContext&, const engine::RawVal* slots) noexcept {
    return slots[0].u32 != 0;
  }
  static bool load(LiftContext&, const std::uint8_t* at) noexcept { return *at != 0; }
  static void lower_flat(LowerContext&, bool value, engine::RawVal* slots) noexcept {
    set_i32(slots[0], value ? 1 : 0);
  }
  template <class Cx>
  static void store(Cx& cx, bool value, std::uint32_t offset) noexcept {
    *cx.at(offset) = value ? 1 : 0;
  }
  static TypeRef describe() { return primitive_type(TypeKind::Bool); }
};

/// A guest's NaN becomes the canonical one: its payload says nothing to anybody.
template <std::floating_point T>
[[nodiscard]] constexpr T canonicalize_nan(T value) noexcept {
  return value == value ? value : std::numeric_limits<T>::quiet_NaN();
}

template <class T, class Bits, TypeKind kKind, engine::ValType kValType>
struct FloatAbi {
  static constexpr std::uint32_t kAlignment = sizeof(T);
  static constexpr std::uint32_t kElemSize = sizeof(T);
  static constexpr AbiTraits kTraits{};
  static constexpr FlatTypes<1> kFlat{kValType};

  static T lift_flat(LiftContext&, const engine::RawVal* slots) noexcept {
    return canonicalize_nan(std::bit_cast<T>(static_cast<Bits>(slots[0].u64)));
  }
  static T load(LiftContext&, const std::uint8_t* at) noexcept {
    return canonicalize_nan(load_int<T>(at));
  }
  static void lower_flat(LowerContext&, T value, engine::RawVal* slots) noexcept {
    slots[0].u64 = std::bit_cast<Bits>(value);
  }
  template <class Cx>
  static void store(Cx& cx, T value, std::uint32_t offset) noexcept {
    store_int(cx, value, offset);
  }
  static TypeRef describe() { return primitive_type(kKind); }
};
template <>
struct Abi<float> : FloatAbi<float, std::uint32_t, TypeKind::F32, engine::ValType::F32> {};
template <>
struct Abi<double> : FloatAbi<double, std::uint64_t, TypeKind::F64, engine::ValType::F64> {};

template <>
struct Abi<char32_t> {
  static constexpr std::uint32_t kAlignment = 4;
  static constexpr std::uint32_t kElemSize = 4;
  static constexpr AbiTraits kTraits{};
  static constexpr FlatTypes<1> kFlat{engine::ValType::I32};

  static char32_t lift_flat(LiftContext& cx, const engine::RawVal* slots) {
    return convert_i32_to_char(cx, slots[0].u32);
  }
  static char32_t load(LiftContext& cx, const std::uint8_t* at) {
    return convert_i32_to_char(cx, load_int<std::uint32_t>(at));
  }
  static void lower_flat(LowerContext& cx, char32_t value, engine::RawVal* slots) {
    set_i32(slots[0], char_to_i32(cx, value));
  }
  template <class Cx>
  static void store(Cx& cx, char32_t value, std::uint32_t offset) {
    store_int(cx, char_to_i32(cx, value), offset);
  }
  static TypeRef describe() { return primitive_type(TypeKind::Char); }

 private:
  static constexpr bool is_scalar_value(std::uint32_t value) noexcept {
    return value < 0xd800 || (value > 0xdfff && value < 0x110000);
  }
  static char32_t convert_i32_to_char(LiftContext& cx, std::uint32_t value) {
    if (!is_scalar_value(value)) [[unlikely]] {
      cx.fail("invalid `char` bit pattern: not a Unicode scalar value");
      return U'\0';
    }
    return static_cast<char32_t>(value);
  }
  template <class Cx>
  static std::uint32_t char_to_i32(Cx& cx, char32_t value) {
    const auto code = static_cast<std::uint32_t>(value);
    if (!is_scalar_value(code)) [[unlikely]] {
      cx.fail("a char of the host is not a Unicode scalar value");
      return 0;
    }
    return code;
  }
};

/// What strings and lists have in common: a pointer and a length.
struct PointerPairAbi {
  static constexpr std::uint32_t kAlignment = 4;
  static constexpr std::uint32_t kElemSize = 8;
  static constexpr AbiTraits kTraits{.memory = true};
  static constexpr FlatTypes<2> kFlat{engine::ValType::I32, engine::ValType::I32};

 protected:
  static void put(LowerContext::Range range, engine::RawVal* slots) noexcept {
    set_i32(slots[0], range.ptr);
    set_i32(slots[1], range.length);
  }
  static void put(LowerContext& cx, LowerContext::Range range, std::uint32_t offset) noexcept {
    store_int(cx, range.ptr, offset);
    store_int(cx, range.length, offset + 4);
  }
};

/// A string that stays in guest memory when lifted, if it is UTF-8 there; else in the context.
template <>
struct Abi<std::string_view> : PointerPairAbi {
  static constexpr AbiTraits kTraits{.memory = true, .view = true};

  static std::string_view lift_flat(LiftContext& cx, const engine::RawVal* slots) {
    return cx.load_string_from_range(slots[0].u32, slots[1].u32);
  }
  static std::string_view load(LiftContext& cx, const std::uint8_t* at) {
    return cx.load_string_from_range(load_int<std::uint32_t>(at), load_int<std::uint32_t>(at + 4));
  }
  static void lower_flat(LowerContext& cx, std::string_view text, engine::RawVal* slots) {
    put(cx.store_string_into_range(text), slots);
  }
  static void store(LowerContext& cx, std::string_view text, std::uint32_t offset) {
    const auto range = cx.store_string_into_range(text);
    put(cx, range, offset);
  }
  static TypeRef describe() { return primitive_type(TypeKind::String); }
};

template <>
struct Abi<std::string> : Abi<std::string_view> {
  static constexpr AbiTraits kTraits{.memory = true};

  static std::string lift_flat(LiftContext& cx, const engine::RawVal* slots) {
    return std::string(Abi<std::string_view>::lift_flat(cx, slots));
  }
  static std::string load(LiftContext& cx, const std::uint8_t* at) {
    return std::string(Abi<std::string_view>::load(cx, at));
  }
};

/// A byte list that stays in guest memory when lifted.
template <>
struct Abi<ByteView> : PointerPairAbi {
  static constexpr AbiTraits kTraits{.memory = true, .view = true};

  static ByteView lift_flat(LiftContext& cx, const engine::RawVal* slots) {
    return view(cx, slots[0].u32, slots[1].u32);
  }
  static ByteView load(LiftContext& cx, const std::uint8_t* at) {
    return view(cx, load_int<std::uint32_t>(at), load_int<std::uint32_t>(at + 4));
  }
  static void lower_flat(LowerContext& cx, ByteView bytes, engine::RawVal* slots) {
    put(cx.store_bytes_into_range(bytes), slots);
  }
  static void store(LowerContext& cx, ByteView bytes, std::uint32_t offset) {
    const auto range = cx.store_bytes_into_range(bytes);
    put(cx, range, offset);
  }
  static TypeRef describe() { return byte_list_type(); }

 private:
  static ByteView view(LiftContext& cx, std::uint32_t ptr, std::uint32_t length) {
    const std::uint8_t* bytes = cx.load_list_from_range(ptr, length, 1, 1);
    return bytes == nullptr ? ByteView{} : ByteView{bytes, length};
  }
};

template <>
struct Abi<Bytes> : Abi<ByteView> {
  static constexpr AbiTraits kTraits{.memory = true};

  static Bytes lift_flat(LiftContext& cx, const engine::RawVal* slots) {
    return copy(cx, Abi<ByteView>::lift_flat(cx, slots));
  }
  static Bytes load(LiftContext& cx, const std::uint8_t* at) {
    return copy(cx, Abi<ByteView>::load(cx, at));
  }

 private:
  static Bytes copy(LiftContext& cx, ByteView bytes) {
    if (!cx.charge(bytes.size())) [[unlikely]] {
      return {};
    }
    if (bytes.size() <= kPieceBytes) [[likely]] {
      return Bytes(bytes.begin(), bytes.end());
    }
    Bytes copied;
    copied.reserve(bytes.size());
    for_pieces(cx, bytes.size(), kPieceBytes, [&](std::size_t from, std::size_t end) {
      const ByteView piece = bytes.subspan(from, end - from);
      copied.insert(copied.end(), piece.begin(), piece.end());
    });
    return copied;
  }
};

// --- handles -------------------------------------------------------------------------------------

/// The one component-level type of a host resource.
template <class R>
[[nodiscard]] const ResourceRef& resource_type() {
  static const ResourceRef type =
      std::make_shared<const ResourceType>(ResourceType{R::kTag.name, &R::kTag});
  return type;
}
[[nodiscard]] TypeRef handle_type(TypeKind kind, const ResourceRef& resource);

struct HandleAbi {
  static constexpr std::uint32_t kAlignment = 4;
  static constexpr std::uint32_t kElemSize = 4;
  static constexpr FlatTypes<1> kFlat{engine::ValType::I32};
};

template <std::derived_from<HostResource> R>
struct Abi<std::unique_ptr<R>> : HandleAbi {
  static constexpr AbiTraits kTraits{.own = true};

  static std::unique_ptr<R> lift_flat(LiftContext& cx, const engine::RawVal* slots) {
    return take(cx, slots[0].u32);
  }
  static std::unique_ptr<R> load(LiftContext& cx, const std::uint8_t* at) {
    return take(cx, load_int<std::uint32_t>(at));
  }
  static void lower_flat(LowerContext& cx, std::unique_ptr<R>& value, engine::RawVal* slots) {
    set_i32(slots[0], cx.lower_own(R::kTag, std::move(value)));
  }
  static void store(LowerContext& cx, std::unique_ptr<R>& value, std::uint32_t offset) {
    store_int(cx, cx.lower_own(R::kTag, std::move(value)), offset);
  }
  static TypeRef describe() { return handle_type(TypeKind::Own, resource_type<R>()); }

 private:
  static std::unique_ptr<R> take(LiftContext& cx, std::uint32_t index) {
    // The table checked the tag, which only R's handles carry.
    return std::unique_ptr<R>(static_cast<R*>(cx.lift_own(index, R::kTag).release()));
  }
};

/// borrow<R>. Host resources are only borrowed *from* the guest's table: it cannot be lowered.
template <std::derived_from<HostResource> R>
struct Abi<R*> : HandleAbi {
  static constexpr AbiTraits kTraits{.borrow = true};

  static R* lift_flat(LiftContext& cx, const engine::RawVal* slots) {
    return static_cast<R*>(cx.lift_borrow(slots[0].u32, R::kTag));
  }
  static R* load(LiftContext& cx, const std::uint8_t* at) {
    return static_cast<R*>(cx.lift_borrow(load_int<std::uint32_t>(at), R::kTag));
  }
  static TypeRef describe() { return handle_type(TypeKind::Borrow, resource_type<R>()); }
};

}  // namespace whorl::component
