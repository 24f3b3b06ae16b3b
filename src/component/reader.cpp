#include "component/reader.hpp"

#include "component/utf8.hpp"

namespace whorl::component {
std::string printable(std::string_view text) {
  constexpr std::size_t kMax = 200;
  std::string out;
  for (const char c : text.substr(0, kMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  if (text.size() > kMax) {
    out += "…";
  }
  return out;
}

std::optional<std::uint8_t> Reader::peek() const noexcept {
  if (at_end()) {
    return std::nullopt;
  }
  return bytes_[pos_];
}

Error Reader::cut_short(std::string_view what) const {
  return malformed(offset(), "expected {}, but the bytes end here", what);
}

Result<std::uint8_t> Reader::byte(std::string_view what) {
  if (at_end()) {
    return cut_short(what);
  }
  return bytes_[pos_++];
}

Result<std::uint64_t> Reader::leb(unsigned bits, bool is_signed, std::string_view what) {
  const std::uint64_t start = offset();
  std::uint64_t value = 0;
  unsigned shift = 0;
  for (;;) {
    if (at_end()) {
      return cut_short(what);
    }
    const std::uint8_t byte = bytes_[pos_++];
    const unsigned left = bits - shift;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (left <= 7) {
      // The last byte allowed: it may not go on, and what exceeds the width repeats the sign.
      const auto unused = static_cast<std::uint8_t>((0x7f << left) & 0x7f);
      const bool negative = is_signed && ((byte >> (left - 1)) & 1) != 0;
      const std::uint8_t wanted = negative ? unused : 0;
      if ((byte & 0x80) != 0 || (byte & unused) != wanted) {
        return malformed(start, "expected {}: the number needs more than {} bits", what, bits);
      }
    }
    shift += 7;
    if ((byte & 0x80) == 0) {
      if (is_signed && shift < 64 && (byte & 0x40) != 0) {
        value |= ~std::uint64_t{0} << shift;
      }
      return value;
    }
  }
}

Result<std::uint32_t> Reader::u32(std::string_view what) {
  WHORL_TRY(const std::uint64_t value, leb(32, false, what));
  return static_cast<std::uint32_t>(value);
}

Result<std::uint64_t> Reader::u64(std::string_view what) {
  return leb(64, false, what);
}

Result<std::int64_t> Reader::s33(std::string_view what) {
  WHORL_TRY(const std::uint64_t value, leb(33, true, what));
  return static_cast<std::int64_t>(value);
}

Result<std::int32_t> Reader::s32(std::string_view what) {
  WHORL_TRY(const std::uint64_t value, leb(32, true, what));
  return static_cast<std::int32_t>(static_cast<std::int64_t>(value));
}

Result<std::int64_t> Reader::s64(std::string_view what) {
  WHORL_TRY(const std::uint64_t value, leb(64, true, what));
  return static_cast<std::int64_t>(value);
}

Result<std::uint32_t> Reader::count(std::string_view what, std::uint32_t max) {
  const std::uint64_t start = offset();
  WHORL_TRY(const std::uint32_t value, u32(what));
  if (value > max) {
    return malformed(start, "{}: {} is more than the limit of {}", what, value, max);
  }
  if (value > remaining()) {
    return malformed(
        start, "{}: {} items announced, but only {} bytes follow", what, value, remaining()
    );
  }
  return value;
}

Result<std::string_view> Reader::name(std::string_view what) {
  const std::uint64_t start = offset();
  WHORL_TRY(const std::uint32_t size, u32(what));
  if (size > kMaxNameBytes) {
    return malformed(
        start, "{}: {} bytes is longer than the limit of {}", what, size, kMaxNameBytes
    );
  }
  WHORL_TRY(const ByteView bytes, take(size, what));
  if (!is_valid_utf8(as_text(bytes))) {
    return malformed(start, "{} is not valid UTF-8", what);
  }
  return as_text(bytes);
}

Result<ByteView> Reader::take(std::uint64_t size, std::string_view what) {
  if (size > remaining()) {
    return malformed(
        offset(), "{} should be {} bytes long, but only {} follow", what, size, remaining()
    );
  }
  const ByteView part = bytes_.subspan(pos_, static_cast<std::size_t>(size));
  pos_ += static_cast<std::size_t>(size);
  return part;
}

Result<Reader> Reader::part(std::uint64_t size, std::string_view what) {
  const std::uint64_t start = offset();
  WHORL_TRY(const ByteView bytes, take(size, what));
  return Reader(bytes, start);
}

Result<> Reader::expect_end(std::string_view what) const {
  if (!at_end()) {
    return malformed(offset(), "{} has {} bytes left over at its end", what, remaining());
  }
  return {};
}

}  // namespace whorl::component
