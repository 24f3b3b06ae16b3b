/// Random C++ types, chosen by the compiler from a number, and random values of them; for tests
/// and fuzzing of the canonical ABI.
#pragma once

#include "component/abi_test_support.hpp"
#include "component/value.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace whorl::component::abi_test {

// --- types ---------------------------------------------------------------------------------------

constexpr std::uint64_t mix(std::uint64_t state) {
  state += 0x9e3779b97f4a7c15;
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
  state = (state ^ (state >> 27)) * 0x94d049bb133111eb;
  return state ^ (state >> 31);
}

using Leaves = std::tuple<
    bool,
    std::uint8_t,
    std::int8_t,
    std::uint16_t,
    std::int16_t,
    std::uint32_t,
    std::int32_t,
    std::uint64_t,
    std::int64_t,
    float,
    double,
    char32_t,
    std::string,
    std::string,
    Bytes,
    Mixed,
    Choice,
    Colour,
    Wide,
    Bits<3>,
    Bits<9>,
    Bits<32>>;

template <std::uint64_t kSeed, int kDepth>
struct TypeOf;
template <std::uint64_t kSeed, int kDepth, std::size_t kPart>
using PartOf = typename TypeOf<mix(kSeed * 31 + kPart), kDepth - 1>::Type;
template <std::uint64_t kSeed, int kDepth, int kKind>
struct CompoundOf {
  using Type = std::tuple_element_t<kSeed % std::tuple_size_v<Leaves>, Leaves>;
};
template <std::uint64_t kSeed, int kDepth>
struct CompoundOf<kSeed, kDepth, 0> {
  using Type = std::vector<PartOf<kSeed, kDepth, 0>>;
};
template <std::uint64_t kSeed, int kDepth>
struct CompoundOf<kSeed, kDepth, 1> {
  using Type = std::tuple<PartOf<kSeed, kDepth, 0>, PartOf<kSeed, kDepth, 1>>;
};
template <std::uint64_t kSeed, int kDepth>
struct CompoundOf<kSeed, kDepth, 2> {
  using Type =
      std::tuple<PartOf<kSeed, kDepth, 0>, PartOf<kSeed, kDepth, 1>, PartOf<kSeed, kDepth, 2>>;
};
template <std::uint64_t kSeed, int kDepth>
struct CompoundOf<kSeed, kDepth, 3> {
  using Type = std::optional<PartOf<kSeed, kDepth, 0>>;
};
template <std::uint64_t kSeed, int kDepth>
struct CompoundOf<kSeed, kDepth, 4> {
  using Type = std::expected<PartOf<kSeed, kDepth, 0>, PartOf<kSeed, kDepth, 1>>;
};
template <std::uint64_t kSeed, int kDepth>
struct CompoundOf<kSeed, kDepth, 5> {
  using Type = std::expected<void, PartOf<kSeed, kDepth, 0>>;
};
template <std::uint64_t kSeed, int kDepth>
struct CompoundOf<kSeed, kDepth, 6> {
  using Type = std::expected<PartOf<kSeed, kDepth, 0>, Unit>;
};
template <std::uint64_t kSeed, int kDepth>
struct TypeOf {
  using Type = typename CompoundOf<kSeed, kDepth, kDepth == 0 ? -1 : int(kSeed >> 32) % 9>::Type;
};

inline constexpr std::size_t kRandomTypes = 40;
template <std::size_t kIndex>
using RandomType = typename TypeOf<mix(kIndex), 1 + kIndex % 3>::Type;

// --- values --------------------------------------------------------------------------------------

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  [[nodiscard]] std::uint32_t below(std::uint32_t limit) {
    return static_cast<std::uint32_t>(engine_() % limit);
  }
  [[nodiscard]] std::uint64_t bits() { return engine_(); }
  [[nodiscard]] std::uint32_t length() { return below(4) == 0 ? below(20) : below(4); }

 private:
  std::mt19937_64 engine_;
};

[[nodiscard]] inline char32_t random_char(Random& random) {
  constexpr std::uint32_t kLimits[] = {0x80, 0x80, 0x100, 0x800, 0xd800, 0x110000};
  const std::uint32_t code = random.below(kLimits[random.below(6)]);
  return static_cast<char32_t>(code >= 0xd800 && code < 0xe000 ? '?' : code);
}

[[nodiscard]] inline std::string utf8_of(char32_t character) {
  const auto code = static_cast<std::uint32_t>(character);
  const bool is_wide = code >= 0x10000;
  const std::uint32_t high = is_wide ? 0xd800 + ((code - 0x10000) >> 10) : code;
  const std::uint32_t low = 0xdc00 + (code & 0x3ff);
  const std::uint8_t utf16[] = {
      static_cast<std::uint8_t>(high),
      static_cast<std::uint8_t>(high >> 8),
      static_cast<std::uint8_t>(low),
      static_cast<std::uint8_t>(low >> 8)
  };
  std::string out(4, '\0');
  const MutableByteView to(reinterpret_cast<std::uint8_t*>(out.data()), out.size());
  out.resize(utf16_to_utf8(ByteView(utf16, is_wide ? 4 : 2), to).written);
  return out;
}

template <class T>
struct RandomValue;
template <class T>
[[nodiscard]] T random_value(Random& random) {
  return RandomValue<T>::make(random);
}
template <class T>
[[nodiscard]] Value to_value(const T& value) {
  return RandomValue<T>::dynamic(value);
}

template <std::integral T>
struct RandomValue<T> {
  static T make(Random& random) { return static_cast<T>(random.bits() >> random.below(64)); }
  static Value dynamic(T value) {
    return std::is_signed_v<T> ? Value::signed_int(static_cast<std::int64_t>(value))
                               : Value::unsigned_int(static_cast<std::uint64_t>(value));
  }
};
template <>
struct RandomValue<bool> {
  static bool make(Random& random) { return random.below(2) != 0; }
  static Value dynamic(bool value) { return Value::boolean(value); }
};
template <>
struct RandomValue<char32_t> {
  static char32_t make(Random& random) { return random_char(random); }
  static Value dynamic(char32_t value) { return Value::character(value); }
};
template <std::floating_point T>
struct RandomValue<T> {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  static T make(Random& random) {
    return random.below(8) == 0 ? std::numeric_limits<T>::quiet_NaN()
                                : std::bit_cast<T>(static_cast<Bits>(random.bits()));
  }
  static Value dynamic(T value) { return Value::unsigned_int(std::bit_cast<Bits>(value)); }
};
template <>
struct RandomValue<std::string> {
  static std::string make(Random& random) {
    std::string out;
    for (std::uint32_t length = random.length(); length > 0; --length) {
      out += utf8_of(random_char(random));
    }
    return out;
  }
  static Value dynamic(const std::string& value) { return Value::string(value); }
};
template <>
struct RandomValue<Colour> {
  static Colour make(Random& random) { return static_cast<Colour>(random.below(3)); }
  static Value dynamic(Colour value) {
    return Value::enumeration(static_cast<std::uint32_t>(value));
  }
};
template <>
struct RandomValue<Wide> {
  static Wide make(Random& random) { return static_cast<Wide>(random.below(257)); }
  static Value dynamic(Wide value) { return Value::enumeration(static_cast<std::uint32_t>(value)); }
};
template <int kBits>
struct RandomValue<Bits<kBits>> {
  static Bits<kBits> make(Random& random) {
    return {static_cast<std::uint32_t>(random.bits()) >> (32 - kBits)};
  }
  static Value dynamic(Bits<kBits> value) { return Value::flags(value.bits); }
};
template <>
struct RandomValue<Mixed> {
  static Mixed make(Random& random) {
    return {
        random_value<std::uint8_t>(random),
        random_value<std::uint32_t>(random),
        random_value<std::uint16_t>(random),
        random_value<std::uint64_t>(random),
        random_value<bool>(random)
    };
  }
  static Value dynamic(const Mixed& value) {
    Value::Fields fields;
    fields.push_back(to_value(value.a));
    fields.push_back(to_value(value.b));
    fields.push_back(to_value(value.c));
    fields.push_back(to_value(value.d));
    fields.push_back(to_value(value.e));
    return Value::record(std::move(fields));
  }
};
template <class T>
struct RandomValue<std::vector<T>> {
  static std::vector<T> make(Random& random) {
    std::vector<T> out;
    for (std::uint32_t length = random.length(); length > 0; --length) {
      out.push_back(random_value<T>(random));
    }
    return out;
  }
  static Value dynamic(const std::vector<T>& value) {
    if constexpr (std::is_same_v<T, std::uint8_t>) {
      return Value::bytes(value);
    } else {
      Value::Fields elements;
      for (const auto& element : value) {
        elements.push_back(to_value<T>(element));
      }
      return Value::list(std::move(elements));
    }
  }
};
template <class... T>
struct RandomValue<std::tuple<T...>> {
  static std::tuple<T...> make(Random& random) { return {random_value<T>(random)...}; }
  static Value dynamic(const std::tuple<T...>& value) {
    Value::Fields fields;
    std::apply([&](const auto&... part) { (fields.push_back(to_value(part)), ...); }, value);
    return Value::record(std::move(fields));
  }
};
template <class T>
struct RandomValue<std::optional<T>> {
  static std::optional<T> make(Random& random) {
    return random.below(2) == 0 ? std::nullopt : std::optional<T>(random_value<T>(random));
  }
  static Value dynamic(const std::optional<T>& value) {
    return value ? Value::some(to_value(*value)) : Value::none();
  }
};
template <class T, class E>
struct RandomValue<std::expected<T, E>> {
  static std::expected<T, E> make(Random& random) {
    if (random.below(2) == 0) {
      if constexpr (std::is_same_v<E, Unit>) {
        return std::unexpected(Unit{});
      } else {
        return std::unexpected(random_value<E>(random));
      }
    }
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return std::expected<T, E>(std::in_place, random_value<T>(random));
    }
  }
  static Value dynamic(const std::expected<T, E>& value) {
    if (value) {
      if constexpr (std::is_void_v<T>) {
        return Value::ok();
      } else {
        return Value::ok(to_value(*value));
      }
    }
    if constexpr (std::is_same_v<E, Unit>) {
      return Value::error();
    } else {
      return Value::error(to_value(value.error()));
    }
  }
};
template <>
struct RandomValue<Choice> {
  static Choice make(Random& random) {
    using Tag = Choice::Tag;
    switch (random.below(6)) {
      case 0:
        return {Tag::None, {}};
      case 1:
        return {Tag::Small, random_value<float>(random)};
      case 2:
        return {Tag::Big, random_value<std::uint64_t>(random)};
      case 3:
        return {Tag::Text, random_value<std::string>(random)};
      case 4:
        return {Tag::Pair, random_value<Choice::Two>(random)};
      default:
        return {Tag::Byte, random_value<std::uint8_t>(random)};
    }
  }
  static Value dynamic(const Choice& value) {
    const auto index = static_cast<std::uint32_t>(value.tag);
    return std::visit(
        [&]<class P>(const P& payload) {
          if constexpr (std::is_same_v<P, std::monostate>) {
            return Value::variant(index);
          } else {
            return Value::variant(index, to_value(payload));
          }
        },
        value.payload
    );
  }
};

}  // namespace whorl::component::abi_test
