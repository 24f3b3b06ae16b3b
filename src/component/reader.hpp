/// Reader: a bounds-checked cursor over WebAssembly bytes, which are hostile.
///
/// Every failure is an InvalidInput error that says at which byte of the file what was expected.
/// Views that it hands out point into the bytes given. @thread any (a value)
/// @spec WebAssembly core specification, §5 binary format (values, names)
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::component {

/// Longest name, bytes.
inline constexpr std::uint32_t kMaxNameBytes = 100'000;

class Reader {
 public:
  /// @param base  offset of bytes[0] in the file, for messages
  explicit Reader(ByteView bytes, std::uint64_t base = 0) noexcept : bytes_(bytes), base_(base) {}

  [[nodiscard]] bool at_end() const noexcept { return pos_ == bytes_.size(); }
  [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - pos_; }
  /// Position in the file.
  [[nodiscard]] std::uint64_t offset() const noexcept { return base_ + pos_; }
  /// Position in the bytes given.
  [[nodiscard]] std::size_t position() const noexcept { return pos_; }
  /// The next byte without taking it; nothing at the end.
  [[nodiscard]] std::optional<std::uint8_t> peek() const noexcept;

  /// @param what  what the value is, for the message: "a type index"
  [[nodiscard]] Result<std::uint8_t> byte(std::string_view what);
  /// Unsigned LEB128 of at most 32 / 64 bits.
  [[nodiscard]] Result<std::uint32_t> u32(std::string_view what);
  [[nodiscard]] Result<std::uint64_t> u64(std::string_view what);
  /// Signed LEB128 of at most 33 bits: a type index, or a negative type code.
  [[nodiscard]] Result<std::int64_t> s33(std::string_view what);
  /// Signed LEB128 of at most 32 / 64 bits.
  [[nodiscard]] Result<std::int32_t> s32(std::string_view what);
  [[nodiscard]] Result<std::int64_t> s64(std::string_view what);
  /// The length of a vector: at most `max`, and no more items than there are bytes left.
  [[nodiscard]] Result<std::uint32_t> count(std::string_view what, std::uint32_t max);
  /// Length-prefixed valid UTF-8.
  [[nodiscard]] Result<std::string_view> name(std::string_view what);
  [[nodiscard]] Result<ByteView> take(std::uint64_t size, std::string_view what);
  /// Takes a part of the given size as a reader of its own.
  [[nodiscard]] Result<Reader> part(std::uint64_t size, std::string_view what);
  /// Fails unless everything was read.
  [[nodiscard]] Result<> expect_end(std::string_view what) const;

 private:
  [[nodiscard]] Result<std::uint64_t> leb(unsigned bits, bool is_signed, std::string_view what);
  [[nodiscard]] Error cut_short(std::string_view what) const;

  ByteView bytes_;
  std::uint64_t base_;
  std::size_t pos_ = 0;
};

/// An InvalidInput error that names a place in the file: "at byte 0x1f: …".
template <class... Args>
[[nodiscard]] Error malformed(
    std::uint64_t offset, fmt::format_string<Args...> text, Args&&... args
) {
  return fail(
      ErrorKind::InvalidInput,
      "at byte {:#x}: {}",
      offset,
      fmt::format(text, std::forward<Args>(args)...)
  );
}
/// The same for what is understood but not offered (yet).
template <class... Args>
[[nodiscard]] Error unsupported(
    std::uint64_t offset, fmt::format_string<Args...> text, Args&&... args
) {
  return fail(
      ErrorKind::Unsupported,
      "at byte {:#x}: {}",
      offset,
      fmt::format(text, std::forward<Args>(args)...)
  );
}

/// A text from the file made fit for a message: control characters and what is not ASCII escaped,
/// long ones shortened.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace whorl::component
