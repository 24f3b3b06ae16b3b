// Protocol Buffers messages: whatever the bytes are, reading ends, stays within them, and what was
// read and is written again reads the same.
#include "wire/protobuf/reader.hpp"

#include <cstdint>
#include <cstdlib>

namespace whorl::wire::protobuf {
namespace {

void write(const Field& field, Writer& to) {
  switch (field.type) {
    case WireType::Varint:
      to.present_number(field.number, field.value);
      break;
    case WireType::Fixed64:
      to.present_fixed64(field.number, field.value);
      break;
    case WireType::Fixed32:
      to.fixed32(field.number, static_cast<std::uint32_t>(field.value));
      break;
    case WireType::Bytes:
      to.present_text(field.number, field.text());
      break;
  }
}

void check(ByteView message, int depth) {
  Writer again;
  Reader reader(message);
  while (const auto field = reader.next()) {
    if (field->type == WireType::Fixed32 && field->value == 0) {
      continue;  // not written
    }
    write(*field, again);
    if (field->type == WireType::Bytes && depth < 8) {
      check(field->bytes, depth + 1);
    }
  }
  Reader second(as_bytes(again.text()));
  Writer third;
  while (const auto field = second.next()) {
    write(*field, third);
  }
  if (second.has_failed() || third.text() != again.text()) {
    std::abort();
  }
}

}  // namespace
}  // namespace whorl::wire::protobuf

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whorl::wire::protobuf::check({data, size}, 0);
  return 0;
}
