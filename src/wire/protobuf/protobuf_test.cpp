#include "base/hash.hpp"
#include "wire/protobuf/reader.hpp"
#include "wire/protobuf/writer.hpp"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <random>
#include <string>

namespace whorl::wire::protobuf {
namespace {

std::string hex(const Writer& writer) {
  return to_hex(as_bytes(writer.text()));
}

TEST_CASE("messages are written as the encoding has it") {
  Writer writer;
  writer.number(1, 150);
  writer.number(2, 0);
  writer.present_number(2, 0);
  writer.text(3, "testing");
  writer.text(4, "");
  writer.zigzag(5, -2);
  writer.fixed64(6, 1);
  writer.fixed32(7, 2);
  writer.present_real(8, 1.0);
  writer.number(16, ~std::uint64_t{0});
  CHECK(
      hex(writer) ==
      "089601"
      "1000"
      "1a0774657374696e67"
      "2803"
      "310100000000000000"
      "3d02000000"
      "41000000000000f03f"
      "8001ffffffffffffffffff01"
  );
}

TEST_CASE("messages in messages, and packed numbers") {
  Writer writer;
  {
    const Writer::Message outer(writer, 1);
    const Writer::Message inner(writer, 2);
    writer.text(3, std::string(200, 'a'));
  }
  CHECK(hex(writer).substr(0, 20) == "0ace0112cb011ac80161");
  CHECK(writer.text().size() == 209);
  Writer packed;
  packed.packed_fixed64(1, std::array<std::uint64_t, 2>{1, 2});
  packed.packed_reals(2, std::array{0.5});
  packed.packed_numbers(3, std::array<std::uint64_t, 3>{3, 270, 86942});
  packed.packed_numbers(4, {});
  CHECK(
      hex(packed) ==
      "0a1001000000000000000200000000000000"
      "1208000000000000e03f"
      "1a06038e029ea705"
  );
}

TEST_CASE("what is no message is refused") {
  for (const std::string_view text : {
           std::string_view("\x08", 1),          // no value
           std::string_view("\x00\x01", 2),      // field 0
           std::string_view("\x0b", 1),          // a group
           std::string_view("\x0a\x02x", 3),     // shorter than it says
           std::string_view("\x09\x01\x02", 3),  // half a number
           std::string_view("\x0d\x01", 2),
           std::string_view("\x80", 1),
           std::string_view("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11),  // 65 bits
           std::string_view("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12),
           std::string_view("\x80\x80\x80\x80\x10\x00", 6),  // field 2^29
           std::string_view("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11),
       }) {
    Reader reader(as_bytes(text));
    CHECK_FALSE(reader.next());
    CHECK(reader.has_failed());
    CHECK_FALSE(reader.next());
  }
  Reader empty({});
  CHECK_FALSE(empty.next());
  CHECK_FALSE(empty.has_failed());
}

TEST_CASE("what was written is read again") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    Writer writer;
    std::vector<Field> wrote;
    std::vector<std::string> texts;
    texts.reserve(20);
    for (int i = 0; i < 20; ++i) {
      Field field;
      field.number = static_cast<std::uint32_t>(1 + (random() >> (35 + random() % 29)));
      field.value = random() >> (random() % 64);
      switch (random() % 4) {
        case 0:
          writer.present_number(field.number, field.value);
          break;
        case 1:
          field.type = WireType::Fixed64;
          writer.present_real(field.number, std::bit_cast<double>(field.value));
          break;
        case 2:
          field.type = WireType::Fixed32;
          field.value = 1 + (field.value & 0xFFFF'FFFE);
          writer.fixed32(field.number, static_cast<std::uint32_t>(field.value));
          break;
        default:
          field.type = WireType::Bytes;
          texts.emplace_back(field.value % 300, 'x');
          field.value = 0;
          field.bytes = as_bytes(texts.back());
          writer.present_text(field.number, texts.back());
      }
      wrote.push_back(field);
    }
    Reader reader(as_bytes(writer.text()));
    for (const Field& want : wrote) {
      const auto got = reader.next();
      REQUIRE(got);
      CHECK(got->number == want.number);
      CHECK(got->type == want.type);
      CHECK(got->value == want.value);
      CHECK(got->text() == want.text());
    }
    CHECK_FALSE(reader.next());
    CHECK_FALSE(reader.has_failed());
  }
}

}  // namespace
}  // namespace whorl::wire::protobuf
