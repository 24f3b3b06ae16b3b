#include "wire/protobuf/reader.hpp"

namespace whorl::wire::protobuf {
namespace {

constexpr std::uint64_t kMaxField = (std::uint64_t{1} << 29) - 1;
constexpr unsigned kMaxShift = 63;

}  // namespace

std::optional<std::uint64_t> Reader::varint() noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift <= kMaxShift && !rest_.empty(); shift += 7) {
    const std::uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    if (shift == kMaxShift && byte > 1) {
      return std::nullopt;
    }
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) {
      return value;
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Reader::little_endian(std::size_t bytes) noexcept {
  if (rest_.size() < bytes) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    value |= std::uint64_t{rest_[i]} << (8 * i);
  }
  rest_ = rest_.subspan(bytes);
  return value;
}

std::optional<Field> Reader::next() noexcept {
  if (has_failed_ || rest_.empty()) {
    return std::nullopt;
  }
  has_failed_ = true;
  const auto tag = varint();
  if (!tag || (*tag >> 3) == 0 || (*tag >> 3) > kMaxField) {
    return std::nullopt;
  }
  Field field;
  field.number = static_cast<std::uint32_t>(*tag >> 3);
  std::optional<std::uint64_t> value;
  switch (*tag & 7) {
    case 0:
      field.type = WireType::Varint;
      value = varint();
      break;
    case 1:
      field.type = WireType::Fixed64;
      value = little_endian(8);
      break;
    case 2:
      field.type = WireType::Bytes;
      value = varint();
      if (!value || *value > rest_.size()) {
        return std::nullopt;
      }
      field.bytes = rest_.first(static_cast<std::size_t>(*value));
      rest_ = rest_.subspan(field.bytes.size());
      break;
    case 5:
      field.type = WireType::Fixed32;
      value = little_endian(4);
      break;
    default:
      return std::nullopt;
  }
  if (!value) {
    return std::nullopt;
  }
  field.value = field.type == WireType::Bytes ? 0 : *value;
  has_failed_ = false;
  return field;
}

}  // namespace whorl::wire::protobuf
