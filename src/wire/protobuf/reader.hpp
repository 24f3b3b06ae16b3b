/// Reader of Protocol Buffers messages, field by field. The bytes are hostile.
///
/// @spec Protocol Buffers, Encoding. @thread any (a value, not shared)
#pragma once

#include "base/bytes.hpp"
#include "wire/protobuf/writer.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace whorl::wire::protobuf {

struct Field {
  std::uint32_t number = 0;
  WireType type = WireType::Varint;
  std::uint64_t value = 0;  ///< of the three kinds of numbers
  ByteView bytes{};         ///< of WireType::Bytes, a view of the message

  [[nodiscard]] std::string_view text() const noexcept { return as_text(bytes); }
};

class Reader {
 public:
  explicit Reader(ByteView message) noexcept : rest_(message) {}

  /// The next field; nothing at the end, and where the bytes are no message.
  [[nodiscard]] std::optional<Field> next() noexcept;
  /// next() stopped since the bytes are no message: cut short, a number of more than 64 bits, the
  /// field 0 or one beyond 2^29 - 1, a group.
  [[nodiscard]] bool has_failed() const noexcept { return has_failed_; }

 private:
  [[nodiscard]] std::optional<std::uint64_t> varint() noexcept;
  [[nodiscard]] std::optional<std::uint64_t> little_endian(std::size_t bytes) noexcept;

  ByteView rest_;
  bool has_failed_ = false;
};

}  // namespace whorl::wire::protobuf
