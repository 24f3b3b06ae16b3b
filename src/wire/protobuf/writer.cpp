#include "wire/protobuf/writer.hpp"

#include <array>
#include <bit>

namespace whorl::wire::protobuf {
namespace {

constexpr std::size_t kMaxVarint = 10;

struct Varint {
  explicit Varint(std::uint64_t value) noexcept {
    while (value >= 0x80) {
      bytes[size++] = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    bytes[size++] = static_cast<char>(value);
  }
  std::array<char, kMaxVarint> bytes{};
  std::size_t size = 0;
};

}  // namespace

Writer::Message::Message(Writer& writer, std::uint32_t field) : writer_(writer) {
  writer.tag(field, WireType::Bytes);
  begin_ = writer.out_.size();
}

Writer::Message::~Message() {
  const Varint length(writer_.out_.size() - begin_);
  writer_.out_.insert(begin_, length.bytes.data(), length.size);
}

void Writer::tag(std::uint32_t field, WireType type) {
  varint((std::uint64_t{field} << 3) | static_cast<std::uint8_t>(type));
}

void Writer::varint(std::uint64_t value) {
  const Varint encoded(value);
  out_.append(encoded.bytes.data(), encoded.size);
}

void Writer::little_endian(std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out_.push_back(static_cast<char>(value >> (8 * i)));
  }
}

void Writer::number(std::uint32_t field, std::uint64_t value) {
  if (value != 0) {
    present_number(field, value);
  }
}

void Writer::present_number(std::uint32_t field, std::uint64_t value) {
  tag(field, WireType::Varint);
  varint(value);
}

void Writer::zigzag(std::uint32_t field, std::int64_t value) {
  number(field, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

void Writer::fixed64(std::uint32_t field, std::uint64_t value) {
  if (value != 0) {
    present_fixed64(field, value);
  }
}

void Writer::present_fixed64(std::uint32_t field, std::uint64_t value) {
  tag(field, WireType::Fixed64);
  little_endian(value, 8);
}

void Writer::fixed32(std::uint32_t field, std::uint32_t value) {
  if (value != 0) {
    tag(field, WireType::Fixed32);
    little_endian(value, 4);
  }
}

void Writer::present_real(std::uint32_t field, double value) {
  present_fixed64(field, std::bit_cast<std::uint64_t>(value));
}

void Writer::text(std::uint32_t field, std::string_view value) {
  if (!value.empty()) {
    present_text(field, value);
  }
}

void Writer::present_text(std::uint32_t field, std::string_view value) {
  tag(field, WireType::Bytes);
  varint(value.size());
  out_.append(value);
}

void Writer::packed_fixed64(std::uint32_t field, std::span<const std::uint64_t> values) {
  if (values.empty()) {
    return;
  }
  const Message message(*this, field);
  for (const std::uint64_t value : values) {
    little_endian(value, 8);
  }
}

void Writer::packed_reals(std::uint32_t field, std::span<const double> values) {
  if (values.empty()) {
    return;
  }
  const Message message(*this, field);
  for (const double value : values) {
    little_endian(std::bit_cast<std::uint64_t>(value), 8);
  }
}

void Writer::packed_numbers(std::uint32_t field, std::span<const std::uint64_t> values) {
  if (values.empty()) {
    return;
  }
  const Message message(*this, field);
  for (const std::uint64_t value : values) {
    varint(value);
  }
}

}  // namespace whorl::wire::protobuf
