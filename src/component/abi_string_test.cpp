// Strings lowered from every form into every encoding: the exact calls of realloc, bytes, length.
#include "component/abi_test_support.hpp"
#include "component/transcode.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>
#include <string>

namespace whorl::component {
namespace {

using namespace abi_test;
using enum TextForm;

std::string hex(ByteView bytes) {
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += fmt::format("{:02x}", byte);
  }
  return out;
}

/// Text in that form; the form must be able to hold it.
Bytes in_form(std::string_view utf8, TextForm form) {
  Bytes out(utf8.size() * 2);
  const Transcoded done = form == Utf8     ? Transcoded{}
                          : form == Latin1 ? utf8_to_latin1(as_bytes(utf8), out)
                                           : utf8_to_utf16(as_bytes(utf8), out);
  out.resize(done.written);
  return form == Utf8 ? Bytes(utf8.begin(), utf8.end()) : out;
}

struct Row {
  TextForm from;
  StringEncoding to;
  const char* text;
  const char* reallocs;  ///< old pointer, old size, alignment, new size
  std::uint32_t ptr;
  std::uint32_t length;
  const char* bytes;
};

// What the executable definition does, call by call.
constexpr StringEncoding kUtf8 = StringEncoding::Utf8;
constexpr StringEncoding kUtf16 = StringEncoding::Utf16;
constexpr StringEncoding kCompact = StringEncoding::Latin1OrUtf16;
// clang-format off
constexpr Row kRows[] = {
    {Utf8, kUtf8, "", "0,0,1,0", 64, 0, ""},
    {Utf8, kUtf8, "abc", "0,0,1,3", 64, 3, "616263"},
    {Utf8, kUtf8, "hö", "0,0,1,3", 64, 3, "68c3b6"},
    {Utf8, kUtf8, "ab☃", "0,0,1,5", 64, 5, "6162e29883"},
    {Utf8, kUtf8, "a🍰", "0,0,1,5", 64, 5, "61f09f8db0"},
    {Utf8, kUtf8, "ÿĀ", "0,0,1,4", 64, 4, "c3bfc480"},
    {Utf8, kUtf8, "aaaaaaaaaaaaaaaaaaaa☃", "0,0,1,23", 64, 23, "6161616161616161616161616161616161616161e29883"},
    {Utf8, kUtf8, "éééééééééx", "0,0,1,19", 64, 19, "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a978"},
    {Utf16, kUtf8, "", "0,0,1,0", 64, 0, ""},
    {Utf16, kUtf8, "abc", "0,0,1,3", 64, 3, "616263"},
    {Utf16, kUtf8, "hö", "0,0,1,2 64,2,1,6 66,6,1,3", 66, 3, "68c3b6"},
    {Utf16, kUtf8, "ab☃", "0,0,1,3 64,3,1,9 67,9,1,5", 67, 5, "6162e29883"},
    {Utf16, kUtf8, "a🍰", "0,0,1,3 64,3,1,9 67,9,1,5", 67, 5, "61f09f8db0"},
    {Utf16, kUtf8, "ÿĀ", "0,0,1,2 64,2,1,6 66,6,1,4", 66, 4, "c3bfc480"},
    {Utf16, kUtf8, "aaaaaaaaaaaaaaaaaaaa☃", "0,0,1,21 64,21,1,63 85,63,1,23", 85, 23, "6161616161616161616161616161616161616161e29883"},
    {Utf16, kUtf8, "éééééééééx", "0,0,1,10 64,10,1,30 74,30,1,19", 74, 19, "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a978"},
    {Latin1, kUtf8, "", "0,0,1,0", 64, 0, ""},
    {Latin1, kUtf8, "abc", "0,0,1,3", 64, 3, "616263"},
    {Latin1, kUtf8, "hö", "0,0,1,2 64,2,1,4 66,4,1,3", 66, 3, "68c3b6"},
    {Latin1, kUtf8, "éééééééééx", "0,0,1,10 64,10,1,20 74,20,1,19", 74, 19, "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a978"},
    {CompactUtf16, kUtf8, "", "0,0,1,0", 64, 0, ""},
    {CompactUtf16, kUtf8, "abc", "0,0,1,3", 64, 3, "616263"},
    {CompactUtf16, kUtf8, "hö", "0,0,1,2 64,2,1,6 66,6,1,3", 66, 3, "68c3b6"},
    {CompactUtf16, kUtf8, "ab☃", "0,0,1,3 64,3,1,9 67,9,1,5", 67, 5, "6162e29883"},
    {CompactUtf16, kUtf8, "a🍰", "0,0,1,3 64,3,1,9 67,9,1,5", 67, 5, "61f09f8db0"},
    {CompactUtf16, kUtf8, "ÿĀ", "0,0,1,2 64,2,1,6 66,6,1,4", 66, 4, "c3bfc480"},
    {CompactUtf16, kUtf8, "aaaaaaaaaaaaaaaaaaaa☃", "0,0,1,21 64,21,1,63 85,63,1,23", 85, 23, "6161616161616161616161616161616161616161e29883"},
    {CompactUtf16, kUtf8, "éééééééééx", "0,0,1,10 64,10,1,30 74,30,1,19", 74, 19, "c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a9c3a978"},
    {Utf8, kUtf16, "", "0,0,2,0", 64, 0, ""},
    {Utf8, kUtf16, "abc", "0,0,2,6", 64, 3, "610062006300"},
    {Utf8, kUtf16, "hö", "0,0,2,6 64,6,2,4", 64, 2, "6800f600"},
    {Utf8, kUtf16, "ab☃", "0,0,2,10 64,10,2,6", 64, 3, "610062000326"},
    {Utf8, kUtf16, "a🍰", "0,0,2,10 64,10,2,6", 64, 3, "61003cd870df"},
    {Utf8, kUtf16, "ÿĀ", "0,0,2,8 64,8,2,4", 64, 2, "ff000001"},
    {Utf8, kUtf16, "aaaaaaaaaaaaaaaaaaaa☃", "0,0,2,46 64,46,2,42", 64, 21, "610061006100610061006100610061006100610061006100610061006100610061006100610061000326"},
    {Utf8, kUtf16, "éééééééééx", "0,0,2,38 64,38,2,20", 64, 10, "e900e900e900e900e900e900e900e900e9007800"},
    {Utf16, kUtf16, "", "0,0,2,0", 64, 0, ""},
    {Utf16, kUtf16, "abc", "0,0,2,6", 64, 3, "610062006300"},
    {Utf16, kUtf16, "hö", "0,0,2,4", 64, 2, "6800f600"},
    {Utf16, kUtf16, "ab☃", "0,0,2,6", 64, 3, "610062000326"},
    {Utf16, kUtf16, "a🍰", "0,0,2,6", 64, 3, "61003cd870df"},
    {Utf16, kUtf16, "ÿĀ", "0,0,2,4", 64, 2, "ff000001"},
    {Utf16, kUtf16, "aaaaaaaaaaaaaaaaaaaa☃", "0,0,2,42", 64, 21, "610061006100610061006100610061006100610061006100610061006100610061006100610061000326"},
    {Utf16, kUtf16, "éééééééééx", "0,0,2,20", 64, 10, "e900e900e900e900e900e900e900e900e9007800"},
    {Latin1, kUtf16, "", "0,0,2,0", 64, 0, ""},
    {Latin1, kUtf16, "abc", "0,0,2,6", 64, 3, "610062006300"},
    {Latin1, kUtf16, "hö", "0,0,2,4", 64, 2, "6800f600"},
    {Latin1, kUtf16, "éééééééééx", "0,0,2,20", 64, 10, "e900e900e900e900e900e900e900e900e9007800"},
    {CompactUtf16, kUtf16, "", "0,0,2,0", 64, 0, ""},
    {CompactUtf16, kUtf16, "abc", "0,0,2,6", 64, 3, "610062006300"},
    {CompactUtf16, kUtf16, "hö", "0,0,2,4", 64, 2, "6800f600"},
    {CompactUtf16, kUtf16, "ab☃", "0,0,2,6", 64, 3, "610062000326"},
    {CompactUtf16, kUtf16, "a🍰", "0,0,2,6", 64, 3, "61003cd870df"},
    {CompactUtf16, kUtf16, "ÿĀ", "0,0,2,4", 64, 2, "ff000001"},
    {CompactUtf16, kUtf16, "aaaaaaaaaaaaaaaaaaaa☃", "0,0,2,42", 64, 21, "610061006100610061006100610061006100610061006100610061006100610061006100610061000326"},
    {CompactUtf16, kUtf16, "éééééééééx", "0,0,2,20", 64, 10, "e900e900e900e900e900e900e900e900e9007800"},
    {Utf8, kCompact, "", "0,0,2,0", 64, 0, ""},
    {Utf8, kCompact, "abc", "0,0,2,3", 64, 3, "616263"},
    {Utf8, kCompact, "hö", "0,0,2,3 64,3,2,2", 64, 2, "68f6"},
    {Utf8, kCompact, "ab☃", "0,0,2,5 64,5,2,10 70,10,2,6", 70, kUtf16Tag | 3, "610062000326"},
    {Utf8, kCompact, "a🍰", "0,0,2,5 64,5,2,10 70,10,2,6", 70, kUtf16Tag | 3, "61003cd870df"},
    {Utf8, kCompact, "ÿĀ", "0,0,2,4 64,4,2,8 68,8,2,4", 68, kUtf16Tag | 2, "ff000001"},
    {Utf8, kCompact, "aaaaaaaaaaaaaaaaaaaa☃", "0,0,2,23 64,23,2,46 88,46,2,42", 88, kUtf16Tag | 21, "610061006100610061006100610061006100610061006100610061006100610061006100610061000326"},
    {Utf8, kCompact, "éééééééééx", "0,0,2,19 64,19,2,10", 64, 10, "e9e9e9e9e9e9e9e9e978"},
    {Utf16, kCompact, "", "0,0,2,0", 64, 0, ""},
    {Utf16, kCompact, "abc", "0,0,2,3", 64, 3, "616263"},
    {Utf16, kCompact, "hö", "0,0,2,2", 64, 2, "68f6"},
    {Utf16, kCompact, "ab☃", "0,0,2,3 64,3,2,6", 68, kUtf16Tag | 3, "610062000326"},
    {Utf16, kCompact, "a🍰", "0,0,2,3 64,3,2,6", 68, kUtf16Tag | 3, "61003cd870df"},
    {Utf16, kCompact, "ÿĀ", "0,0,2,2 64,2,2,4", 66, kUtf16Tag | 2, "ff000001"},
    {Utf16, kCompact, "aaaaaaaaaaaaaaaaaaaa☃", "0,0,2,21 64,21,2,42", 86, kUtf16Tag | 21, "610061006100610061006100610061006100610061006100610061006100610061006100610061000326"},
    {Utf16, kCompact, "éééééééééx", "0,0,2,10", 64, 10, "e9e9e9e9e9e9e9e9e978"},
    {Latin1, kCompact, "", "0,0,2,0", 64, 0, ""},
    {Latin1, kCompact, "abc", "0,0,2,3", 64, 3, "616263"},
    {Latin1, kCompact, "hö", "0,0,2,2", 64, 2, "68f6"},
    {Latin1, kCompact, "éééééééééx", "0,0,2,10", 64, 10, "e9e9e9e9e9e9e9e9e978"},
    {CompactUtf16, kCompact, "", "0,0,2,0 64,0,1,0", 64, 0, ""},
    {CompactUtf16, kCompact, "abc", "0,0,2,6 64,6,1,3", 64, 3, "616263"},
    {CompactUtf16, kCompact, "hö", "0,0,2,4 64,4,1,2", 64, 2, "68f6"},
    {CompactUtf16, kCompact, "ab☃", "0,0,2,6", 64, kUtf16Tag | 3, "610062000326"},
    {CompactUtf16, kCompact, "a🍰", "0,0,2,6", 64, kUtf16Tag | 3, "61003cd870df"},
    {CompactUtf16, kCompact, "ÿĀ", "0,0,2,4", 64, kUtf16Tag | 2, "ff000001"},
    {CompactUtf16, kCompact, "aaaaaaaaaaaaaaaaaaaa☃", "0,0,2,42", 64, kUtf16Tag | 21, "610061006100610061006100610061006100610061006100610061006100610061006100610061000326"},
    {CompactUtf16, kCompact, "éééééééééx", "0,0,2,20 64,20,1,10", 64, 10, "e9e9e9e9e9e9e9e9e978"},
};
// clang-format on

TEST_CASE("strings in every form go into every encoding, with the realloc calls of the definition"
) {
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CAPTURE(static_cast<int>(row.from));
    CAPTURE(static_cast<int>(row.to));
    const Bytes source = in_form(row.text, row.from);
    FakeHeap heap(512);
    HandleTable handles;
    LowerContext cx(heap, handles, row.to);
    const auto range = cx.store_string_into_range(TextSource{ByteView(source), row.from});
    REQUIRE_FALSE(cx.failed());
    std::string reallocs;
    for (const FakeHeap::Request& call : heap.requests) {
      reallocs += fmt::format(
          "{}{},{},{},{}",
          reallocs.empty() ? "" : " ",
          call.old_ptr,
          call.old_size,
          call.alignment,
          call.size
      );
    }
    CHECK(reallocs == row.reallocs);
    CHECK(range.ptr == row.ptr);
    CHECK(range.length == row.length);
    CHECK(
        hex(heap.range(range.ptr, static_cast<std::uint32_t>(std::strlen(row.bytes) / 2))) ==
        row.bytes
    );
    // And back.
    LiftContext lift(heap.memory(), handles, Lending::Lookup, row.to);
    CHECK(lift.load_string_from_range(range.ptr, range.length) == row.text);
    CHECK_FALSE(lift.failed());
  }
}

// --- checking ------------------------------------------------------------------------------------

TEST_CASE("text is checked in its own encoding") {
  const auto check = [](std::string_view bytes, TextForm form) {
    const char* wrong = check_text(as_bytes(bytes), form);
    return std::string(wrong == nullptr ? "" : wrong);
  };
  using namespace std::string_view_literals;
  const std::string half = "invalid utf-16: unpaired surrogate";
  CHECK(check("\x3c\xd8\x70\xdf"sv, Utf16) == "");
  CHECK(check("\x3c\xd8"sv, Utf16) == half);
  CHECK(check("\x70\xdf"sv, Utf16) == half);
  CHECK(check("\x70\xdf\x3c\xd8"sv, CompactUtf16) == half);
  CHECK(check("\x3c\xd8\x61\x00"sv, Utf16) == half);
  CHECK(check("\xff\xd7\x00\xe0"sv, Utf16) == "");
  CHECK(check("\xff\xfe\x80"sv, Latin1) == "");
  // Beyond the blocks that are taken at once.
  CHECK(check("a\0b\0c\0d\0e\0f\0g\0\x3c\xd8\x70\xdfh\0"sv, Utf16) == "");
  CHECK(check("a\0b\0c\0d\0e\0f\0g\0h\0\x3c\xd8"sv, Utf16) == half);
  const std::string cut = "incomplete utf-8 byte sequence";
  for (const char* text :
       {"\xc3",
        "abc\xe2\x98",
        "\xe0",
        "\xe0\xa0",
        "\xed",
        "\xed\x9f",
        "\xf0",
        "\xf0\x90",
        "\xf4",
        "\xf4\x8f\xbf",
        "a\xf0\x9f\x8d"}) {
    CAPTURE(text);
    CHECK(check(text, Utf8) == cut);
  }
  for (const char* text :
       {"\xff",
        "\x80",
        "\xc0",
        "\xc1",
        "\xed\xa0",
        "\xe0\x80",
        "\xf0\x80",
        "\xf4\x90",
        "\xf5",
        "\xc3\xc3",
        "\xe2\x98z",
        "\xff\xc3",
        "\xf0\x9f\x8d\xb0\x80"}) {
    CAPTURE(text);
    CHECK(check(text, Utf8) == "invalid utf-8");
  }
}

/// Why lifting a string fails.
std::string refusal(
    StringEncoding encoding, std::uint32_t ptr, std::uint32_t length, ByteView memory
) {
  HandleTable handles;
  LiftContext cx(memory, handles, Lending::Lookup, encoding);
  (void)cx.load_string_from_range(ptr, length);
  return cx.failed() ? cx.take_trap().message : "";
}

TEST_CASE("lengths are of code units, and pointers are aligned to them") {
  const Bytes memory(64);
  const std::string oob = "string content out-of-bounds: string pointer/length out of bounds of ";
  CHECK(refusal(kUtf16, 0, 32, memory) == "");
  CHECK(refusal(kUtf16, 0, 33, memory) == oob + "memory, 66 bytes at 0x0 of 64");
  CHECK(refusal(kUtf16, 1, 1, memory) == "unaligned pointer 0x1: a multiple of 2 is due");
  CHECK(refusal(kUtf16, 0, 0x8000000, memory) == "string is too long");
  CHECK(refusal(kUtf16, 0, 0x7ffffff, memory) == oob + "memory, 268435454 bytes at 0x0 of 64");
  CHECK(refusal(kUtf16, 0, 0xffffffff, memory) == "string is too long");
  CHECK(refusal(kCompact, 0, 64, memory) == "");
  CHECK(refusal(kCompact, 1, 1, memory) == "unaligned pointer 0x1: a multiple of 2 is due");
  CHECK(refusal(kCompact, 0, 65, memory) == oob + "memory, 65 bytes at 0x0 of 64");
  CHECK(refusal(kCompact, 0, kUtf16Tag | 32, memory) == "");
  CHECK(refusal(kCompact, 0, kUtf16Tag | 33, memory) == oob + "memory, 66 bytes at 0x0 of 64");
  CHECK(refusal(kCompact, 0, 0x7fffffff, memory) == "string is too long");
  CHECK(refusal(kCompact, 0, 0xffffffff, memory) == "string is too long");
}

// --- hostile -------------------------------------------------------------------------------------

/// Answers each call of realloc with the next pointer of a list, and keeps nothing.
class Careless final : public GuestHeap {
 public:
  explicit Careless(std::vector<std::uint32_t> answers) : answers_(std::move(answers)) {}
  [[nodiscard]] MutableByteView memory() override { return bytes_; }
  [[nodiscard]] HostResult<std::uint32_t> reallocate(
      std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t
  ) override {
    return next_ < answers_.size() ? answers_[next_++] : 0;
  }

 private:
  Bytes bytes_ = Bytes(64);
  std::vector<std::uint32_t> answers_;
  std::size_t next_ = 0;
};

TEST_CASE("every call of realloc is checked, the first and the last") {
  const auto lower = [](std::string_view utf8,
                        TextForm form,
                        StringEncoding encoding,
                        std::vector<std::uint32_t> answers) -> std::string {
    const Bytes source = in_form(utf8, form);
    Careless heap(std::move(answers));
    HandleTable handles;
    LowerContext cx(heap, handles, encoding);
    (void)cx.store_string_into_range(TextSource{ByteView(source), form});
    return cx.failed() ? cx.take_trap().message : "";
  };
  const std::string beyond = "realloc return: beyond end of memory: string content out-of-bounds, ";
  const std::string unaligned =
      "realloc return: result not aligned: unaligned pointer 0x1, a multiple of 2 is due";
  CHECK(lower("hö", Utf16, kUtf8, {0, 0, 0}) == "");
  CHECK(lower("hö", Utf16, kUtf8, {63}) == beyond + "2 bytes at 0x3f of 64");
  CHECK(lower("hö", Utf16, kUtf8, {0, 59}) == beyond + "6 bytes at 0x3b of 64");
  CHECK(lower("hö", Utf16, kUtf8, {0, 0, 62}) == beyond + "3 bytes at 0x3e of 64");
  CHECK(lower("hö", Utf8, kUtf16, {1}) == unaligned);
  CHECK(lower("hö", Utf8, kUtf16, {0, 1}) == unaligned);
  CHECK(lower("hö", Utf8, kUtf16, {60}) == beyond + "6 bytes at 0x3c of 64");
  CHECK(lower("ab☃", Utf8, kCompact, {0, 1}) == unaligned);
  CHECK(lower("ab☃", Utf8, kCompact, {0, 0, 1}) == unaligned);
  CHECK(lower("ab☃", Utf8, kCompact, {0, 62}) == beyond + "10 bytes at 0x3e of 64");
  CHECK(lower("hö", Utf8, kCompact, {0, 1}) == unaligned);
  CHECK(lower("hö", CompactUtf16, kCompact, {1}) == unaligned);
  CHECK(lower("hö", CompactUtf16, kCompact, {0, 63}) == beyond + "2 bytes at 0x3f of 64");
  CHECK(lower("hö", CompactUtf16, kCompact, {0, 61}) == "");
}

// --- random --------------------------------------------------------------------------------------

TEST_CASE("random strings come back the same through any two encodings") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  constexpr StringEncoding kAll[] = {kUtf8, kUtf16, kCompact};
  for (int round = 0; round < 3000; ++round) {
    // UTF-16 code units by weight of what they become.
    const std::uint32_t limits[] = {0x80, 0x100, 0x800, 0xd800, 0x10ffff};
    const std::uint32_t limit = limits[random() % 5];
    std::string text;
    for (std::uint64_t length = random() % 40; length > 0; --length) {
      std::uint32_t code = static_cast<std::uint32_t>(random() % limit);
      code = random() % 3 == 0 ? code : code % 0x80;
      code = code >= 0xd800 && code < 0xe000 ? '?' : code;
      std::uint8_t utf16[4];
      const bool is_wide = code >= 0x10000;
      const std::uint32_t high = is_wide ? 0xd800 + ((code - 0x10000) >> 10) : code;
      const std::uint32_t low = 0xdc00 + (code & 0x3ff);
      utf16[0] = static_cast<std::uint8_t>(high);
      utf16[1] = static_cast<std::uint8_t>(high >> 8);
      utf16[2] = static_cast<std::uint8_t>(low);
      utf16[3] = static_cast<std::uint8_t>(low >> 8);
      std::uint8_t utf8[6];
      const Transcoded one = utf16_to_utf8(ByteView(utf16, is_wide ? 4 : 2), utf8);
      text.append(reinterpret_cast<const char*>(utf8), one.written);
    }
    HandleTable handles;
    FakeHeap first(2048);
    const StringEncoding first_encoding = kAll[random() % 3];
    LowerContext lower_first(first, handles, first_encoding);
    const auto place = lower_first.store_string_into_range(text);
    REQUIRE_FALSE(lower_first.failed());
    LiftContext lift_first(first.memory(), handles, Lending::Lookup, first_encoding);
    const LiftContext::Text lifted = lift_first.load_text_from_range(place.ptr, place.length);
    REQUIRE_FALSE(lift_first.failed());
    FakeHeap second(2048);
    const StringEncoding second_encoding = kAll[random() % 3];
    LowerContext lower_second(second, handles, second_encoding);
    const auto other = lower_second.store_string_into_range(TextSource{
        ByteSource(first, place.ptr, static_cast<std::uint32_t>(lifted.bytes.size())), lifted.form
    });
    REQUIRE_FALSE(lower_second.failed());
    LiftContext lift_second(second.memory(), handles, Lending::Lookup, second_encoding);
    CHECK(lift_second.load_string_from_range(other.ptr, other.length) == text);
    CHECK_FALSE(lift_second.failed());
  }
}

}  // namespace
}  // namespace whorl::component
