// Strings lowered into the three encodings of the canonical ABI. The calls of realloc, their sizes
// and their order are visible to the guest and follow definitions.py.
#include "component/abi_context.hpp"

namespace whorl::component {

LowerContext::Range LowerContext::store_string_into_range(std::string_view text) {
  // A guest's own checks end at the boundary: what it is given as a string it trusts to be one.
  const bool is_valid = text.size() <= kPieceBytes ? is_valid_utf8(text) : is_long_utf8(text);
  if (!is_valid) [[unlikely]] {
    fail("a string of the host is not valid UTF-8");
    return {};
  }
  if (encoding_ != StringEncoding::Utf8) [[unlikely]] {
    return store_string_into_range(TextSource{as_bytes(text), TextForm::Utf8});
  }
  const std::uint32_t ptr = allocate(text.size(), 1, Pointee::String);
  if (failed()) [[unlikely]] {
    return {};
  }
  copy_to(ptr, as_bytes(text));
  return {ptr, static_cast<std::uint32_t>(text.size())};
}

LowerContext::Range LowerContext::store_string_into_range(const TextSource& text) {
  if (text.bytes.size() > kMaxListBytes) [[unlikely]] {
    fail("the host's result is too long for a string or list");
    return {};
  }
  switch (encoding_) {
    case StringEncoding::Utf8:
      return text.form == TextForm::Utf8 ? store_string_copy(text, 1, 1)
                                         : store_string_to_utf8(text);
    case StringEncoding::Utf16:
      return text.form == TextForm::Utf8 ? store_utf8_to_utf16(text)
                                         : store_string_copy(text, 2, 2);
    case StringEncoding::Latin1OrUtf16:
      break;
  }
  switch (text.form) {
    case TextForm::Latin1:
      return store_string_copy(text, 1, 2);
    case TextForm::CompactUtf16:
      return store_probably_utf16_to_latin1_or_utf16(text);
    default:
      return store_string_to_latin1_or_utf16(text);
  }
}

bool LowerContext::is_long_utf8(std::string_view text) {
  return check_in_pieces(as_bytes(text), TextForm::Utf8, [this] { return go_on(); }) == nullptr;
}

bool LowerContext::is_complete(std::size_t done, const TextSource& text) {
  if (done != text.bytes.size()) [[unlikely]] {
    fail("a string changed while it was passed on");
    return false;
  }
  return true;
}

LowerContext::Range LowerContext::store_string_copy(
    const TextSource& text, std::uint32_t unit, std::uint32_t alignment
) {
  const auto units = static_cast<std::uint32_t>(text.bytes.size() / unit_size(text.form));
  Block block;
  if (!reallocate(block, std::uint64_t{unit} * units, alignment, Pointee::String)) {
    return {};
  }
  const ByteView from = text.bytes.bytes();
  if (unit != unit_size(text.form)) {
    const Transcoded done = transcode(from, room(block, 0), latin1_to_utf16);
    return is_complete(done.read, text) ? Range{block.ptr, units} : Range{};
  }
  if (!is_complete(from.size(), text)) {
    return {};
  }
  copy_to(block.ptr, from);
  return {block.ptr, units};
}

LowerContext::Range LowerContext::store_string_to_utf8(const TextSource& text) {
  const std::size_t size = text.bytes.size();
  const auto units = static_cast<std::uint32_t>(size / unit_size(text.form));
  Block block;
  if (!reallocate(block, units, 1, Pointee::String)) {
    return {};
  }
  const auto step = [&](ByteView part, MutableByteView to) {
    return to_ascii(part, text.form, to);
  };
  const Transcoded ascii = transcode(text.bytes.bytes(), room(block, 0), step);
  if (failed()) [[unlikely]] {
    return {};
  }
  if (ascii.read == size) {
    return {block.ptr, units};
  }
  const std::size_t worst_case_size = max_utf8_size(size, text.form);
  if (!reallocate(block, worst_case_size, 1, Pointee::String)) {
    return {};
  }
  const ByteView from = text.bytes.bytes();
  if (!is_complete(from.size(), text)) {
    return {};
  }
  const auto done = static_cast<std::uint32_t>(ascii.written);
  const auto other = [&](ByteView part, MutableByteView to) {
    return to_utf8(part, text.form, to);
  };
  const Transcoded rest = transcode(from.subspan(ascii.read), room(block, done), other);
  if (!is_complete(ascii.read + rest.read, text)) {
    return {};
  }
  const auto byte_length = static_cast<std::uint32_t>(done + rest.written);
  if (worst_case_size > byte_length && !reallocate(block, byte_length, 1, Pointee::String)) {
    return {};
  }
  return {block.ptr, byte_length};
}

LowerContext::Range LowerContext::store_utf8_to_utf16(const TextSource& text) {
  const std::size_t worst_case_size = 2 * text.bytes.size();
  Block block;
  if (!reallocate(block, worst_case_size, 2, Pointee::String)) {
    return {};
  }
  const Transcoded done = transcode(text.bytes.bytes(), room(block, 0), utf8_to_utf16);
  if (!is_complete(done.read, text)) {
    return {};
  }
  if (done.written < worst_case_size && !reallocate(block, done.written, 2, Pointee::String)) {
    return {};
  }
  return {block.ptr, static_cast<std::uint32_t>(done.written / 2)};
}

LowerContext::Range LowerContext::store_string_to_latin1_or_utf16(const TextSource& text) {
  const std::size_t size = text.bytes.size();
  const std::size_t units = size / unit_size(text.form);
  Block block;
  if (!reallocate(block, units, 2, Pointee::String)) {
    return {};
  }
  const ByteView source = text.bytes.bytes();
  const auto to_narrow = text.form == TextForm::Utf8 ? utf8_to_latin1 : utf16_to_latin1;
  const Transcoded narrow = transcode(source, room(block, 0), to_narrow);
  if (failed()) [[unlikely]] {
    return {};
  }
  if (narrow.read == size) {
    const auto length = static_cast<std::uint32_t>(narrow.written);
    if (length < units && !reallocate(block, length, 2, Pointee::String)) {
      return {};
    }
    return {block.ptr, length};
  }
  const std::size_t worst_case_size = 2 * units;
  if (!reallocate(block, worst_case_size, 2, Pointee::String)) {
    return {};
  }
  // What is there already is widened in place, from the end.
  const MutableByteView wide = room(block, 0);
  const auto widen = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = narrow.written - begin; i-- > narrow.written - end;) {
      wide[2 * i] = wide[i];
      wide[2 * i + 1] = 0;
    }
  };
  if (!for_pieces(*this, narrow.written, kPieceBytes, widen)) {
    return {};
  }
  const ByteView from = text.bytes.bytes();
  if (!is_complete(from.size(), text)) {
    return {};
  }
  const auto done = static_cast<std::uint32_t>(2 * narrow.written);
  const auto to_wide = [&](ByteView part, MutableByteView to) {
    return to_utf16(part, text.form, to);
  };
  const Transcoded rest = transcode(from.subspan(narrow.read), room(block, done), to_wide);
  if (!is_complete(narrow.read + rest.read, text)) {
    return {};
  }
  const auto byte_length = static_cast<std::uint32_t>(done + rest.written);
  if (worst_case_size > byte_length && !reallocate(block, byte_length, 2, Pointee::String)) {
    return {};
  }
  return {block.ptr, (byte_length / 2) | kUtf16Tag};
}

LowerContext::Range LowerContext::store_probably_utf16_to_latin1_or_utf16(const TextSource& text) {
  const std::size_t size = text.bytes.size();
  const auto units = static_cast<std::uint32_t>(size / 2);
  Block block;
  if (!reallocate(block, size, 2, Pointee::String)) {
    return {};
  }
  const ByteView from = text.bytes.bytes();
  if (!is_complete(from.size(), text)) {
    return {};
  }
  const MutableByteView to = room(block, 0);
  bool is_latin1 = true;
  const auto look = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      is_latin1 = is_latin1 && from[2 * i + 1] == 0;
    }
  };
  if (!for_pieces(*this, units, kPieceBytes, look)) {
    return {};
  }
  if (!is_latin1) {
    copy_to(block.ptr, from);
    return {block.ptr, units | kUtf16Tag};
  }
  const auto narrow = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      to[i] = from[2 * i];
    }
  };
  if (!for_pieces(*this, units, kPieceBytes, narrow)) {
    return {};
  }
  // The last step as the definition has it: alignment 1 although the block began with 2.
  return reallocate(block, units, 1, Pointee::String) ? Range{block.ptr, units} : Range{};
}

}  // namespace whorl::component
