/// Value: one value of any interface type, for calls whose types are only known at run time.
///
/// A Value does not say which type it has; whoever uses it knows. How the types are held:
///   bool, integers, floats, char, enum (case), flags (bits)   a scalar of 64 bits
///   string                                                    Text
///   list, fixed-length list of scalars                        ScalarList, or Fields
///   other lists; record, tuple; map (a list of pairs)         Fields
///   variant, option (none, some), result (ok, error)          Case
///   own, borrow                                               ResourceRep, BorrowedRep
///   stream, future (their readable end)                       ReadableHalf
///   error-context                                             ErrorContextRef
/// Text and ScalarList may lie in a guest's memory, where lifting allowed that: such a Value is
/// lowered at once and not kept. @thread shard
/// @spec CanonicalABI.md, "Loading" (the values of definitions.py)
#pragma once

#include "base/bytes.hpp"
#include "component/copy_end.hpp"
#include "component/guest_memory.hpp"
#include "component/handle_table.hpp"
#include "component/types.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace whorl::component {

/// Bytes that are owned, or a place in a guest's memory.
class Blob {
 public:
  Blob() = default;
  /// @param bytes  fewer than 4 GiB
  [[nodiscard]] static Blob copy_of(ByteView bytes);
  /// Bytes to be written by the caller.
  [[nodiscard]] static Blob of_size(std::size_t size);
  [[nodiscard]] static Blob view_of(GuestMemory& memory, std::uint32_t ptr, std::uint32_t size);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool is_view() const noexcept { return memory_ != nullptr; }
  [[nodiscard]] ByteSource source() const noexcept {
    return memory_ != nullptr ? ByteSource(*memory_, ptr_, size_)
                              : ByteSource(ByteView(owned_.get(), size_));
  }
  /// Good until the next guest entry.
  [[nodiscard]] ByteView bytes() const { return source().bytes(); }
  /// Of what is owned.
  [[nodiscard]] std::uint8_t* data() noexcept { return owned_.get(); }

 private:
  std::unique_ptr<std::uint8_t[]> owned_;
  GuestMemory* memory_ = nullptr;
  std::uint32_t ptr_ = 0;
  std::uint32_t size_ = 0;
};

class Value {
 public:
  struct Text {
    Blob bytes;
    TextForm form = TextForm::Utf8;
  };
  struct ScalarList {
    Blob bytes;
    std::uint8_t elem_size = 1;

    [[nodiscard]] std::size_t length() const noexcept { return bytes.size() / elem_size; }
  };
  using Fields = std::vector<Value>;
  struct Case {
    std::uint32_t index = 0;
    std::unique_ptr<Value> payload;  ///< null for none
  };

  Value() = default;

  // --- making ------------------------------------------------------------------------------------
  [[nodiscard]] static Value boolean(bool value) { return Value(std::uint64_t{value}); }
  [[nodiscard]] static Value unsigned_int(std::uint64_t value) { return Value(value); }
  [[nodiscard]] static Value signed_int(std::int64_t value) {
    return Value(static_cast<std::uint64_t>(value));
  }
  [[nodiscard]] static Value f32(float value);
  [[nodiscard]] static Value f64(double value);
  [[nodiscard]] static Value character(char32_t value) {
    return Value(static_cast<std::uint64_t>(value));
  }
  /// The index of its case.
  [[nodiscard]] static Value enumeration(std::uint32_t index) {
    return Value(std::uint64_t{index});
  }
  /// Bit 0 is the first label.
  [[nodiscard]] static Value flags(std::uint32_t bits) { return Value(std::uint64_t{bits}); }
  /// Copies UTF-8; checked when it is lowered.
  [[nodiscard]] static Value string(std::string_view text);
  /// Copies a `list<u8>`.
  [[nodiscard]] static Value bytes(ByteView bytes) { return scalars(bytes, 1); }
  /// Copies a list of scalars as it is in memory: little-endian, elem_size bytes each.
  [[nodiscard]] static Value scalars(ByteView bytes, std::uint8_t elem_size);
  [[nodiscard]] static Value list(Fields elements) { return Value(Data(std::move(elements))); }
  /// A record or tuple, fields in order; also the key and value of a map's entry.
  [[nodiscard]] static Value record(Fields fields) { return Value(Data(std::move(fields))); }
  [[nodiscard]] static Value variant(std::uint32_t index, std::optional<Value> payload = {});
  [[nodiscard]] static Value none() { return variant(0); }
  [[nodiscard]] static Value some(Value payload) { return variant(1, std::move(payload)); }
  [[nodiscard]] static Value ok(std::optional<Value> payload = {}) {
    return variant(0, std::move(payload));
  }
  [[nodiscard]] static Value error(std::optional<Value> payload = {}) {
    return variant(1, std::move(payload));
  }
  [[nodiscard]] static Value own(ResourceRep rep) { return Value(Data(std::move(rep))); }
  [[nodiscard]] static Value borrow(BorrowedRep rep) { return Value(Data(rep)); }
  [[nodiscard]] static Value stream(ReadableHalf half) { return Value(Data(std::move(half))); }
  [[nodiscard]] static Value error_context(ErrorContextRef context) {
    return Value(Data(std::move(context)));
  }
  [[nodiscard]] static Value text(Text text) { return Value(Data(std::move(text))); }
  [[nodiscard]] static Value scalar_list(ScalarList list) { return Value(Data(std::move(list))); }

  // --- reading; null or 0 when it is something else ----------------------------------------------
  /// A scalar's bits: integers extended as they are signed, floats as IEEE 754.
  [[nodiscard]] std::uint64_t bits() const noexcept {
    const auto* scalar = std::get_if<std::uint64_t>(&data_);
    return scalar == nullptr ? 0 : *scalar;
  }
  [[nodiscard]] bool is_scalar() const noexcept {
    return std::holds_alternative<std::uint64_t>(data_);
  }
  [[nodiscard]] const Text* as_text() const noexcept { return std::get_if<Text>(&data_); }
  [[nodiscard]] const ScalarList* as_scalars() const noexcept {
    return std::get_if<ScalarList>(&data_);
  }
  [[nodiscard]] const Fields* as_fields() const noexcept { return std::get_if<Fields>(&data_); }
  [[nodiscard]] Fields* as_fields() noexcept { return std::get_if<Fields>(&data_); }
  [[nodiscard]] const Case* as_case() const noexcept { return std::get_if<Case>(&data_); }
  [[nodiscard]] Case* as_case() noexcept { return std::get_if<Case>(&data_); }
  [[nodiscard]] const ResourceRep* as_own() const noexcept {
    return std::get_if<ResourceRep>(&data_);
  }
  [[nodiscard]] ResourceRep* as_own() noexcept { return std::get_if<ResourceRep>(&data_); }
  [[nodiscard]] const BorrowedRep* as_borrow() const noexcept {
    return std::get_if<BorrowedRep>(&data_);
  }
  /// Of a stream or future.
  [[nodiscard]] ReadableHalf* as_stream() noexcept { return std::get_if<ReadableHalf>(&data_); }
  [[nodiscard]] const ErrorContextRef* as_error_context() const noexcept {
    return std::get_if<ErrorContextRef>(&data_);
  }
  /// A string in UTF-8, whatever it is held in.
  [[nodiscard]] std::string to_utf8() const;
  /// Elements of a list or fields of a record, however they are held.
  [[nodiscard]] std::size_t length() const noexcept;

 private:
  using Data = std::variant<
      std::uint64_t,
      Text,
      ScalarList,
      Fields,
      Case,
      ResourceRep,
      BorrowedRep,
      ReadableHalf,
      ErrorContextRef>;
  explicit Value(std::uint64_t bits) : data_(bits) {}
  explicit Value(Data data) : data_(std::move(data)) {}

  Data data_;
};

/// Element `index` of a list held as scalars, as a Value of its own.
///
/// @param kind  the element's type
[[nodiscard]] Value scalar_at(const Value::ScalarList& list, std::size_t index, TypeKind kind);

/// Whether two values of a type are the same. NaNs are the same as each other; handles are compared
/// by what they stand for.
[[nodiscard]] bool equal(const Value& a, const Value& b, const Type& type);

/// A value as people write it, like WAVE: `{a: 1, b: some("x")}`. Long ones are cut.
[[nodiscard]] std::string to_text(const Value& value, const Type& type);

}  // namespace whorl::component
