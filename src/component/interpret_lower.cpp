// From Values to core values and memory.
#include "component/abi_layout.hpp"
#include "component/interpret.hpp"
#include "component/interpret_scalar.hpp"

#include <utility>

namespace whorl::component {
namespace {

using engine::RawVal;
using namespace interpret;  // lint: allow(using_namespace) what both directions share

constexpr const char* kMisfit = "the host's value does not fit its type";

/// Whether a host's scalar is one of the type's.
bool fits(std::uint64_t bits, const TypeLayout& type) {
  switch (type.kind) {
    case TypeKind::Bool:
      return bits <= 1;
    case TypeKind::S8:
    case TypeKind::S16:
    case TypeKind::S32:
      return lifted(bits, type) == bits;
    case TypeKind::U8:
    case TypeKind::U16:
    case TypeKind::U32:
    case TypeKind::F32:
      return bits >> (type.size * 8) == 0;
    case TypeKind::Flags:
      return (bits & ~std::uint64_t{type.mask}) == 0;
    default:
      return refusal(bits, type) == nullptr;
  }
}

std::uint64_t lower_scalar(LowerContext& cx, const Value& value, const TypeLayout& type) {
  if (!value.is_scalar() || !fits(value.bits(), type)) [[unlikely]] {
    cx.fail(kMisfit);
    return 0;
  }
  return value.bits();
}

/// A stream, future or error context.
std::uint32_t lower_async(LowerContext& cx, Value& value, const TypeLayout& type) {
  if (type.kind == TypeKind::ErrorContext) {
    const ErrorContextRef* context = value.as_error_context();
    if (context == nullptr) [[unlikely]] {
      cx.fail(kMisfit);
      return 0;
    }
    return lower_error_context(cx, *context);
  }
  ReadableHalf* half = value.as_stream();
  const auto kind =
      type.kind == TypeKind::Stream ? SharedStream::Kind::Stream : SharedStream::Kind::Future;
  if (half == nullptr || half->shared() == nullptr || half->shared()->kind() != kind) [[unlikely]] {
    cx.fail(kMisfit);
    return 0;
  }
  return lower_async_value(cx, std::move(*half));
}

std::uint32_t lower_handle(LowerContext& cx, Value& value, const TypeLayout& type) {
  const bool is_host = type.resource->host != nullptr;
  if (type.kind == TypeKind::Borrow) {
    const BorrowedRep* rep = value.as_borrow();
    if (rep == nullptr || (rep->object != nullptr) != is_host) [[unlikely]] {
      cx.fail(kMisfit);
      return 0;
    }
    return cx.lower_borrow(*type.resource, *rep);
  }
  ResourceRep* rep = value.as_own();
  if (rep == nullptr || (rep->object() != nullptr) != is_host) [[unlikely]] {
    cx.fail(kMisfit);
    return 0;
  }
  return cx.lower_own(resource_key(*type.resource), std::move(*rep));
}

LowerContext::Range lower_string(LowerContext& cx, const Value& value) {
  const Value::Text* text = value.as_text();
  if (text == nullptr) [[unlikely]] {
    cx.fail(kMisfit);
    return {};
  }
  // What lies in a guest's memory was checked when it was lifted, and nothing ran there since.
  if (!text->bytes.is_view() && check_text(text->bytes.bytes(), text->form) != nullptr)
      [[unlikely]] {
    cx.fail("a string of the host is not valid text");
    return {};
  }
  return cx.store_string_into_range(TextSource{text->bytes.source(), text->form});
}

/// Elements that are in memory what they are in the list.
void store_scalars(
    LowerContext& cx, const Value::ScalarList& list, const TypeLayout& element, std::uint32_t offset
) {
  const ByteView from = list.bytes.bytes();
  if (from.size() != list.bytes.size()) [[unlikely]] {
    return cx.fail("a list changed while it was passed on");
  }
  const auto look = [&](std::size_t begin, std::size_t end) {
    for (std::size_t at = begin; at < end; at += element.size) {
      const std::uint64_t bits = load_bits(from.data() + at, element.size);
      if (!fits(bits, element)) [[unlikely]] {
        return cx.fail(kMisfit);
      }
    }
  };
  if (is_any_allowed(element.kind) || for_pieces(cx, from.size(), kPieceBytes, look)) {
    cx.copy_to(offset, from);
  }
}

/// Whether a Value is a list that the element type can be taken from.
bool is_list_of(const Value& value, const TypeLayout& element) {
  const Value::ScalarList* scalars = value.as_scalars();
  return scalars != nullptr ? element.is_scalar && scalars->elem_size == element.size
                            : value.as_fields() != nullptr;
}

void store_list_into_valid_range(
    LowerContext& cx, Value& value, const TypeLayout& element, std::uint32_t offset
) {
  if (const Value::ScalarList* scalars = value.as_scalars()) {
    return store_scalars(cx, *scalars, element, offset);
  }
  Value::Fields& parts = *value.as_fields();
  const auto store_some = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end && !cx.failed(); ++i) {
      store(cx, parts[i], element, offset);
      parts[i] = {};  // what it held is freed now, not with all others at once
      offset += element.size;
    }
  };
  (void)for_pieces(cx, parts.size(), kPieceItems, store_some);
}

LowerContext::Range store_list_into_range(
    LowerContext& cx, Value& value, const TypeLayout& element
) {
  if (!is_list_of(value, element)) [[unlikely]] {
    cx.fail(kMisfit);
    return {};
  }
  const LowerContext::Range range =
      cx.allocate_list(value.length(), element.size, element.alignment);
  if (!cx.failed()) [[likely]] {
    store_list_into_valid_range(cx, value, element, range.ptr);
  }
  return range;
}

bool is_fixed_list(LowerContext& cx, const Value& value, const TypeLayout& type) {
  if (!is_list_of(value, *type.element) || value.length() != type.length) [[unlikely]] {
    cx.fail(kMisfit);
    return false;
  }
  return true;
}

/// The fields of a record or tuple; null, and failed, if there are more or fewer.
Value::Fields* fields_of(LowerContext& cx, Value& value, const TypeLayout& type) {
  Value::Fields* fields = value.as_fields();
  if (fields == nullptr || fields->size() != type.parts.size()) [[unlikely]] {
    cx.fail(kMisfit);
    return nullptr;
  }
  return fields;
}

void store_record(
    LowerContext& cx, std::span<Value> fields, const TypeLayout& type, std::uint32_t offset
) {
  for (std::size_t i = 0; i < fields.size() && !cx.failed(); ++i) {
    store(cx, fields[i], *type.parts[i].type, offset + type.parts[i].offset);
  }
}

/// The case of a variant; null, and failed, unless the value is one of the type's.
const TypeLayout::Part* match_case(LowerContext& cx, const Value& value, const TypeLayout& type) {
  const Value::Case* chosen = value.as_case();
  if (chosen == nullptr || chosen->index >= type.parts.size() ||
      (chosen->payload != nullptr) != (type.parts[chosen->index].type != nullptr)) [[unlikely]] {
    cx.fail(kMisfit);
    return nullptr;
  }
  return &type.parts[chosen->index];
}

void store_variant(LowerContext& cx, Value& value, const TypeLayout& type, std::uint32_t offset) {
  const TypeLayout::Part* part = match_case(cx, value, type);
  if (part == nullptr) [[unlikely]] {
    return;
  }
  store_bits(cx.at(offset), value.as_case()->index, type.discriminant_size);
  if (part->type != nullptr) {
    store(cx, *value.as_case()->payload, *part->type, offset + part->offset);
  }
}

void lower_flat_fixed_list(LowerContext& cx, Value& value, const TypeLayout& type, RawVal* slots) {
  if (!is_fixed_list(cx, value, type)) [[unlikely]] {
    return;
  }
  for (std::size_t i = 0; i < type.length; ++i) {
    RawVal* const at = slots + i * type.element->flat_count;
    if (const Value::ScalarList* scalars = value.as_scalars()) {
      Value element = scalar_at(*scalars, i, type.element->kind);
      lower_flat(cx, element, *type.element, at);
    } else {
      lower_flat(cx, (*value.as_fields())[i], *type.element, at);
    }
  }
}

void lower_flat_record(
    LowerContext& cx, std::span<Value> fields, const TypeLayout& type, RawVal* slots
) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    lower_flat(cx, fields[i], *type.parts[i].type, slots + type.parts[i].flat_offset);
  }
}

void lower_flat_variant(LowerContext& cx, Value& value, const TypeLayout& type, RawVal* slots) {
  const TypeLayout::Part* part = match_case(cx, value, type);
  if (part == nullptr) [[unlikely]] {
    return;
  }
  slots[0].u64 = value.as_case()->index;
  std::uint32_t filled = 1;
  if (part->type != nullptr) {
    lower_flat(cx, *value.as_case()->payload, *part->type, slots + 1);
    filled += part->type->flat_count;
  }
  for (std::uint32_t i = filled; i < type.flat_count; ++i) {
    slots[i].u64 = 0;
  }
}

void put(RawVal* slots, LowerContext::Range range) {
  slots[0].u64 = range.ptr;
  slots[1].u64 = range.length;
}

void put(LowerContext& cx, std::uint32_t offset, LowerContext::Range range) {
  store_bits(cx.at(offset), range.ptr, 4);
  store_bits(cx.at(offset) + 4, range.length, 4);
}

}  // namespace

void store(LowerContext& cx, Value& value, const TypeLayout& type, std::uint32_t offset) {
  switch (type.kind) {
    case TypeKind::String: {
      const auto range = lower_string(cx, value);
      return put(cx, offset, range);
    }
    case TypeKind::List:
    case TypeKind::Map: {
      const auto range = store_list_into_range(cx, value, *type.element);
      return put(cx, offset, range);
    }
    case TypeKind::FixedList:
      if (is_fixed_list(cx, value, type)) {
        store_list_into_valid_range(cx, value, *type.element, offset);
      }
      return;
    case TypeKind::Record:
    case TypeKind::Tuple:
      if (Value::Fields* fields = fields_of(cx, value, type)) {
        store_record(cx, *fields, type, offset);
      }
      return;
    case TypeKind::Variant:
    case TypeKind::Option:
    case TypeKind::Result:
      return store_variant(cx, value, type, offset);
    case TypeKind::Own:
    case TypeKind::Borrow: {
      const std::uint32_t index = lower_handle(cx, value, type);
      return store_bits(cx.at(offset), index, 4);
    }
    case TypeKind::Stream:
    case TypeKind::Future:
    case TypeKind::ErrorContext: {
      const std::uint32_t index = lower_async(cx, value, type);
      return store_bits(cx.at(offset), index, 4);
    }
    default: {
      const std::uint64_t bits = lower_scalar(cx, value, type);
      return store_bits(cx.at(offset), bits, type.size);
    }
  }
}

void lower_flat(LowerContext& cx, Value& value, const TypeLayout& type, RawVal* slots) {
  switch (type.kind) {
    case TypeKind::String:
      return put(slots, lower_string(cx, value));
    case TypeKind::List:
    case TypeKind::Map:
      return put(slots, store_list_into_range(cx, value, *type.element));
    case TypeKind::FixedList:
      return lower_flat_fixed_list(cx, value, type, slots);
    case TypeKind::Record:
    case TypeKind::Tuple:
      if (Value::Fields* fields = fields_of(cx, value, type)) {
        lower_flat_record(cx, *fields, type, slots);
      }
      return;
    case TypeKind::Variant:
    case TypeKind::Option:
    case TypeKind::Result:
      return lower_flat_variant(cx, value, type, slots);
    case TypeKind::Own:
    case TypeKind::Borrow:
      slots[0].u64 = lower_handle(cx, value, type);
      return;
    case TypeKind::Stream:
    case TypeKind::Future:
    case TypeKind::ErrorContext:
      slots[0].u64 = lower_async(cx, value, type);
      return;
    default: {
      const std::uint64_t bits = lower_scalar(cx, value, type);
      // Signed ones of up to 32 bits are extended to the i32 they are passed as, and no further.
      slots[0].u64 = type.size == 8 ? bits : static_cast<std::uint32_t>(bits);
      return;
    }
  }
}

void lower_flat_values(
    LowerContext& cx,
    std::size_t max_flat,
    std::span<Value> values,
    const TypeLayout& tuple,
    RawVal* slots,
    std::optional<std::uint32_t> out_param
) {
  if (values.size() != tuple.parts.size()) [[unlikely]] {
    return cx.fail(kMisfit);
  }
  if (tuple.flat_count <= max_flat) {
    return lower_flat_record(cx, values, tuple, slots);
  }
  std::uint32_t ptr = 0;
  if (out_param) {
    ptr = *out_param;
    if (!cx.accept(ptr, tuple.size, tuple.alignment)) [[unlikely]] {
      return;
    }
  } else {
    ptr = cx.allocate(tuple.size, tuple.alignment);
    slots[0].u64 = ptr;
  }
  if (!cx.failed()) [[likely]] {
    store_record(cx, values, tuple, ptr);
  }
}

void lower_params(
    LowerContext& cx,
    const FuncLayout& func,
    std::span<Value> values,
    RawVal* slots,
    std::size_t max_flat
) {
  lower_flat_values(cx, max_flat, values, *func.params, slots);
}

void lower_result(
    LowerContext& cx,
    const FuncLayout& func,
    std::optional<Value>& value,
    RawVal* slots,
    std::uint32_t out_param,
    std::size_t max_flat
) {
  if (value.has_value() != (func.result != nullptr)) [[unlikely]] {
    return cx.fail(kMisfit);
  }
  if (!value) {
    return;
  }
  if (!func.result_spills(max_flat)) {
    return lower_flat(cx, *value, *func.result, slots);
  }
  if (cx.accept(out_param, func.result->size, func.result->alignment)) [[likely]] {
    store(cx, *value, *func.result, out_param);
  }
}

}  // namespace whorl::component
