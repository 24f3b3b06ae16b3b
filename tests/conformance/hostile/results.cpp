// What guests return: pointers, strings, lists, discriminants. All of it is lifted by the host.
#include "corpus.hpp"

#include <fmt/format.h>

#include <array>

namespace whorl::hostile {
namespace {

using Stage = Ending::Stage;
using engine::TrapKind;

constexpr std::uint32_t kMemoryBytes = 0x10000;
constexpr std::uint32_t kResult = 0x100;  ///< where honest results stand

constexpr const char* kOutOfBounds = "out of bounds of memory";
constexpr const char* kUnaligned = "unaligned pointer";

struct Returning {
  std::string type;
  int core_type = kI32;
  std::uint64_t value = kResult;
  std::vector<Module::Data> data = {};
  int encoding = 0;
};

/// A component whose `f` returns the given core value as a type.
Bytes returning(const Returning& what) {
  Code code;
  switch (what.core_type) {
    case kI64:
      code.i64(what.value);
      break;
    default:
      code.i32(static_cast<std::uint32_t>(what.value));
      break;
  }
  Module module;
  module.funcs = {{{}, {what.core_type}, code, "f", {}}, bump_realloc()};
  module.data = what.data;
  Component out;
  const std::uint32_t instance = out.core_instance(out.core_module(module.bytes()));
  const std::uint32_t func = out.alias_core_func(instance, "f");
  const std::uint32_t realloc = out.alias_core_func(instance, "realloc");
  const std::uint32_t memory = out.alias_memory(instance);
  const std::uint32_t type = out.func_type({}, what.type);
  out.export_func(
      "f", out.lift(func, type, {.memory = memory, .realloc = realloc, .encoding = what.encoding})
  );
  return out.bytes();
}

Bytes words(std::initializer_list<std::uint32_t> values) {
  Bytes out;
  for (const std::uint32_t value : values) {
    for (int i = 0; i < 4; ++i) {
      out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
  }
  return out;
}

Ending host_trap(std::string text) {
  return {Stage::Call, TrapKind::HostTrap, std::move(text)};
}

}  // namespace

Guests bad_result_pointers() {
  struct Type {
    const char* wit;
    std::uint32_t size;
    std::uint32_t alignment;
  };
  constexpr std::array<Type, 12> kTypes = {{
      {"string", 8, 4},
      {"list<u8>", 8, 4},
      {"list<u64>", 8, 4},
      {"tuple<u8, u8>", 2, 1},
      {"tuple<u16, u8>", 4, 2},
      {"record{a: u8, b: u64}", 16, 8},
      {"option<string>", 12, 4},
      {"result<u32, string>", 12, 4},
      {"variant{a, b(u64)}", 16, 8},
      {"tuple<string, string, string>", 24, 4},
      {"option<u8>", 2, 1},
      {"record{a: list<string>, b: f64}", 16, 8},
  }};
  constexpr std::array<std::uint32_t, 7> kPointers = {
      0xffff'ffff,
      0xffff'fff8,
      0x8000'0000,
      kMemoryBytes,
      kMemoryBytes - 1,
      kResult + 1,
      kResult + 2
  };
  Guests out;
  for (const Type& type : kTypes) {
    for (const std::uint32_t pointer : kPointers) {
      const bool is_aligned = pointer % type.alignment == 0;
      if (is_aligned && std::uint64_t{pointer} + type.size <= kMemoryBytes) {
        continue;
      }
      out.push_back(
          {fmt::format("result {} at {:#x}", type.wit, pointer),
           returning({.type = type.wit, .value = pointer}),
           host_trap(is_aligned ? kOutOfBounds : kUnaligned)}
      );
    }
  }
  return out;
}

Guests bad_strings() {
  struct Row {
    int encoding;
    std::uint32_t pointer;
    std::uint32_t length;
    const char* text;
  };
  constexpr std::uint32_t kTag = 0x8000'0000;  // latin1+utf16: this one is UTF-16
  constexpr std::array<Row, 22> kRows = {{
      {0, 0xffff'ffff, 1, kOutOfBounds},
      {0, kMemoryBytes, 1, kOutOfBounds},
      {0, kMemoryBytes - 1, 2, kOutOfBounds},
      {0, kMemoryBytes + 1, 0, kOutOfBounds},
      {0, 0, 0x0fff'ffff, kOutOfBounds},
      {0, 0, 0x1000'0000, "string is too long"},
      {0, 16, 0xffff'ffff, "string is too long"},
      {1, 0x201, 1, kUnaligned},
      {1, 0xffff'fffe, 1, kOutOfBounds},
      {1, kMemoryBytes - 2, 2, kOutOfBounds},
      {1, 0x200, 0x8000, kOutOfBounds},
      {1, 0x200, 0x7fff'ffff, "string is too long"},
      {1, 0x200, 0xffff'ffff, "string is too long"},
      {1, kMemoryBytes + 2, 0, kOutOfBounds},
      {2, 0x201, 1, kUnaligned},
      {2, 0x201, kTag | 1, kUnaligned},
      {2, 0xffff'fffe, 1, kOutOfBounds},
      {2, kMemoryBytes - 2, kTag | 2, kOutOfBounds},
      {2, kMemoryBytes - 2, 3, kOutOfBounds},
      {2, 0x200, 0x7fff'ffff, "string is too long"},
      {2, 0x200, 0xffff'ffff, "string is too long"},
      {2, kMemoryBytes + 2, kTag, kOutOfBounds},
  }};
  Guests out;
  for (const Row& row : kRows) {
    out.push_back(
        {fmt::format(
             "string of encoding {}: {:#x} at {:#x}", row.encoding, row.length, row.pointer
         ),
         returning(
             {.type = "string",
              .data = {{kResult, words({row.pointer, row.length})}},
              .encoding = row.encoding}
         ),
         host_trap(row.text)}
    );
  }
  struct Text {
    const char* name;
    int encoding;
    Bytes bytes;
    std::uint32_t length;
  };
  const std::array<Text, 14> texts = {{
      {"a lone continuation byte", 0, {0x80}, 1},
      {"an overlong slash", 0, {0xc0, 0xaf}, 2},
      {"an overlong form of three bytes", 0, {0xe0, 0x80, 0xaf}, 3},
      {"a surrogate", 0, {0xed, 0xa0, 0x80}, 3},
      {"beyond Unicode", 0, {0xf4, 0x90, 0x80, 0x80}, 4},
      {"five bytes", 0, {0xf8, 0x88, 0x80, 0x80, 0x80}, 5},
      {"cut off", 0, {'a', 0xe2, 0x82}, 3},
      {"0xff", 0, {'a', 0xff, 'b'}, 3},
      {"a lone high surrogate", 1, {0x00, 0xd8}, 1},
      {"a lone low surrogate", 1, {0x00, 0xdc}, 1},
      {"surrogates the wrong way round", 1, {0x00, 0xdc, 0x00, 0xd8}, 2},
      {"a high surrogate before a letter", 1, {0x00, 0xd8, 'a', 0}, 2},
      {"a high surrogate at the end", 1, {'a', 0, 0xff, 0xdb}, 2},
      {"a surrogate in compact UTF-16", 2, {0x00, 0xd8}, kTag | 1},
  }};
  for (const Text& text : texts) {
    out.push_back(
        {fmt::format("text of encoding {}: {}", text.encoding, text.name),
         returning(
             {.type = "string",
              .data = {{kResult, words({0x200, text.length})}, {0x200, text.bytes}},
              .encoding = text.encoding}
         ),
         host_trap("utf")}
    );
  }
  return out;
}

Guests bad_lists() {
  struct Row {
    const char* type;
    std::uint32_t pointer;
    std::uint32_t length;
    const char* text;
  };
  constexpr std::array<Row, 22> kRows = {{
      {"list<u8>", 0xffff'ffff, 1, kOutOfBounds},
      {"list<u8>", kMemoryBytes - 1, 2, kOutOfBounds},
      {"list<u8>", kMemoryBytes + 1, 0, kOutOfBounds},
      {"list<u8>", 0, 0xffff'ffff, "list is too long"},
      {"list<u16>", 0x201, 1, kUnaligned},
      {"list<u32>", 0x202, 1, kUnaligned},
      {"list<u32>", 0x202, 0, kUnaligned},
      {"list<u32>", 0x200, 0x4000'0000, "list is too long"},
      {"list<u32>", 0x200, 0x3f81, kOutOfBounds},
      {"list<u64>", 0x204, 1, kUnaligned},
      {"list<u64>", 0x200, 0x2000'0000, "list is too long"},
      {"list<f64>", kMemoryBytes - 8, 2, kOutOfBounds},
      {"list<char>", kMemoryBytes, 1, kOutOfBounds},
      {"list<string>", 0x200, 0x1fc1, kOutOfBounds},
      {"list<string>", 0x201, 1, kUnaligned},
      {"list<list<u8>>", 0x200, 0x1fc1, kOutOfBounds},
      {"list<tuple<u8, u64>>", 0x208, 0x1000, kOutOfBounds},
      {"list<tuple<u8, u64>>", 0x204, 1, kUnaligned},
      {"list<option<u64>>", 0x204, 1, kUnaligned},
      {"list<record{a: u8, b: u8, c: u8}>", kMemoryBytes - 2, 1, kOutOfBounds},
      {"list<bool>", kMemoryBytes, 1, kOutOfBounds},
      {"list<enum{a, b}>", 0xffff'fff0, 0x20, kOutOfBounds},
  }};
  Guests out;
  for (const Row& row : kRows) {
    out.push_back(
        {fmt::format("{}: {:#x} at {:#x}", row.type, row.length, row.pointer),
         returning({.type = row.type, .data = {{kResult, words({row.pointer, row.length})}}}),
         host_trap(row.text)}
    );
  }
  struct Inner {
    const char* type;
    Bytes at_200;
    const char* text;
  };
  const std::array<Inner, 8> inner = {{
      {"list<string>", words({0xffff'ffff, 1}), kOutOfBounds},
      {"list<string>", words({0x210, 0x1000'0000}), "string is too long"},
      {"list<list<u32>>", words({0x301, 1}), kUnaligned},
      {"list<list<u32>>", words({0x300, 0xffff'ffff}), "list is too long"},
      {"list<char>", words({0xd800}), "invalid `char` bit pattern"},
      {"list<enum{a, b}>", {2}, "discriminant"},
      {"list<option<string>>", words({1, 0xffff'fff0, 0x20}), kOutOfBounds},
      {"list<result<u8, string>>", words({7, 0, 0}), "discriminant"},
  }};
  for (const Inner& row : inner) {
    out.push_back(
        {fmt::format("one bad element in {}: {}", row.type, row.text),
         returning({.type = row.type, .data = {{kResult, words({0x200, 1})}, {0x200, row.at_200}}}),
         host_trap(row.text)}
    );
  }
  // Every element names the same long string: gigabytes for the host, 64 KiB for the guest.
  Bytes bomb;
  for (int i = 0; i < 0x1f00; ++i) {
    const Bytes element = words({0, kMemoryBytes});
    bomb.insert(bomb.end(), element.begin(), element.end());
  }
  out.push_back(
      {"thousands of lists that are all the same long one",
       returning(
           {.type = "list<list<u8>>", .data = {{kResult, words({0x200, 0x1f00})}, {0x200, bomb}}}
       ),
       host_trap("the arguments of one call are too large")}
  );
  return out;
}

Guests bad_scalars() {
  struct Row {
    const char* type;
    std::uint32_t value;
    const char* text;  ///< null: returns
  };
  constexpr std::array<Row, 16> kRows = {{
      {"enum{a, b}", 2, "discriminant"},
      {"enum{a, b}", 0xffff'ffff, "discriminant"},
      {"enum{a}", 1, "discriminant"},
      {"char", 0xd800, "invalid `char` bit pattern"},
      {"char", 0xdfff, "invalid `char` bit pattern"},
      {"char", 0x11'0000, "invalid `char` bit pattern"},
      {"char", 0xffff'ffff, "invalid `char` bit pattern"},
      {"variant{a, b}", 2, "discriminant"},
      {"result", 2, "discriminant"},
      {"bool", 0xffff'ffff, nullptr},
      {"u8", 0xffff'ffff, nullptr},
      {"s16", 0xffff'8000, nullptr},
      {"flags{a, b}", 0xffff'ffff, nullptr},
      {"u32", 0xffff'ffff, nullptr},
      {"char", 0x10'ffff, nullptr},
      {"enum{a, b}", 1, nullptr},
  }};
  Guests out;
  for (const Row& row : kRows) {
    out.push_back(
        {fmt::format("{} as {:#x}", row.type, row.value),
         returning({.type = row.type, .value = row.value}),
         row.text == nullptr ? Ending{Stage::Returns, {}, {}} : host_trap(row.text)}
    );
  }
  struct InMemory {
    const char* type;
    Bytes bytes;
  };
  const std::array<InMemory, 8> in_memory = {{
      {"option<u32>", words({2, 0})},
      {"option<u32>", words({0xff, 0})},
      {"result<u32, u32>", words({2, 0})},
      {"result<u32>", words({0xff, 0})},
      {"variant{a, b(u32)}", words({2, 0})},
      {"variant{a(string), b(u32), c}", words({3, 0, 0})},
      {"tuple<enum{a, b}, u8>", words({0xff})},
      {"option<option<u32>>", words({1, 2, 0})},
  }};
  for (const InMemory& row : in_memory) {
    out.push_back(
        {fmt::format("discriminant of {} is {}", row.type, row.bytes[0]),
         returning({.type = row.type, .data = {{kResult, row.bytes}}}),
         host_trap("discriminant")}
    );
  }
  return out;
}

}  // namespace whorl::hostile
