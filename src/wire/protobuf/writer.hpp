/// Writer of Protocol Buffers messages: for a few schemas that are written by hand.
///
/// Fields are appended in the order of the calls. As proto3 has it, numbers that are zero and empty
/// texts are left out, unless a function says otherwise.
/// @spec Protocol Buffers, Encoding. @thread any (a value, not shared)
#pragma once

#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace whorl::wire::protobuf {

enum class WireType : std::uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

class Writer {
 public:
  /// A message inside another one; ends with this object.
  class Message {
   public:
    Message(Writer& writer, std::uint32_t field);
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;
    ~Message();

   private:
    Writer& writer_;
    std::size_t begin_;
  };

  /// uint32, uint64, bool, enum; int32 and int64 as their two's complement.
  void number(std::uint32_t field, std::uint64_t value);
  /// The same where zero is written, too: a member of a oneof, an optional field.
  void present_number(std::uint32_t field, std::uint64_t value);
  /// sint32, sint64.
  void zigzag(std::uint32_t field, std::int64_t value);
  /// fixed64, sfixed64.
  void fixed64(std::uint32_t field, std::uint64_t value);
  void present_fixed64(std::uint32_t field, std::uint64_t value);
  void fixed32(std::uint32_t field, std::uint32_t value);
  /// double; zero is written.
  void present_real(std::uint32_t field, double value);
  /// string; the caller sees to UTF-8.
  void text(std::uint32_t field, std::string_view value);
  void present_text(std::uint32_t field, std::string_view value);
  void bytes(std::uint32_t field, ByteView value) { text(field, as_text(value)); }
  /// Repeated numbers in one field.
  void packed_fixed64(std::uint32_t field, std::span<const std::uint64_t> values);
  void packed_reals(std::uint32_t field, std::span<const double> values);
  void packed_numbers(std::uint32_t field, std::span<const std::uint64_t> values);

  [[nodiscard]] const std::string& text() const noexcept { return out_; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void tag(std::uint32_t field, WireType type);
  void varint(std::uint64_t value);
  void little_endian(std::uint64_t value, std::size_t bytes);

  std::string out_;
};

}  // namespace whorl::wire::protobuf
