// Strings lowered into the three encodings of the canonical ABI. The calls of realloc, their sizes
// and their order are visible to the guest and follow definitions.py.
#include "component/abi_context.hpp"
#include "component/utf8.hpp"

#include <cstring>

namespace whorl::component {

LowerContext::Range LowerContext::store_string_into_range(std::string_view text) {
  // A guest's own checks end at the boundary: what it is given as a string it trusts to be one.
  if (!is_valid_utf8(text)) [[unlikely]] {
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
  if (!text.empty()) {
    std::memcpy(at(ptr), text.data(), text.size());
  }
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
    return is_complete(latin1_to_utf16(from, room(block, 0)).read, text) ? Range{block.ptr, units}
                                                                         : Range{};
  }
  if (!is_complete(from.size(), text)) {
    return {};
  }
  if (!from.empty()) {
    std::memmove(at(block.ptr), from.data(), from.size());
  }
  return {block.ptr, units};
}

LowerContext::Range LowerContext::store_string_to_utf8(const TextSource& text) {
  const std::size_t size = text.bytes.size();
  const auto units = static_cast<std::uint32_t>(size / unit_size(text.form));
  Block block;
  if (!reallocate(block, units, 1, Pointee::String)) {
    return {};
  }
  const Transcoded ascii = to_ascii(text.bytes.bytes(), text.form, room(block, 0));
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
  const Transcoded rest = to_utf8(from.subspan(ascii.read), text.form, room(block, done));
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
  const Transcoded done = utf8_to_utf16(text.bytes.bytes(), room(block, 0));
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
  const Transcoded narrow = text.form == TextForm::Utf8 ? utf8_to_latin1(source, room(block, 0))
                                                        : utf16_to_latin1(source, room(block, 0));
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
  for (std::size_t i = narrow.written; i-- > 0;) {
    wide[2 * i] = wide[i];
    wide[2 * i + 1] = 0;
  }
  const ByteView from = text.bytes.bytes();
  if (!is_complete(from.size(), text)) {
    return {};
  }
  const auto done = static_cast<std::uint32_t>(2 * narrow.written);
  const Transcoded rest = to_utf16(from.subspan(narrow.read), text.form, room(block, done));
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
  for (std::size_t i = 0; i < units; ++i) {
    is_latin1 = is_latin1 && from[2 * i + 1] == 0;
  }
  if (!is_latin1) {
    if (!from.empty()) {
      std::memmove(to.data(), from.data(), from.size());
    }
    return {block.ptr, units | kUtf16Tag};
  }
  for (std::size_t i = 0; i < units; ++i) {
    to[i] = from[2 * i];
  }
  // The last step as the definition has it: alignment 1 although the block began with 2.
  return reallocate(block, units, 1, Pointee::String) ? Range{block.ptr, units} : Range{};
}

}  // namespace whorl::component
