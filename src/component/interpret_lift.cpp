// From core values and memory to Values.
#include "component/abi_layout.hpp"
#include "component/interpret.hpp"
#include "component/interpret_scalar.hpp"

#include <algorithm>
#include <utility>

namespace whorl::component {
namespace {

using engine::RawVal;
using namespace interpret;  // lint: allow(using_namespace) what both directions share

Value lift_scalar(LiftContext& cx, std::uint64_t bits, const TypeLayout& type) {
  if (const char* wrong = refusal(bits, type)) [[unlikely]] {
    cx.fail(wrong);
    return {};
  }
  return Value::unsigned_int(lifted(bits, type));
}

Value lift_handle(LiftContext& cx, std::uint32_t index, const TypeLayout& type) {
  const ResourceKey key = resource_key(*type.resource);
  if (type.kind == TypeKind::Own) {
    return Value::own(cx.lift_own(index, key));
  }
  return Value::borrow(cx.lift_borrow(index, key));
}

/// A stream, future or error context.
Value lift_async(LiftContext& cx, std::uint32_t index, const TypeLayout& type) {
  if (type.kind == TypeKind::ErrorContext) {
    return Value::error_context(lift_error_context(cx, index));
  }
  const auto kind =
      type.kind == TypeKind::Stream ? SharedStream::Kind::Stream : SharedStream::Kind::Future;
  return Value::stream(lift_async_value(cx, index, kind, type.payload));
}

Value load_string_from_range(LiftContext& cx, std::uint32_t ptr, std::uint32_t tagged_code_units) {
  const LiftContext::Text text = cx.load_text_from_range(ptr, tagged_code_units);
  if (cx.failed()) [[unlikely]] {
    return {};
  }
  const auto size = static_cast<std::uint32_t>(text.bytes.size());
  return Value::text(
      {cx.view_memory() != nullptr ? Blob::view_of(*cx.view_memory(), ptr, size)
                                   : Blob::copy_of(text.bytes),
       text.form}
  );
}

/// Whether scalars in memory are already what they stand for; fails for those that are nothing.
bool is_normal(LiftContext& cx, ByteView bytes, const TypeLayout& type) {
  bool normal = true;
  const auto look = [&](std::size_t from, std::size_t end) {
    for (std::size_t at = from; at < end; at += type.size) {
      const std::uint64_t bits = load_bits(bytes.data() + at, type.size);
      if (const char* wrong = refusal(bits, type)) [[unlikely]] {
        return cx.fail(wrong);
      }
      normal = normal && lifted(bits, type) == bits;
    }
  };
  return for_pieces(cx, bytes.size(), kPieceBytes, look) && normal;
}

/// @param at   the elements
/// @param ptr  their offset; none if they may not be viewed
Value load_scalars(
    LiftContext& cx,
    const std::uint8_t* at,
    std::uint32_t length,
    const TypeLayout& element,
    std::optional<std::uint32_t> ptr
) {
  const ByteView bytes(at, std::size_t{length} * element.size);
  const auto elem_size = static_cast<std::uint8_t>(element.size);
  bool normal = true;
  if (!is_any_allowed(element.kind)) {
    // Lists may repeat the same bytes: looking through them is work to account for.
    normal = cx.charge(bytes.size()) && is_normal(cx, bytes, element);
  }
  if (normal && ptr && cx.view_memory() != nullptr) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    return Value::scalar_list({Blob::view_of(*cx.view_memory(), *ptr, size), elem_size});
  }
  if (cx.failed() || !cx.charge(bytes.size())) [[unlikely]] {
    return {};
  }
  Value::ScalarList list{Blob::of_size(bytes.size()), elem_size};
  std::uint8_t* const to = list.bytes.data();
  const auto copy = [&](std::size_t from, std::size_t end) {
    std::copy(at + from, at + end, to + from);
    for (std::size_t i = from; !normal && i < end; i += element.size) {
      store_bits(to + i, lifted(load_bits(to + i, element.size), element), element.size);
    }
  };
  (void)for_pieces(cx, bytes.size(), kPieceBytes, copy);
  return Value::scalar_list(std::move(list));
}

/// What was lifted before a failure, which may be millions of values.
void free_in_pieces(LiftContext& cx, Value::Fields& values) {
  while (values.size() > kPieceItems && cx.go_on()) {
    values.erase(values.end() - kPieceItems, values.end());
  }
  values.clear();
}

Value load_list_from_valid_range(
    LiftContext& cx,
    const std::uint8_t* at,
    std::uint32_t length,
    const TypeLayout& element,
    std::optional<std::uint32_t> ptr
) {
  if (element.is_scalar) {
    return load_scalars(cx, at, length, element, ptr);
  }
  Value::Fields elements;
  if (!cx.charge(std::uint64_t{length} * sizeof(Value))) [[unlikely]] {
    return {};
  }
  elements.reserve(length);
  const auto load_some = [&](std::size_t from, std::size_t end) {
    for (std::size_t i = from; i < end && !cx.failed(); ++i) {
      elements.push_back(load(cx, at + i * element.size, element));
    }
  };
  if (!for_pieces(cx, length, kPieceItems, load_some)) [[unlikely]] {
    free_in_pieces(cx, elements);
    return {};
  }
  return Value::list(std::move(elements));
}

Value load_list_from_range(
    LiftContext& cx, std::uint32_t ptr, std::uint32_t length, const TypeLayout& element
) {
  const std::uint8_t* at = cx.load_list_from_range(ptr, length, element.size, element.alignment);
  if (at == nullptr) [[unlikely]] {
    return {};
  }
  return load_list_from_valid_range(cx, at, length, element, ptr);
}

Value load_record(LiftContext& cx, const std::uint8_t* at, const TypeLayout& type) {
  Value::Fields fields;
  if (!cx.charge(type.parts.size() * sizeof(Value))) [[unlikely]] {
    return {};
  }
  fields.reserve(type.parts.size());
  for (const TypeLayout::Part& part : type.parts) {
    fields.push_back(load(cx, at + part.offset, *part.type));
  }
  return Value::record(std::move(fields));
}

/// The case of a variant; null after a failure.
const TypeLayout::Part* checked_case(LiftContext& cx, std::uint64_t index, const TypeLayout& type) {
  if (index >= type.parts.size()) [[unlikely]] {
    cx.fail("invalid variant discriminant: out of range");
    return nullptr;
  }
  return &type.parts[index];
}

Value load_variant(LiftContext& cx, const std::uint8_t* at, const TypeLayout& type) {
  const std::uint64_t index = load_bits(at, type.discriminant_size);
  const TypeLayout::Part* part = checked_case(cx, index, type);
  if (part == nullptr || part->type == nullptr || !cx.charge(sizeof(Value))) {
    return Value::variant(static_cast<std::uint32_t>(index));
  }
  return Value::variant(
      static_cast<std::uint32_t>(index), load(cx, at + part->offset, *part->type)
  );
}

Value lift_flat_fixed_list(LiftContext& cx, const RawVal* slots, const TypeLayout& type) {
  Value::Fields elements;
  for (std::uint32_t i = 0; i < type.length && !cx.failed(); ++i) {
    elements.push_back(
        lift_flat(cx, slots + std::size_t{i} * type.element->flat_count, *type.element)
    );
  }
  return Value::list(std::move(elements));
}

Value lift_flat_record(LiftContext& cx, const RawVal* slots, const TypeLayout& type) {
  Value::Fields fields;
  fields.reserve(type.parts.size());
  for (const TypeLayout::Part& part : type.parts) {
    fields.push_back(lift_flat(cx, slots + part.flat_offset, *part.type));
  }
  return Value::record(std::move(fields));
}

/// A payload's core values are where its type wants them: a value that the join widened is the
/// zero-extended bits of the narrow one, and the narrow one is what is read.
Value lift_flat_variant(LiftContext& cx, const RawVal* slots, const TypeLayout& type) {
  const std::uint32_t index = slots[0].u32;
  const TypeLayout::Part* part = checked_case(cx, index, type);
  if (part == nullptr || part->type == nullptr) {
    return Value::variant(index);
  }
  return Value::variant(index, lift_flat(cx, slots + part->flat_offset, *part->type));
}

/// The low bits that a scalar of that size takes of a core value.
std::uint64_t narrowed(std::uint64_t bits, const TypeLayout& type) {
  // Booleans, enums and chars are checked as the i32 they are.
  const bool is_whole =
      type.kind == TypeKind::Bool || type.kind == TypeKind::Enum || type.kind == TypeKind::Flags;
  const std::uint32_t size = is_whole ? 4 : type.size;
  return size == 8 ? bits : bits & ((std::uint64_t{1} << (size * 8)) - 1);
}

}  // namespace

Value load(LiftContext& cx, const std::uint8_t* at, const TypeLayout& type) {
  switch (type.kind) {
    case TypeKind::String:
      return load_string_from_range(
          cx,
          static_cast<std::uint32_t>(load_bits(at, 4)),
          static_cast<std::uint32_t>(load_bits(at + 4, 4))
      );
    case TypeKind::List:
    case TypeKind::Map:
      return load_list_from_range(
          cx,
          static_cast<std::uint32_t>(load_bits(at, 4)),
          static_cast<std::uint32_t>(load_bits(at + 4, 4)),
          *type.element
      );
    case TypeKind::FixedList:
      return load_list_from_valid_range(cx, at, type.length, *type.element, std::nullopt);
    case TypeKind::Record:
    case TypeKind::Tuple:
      return load_record(cx, at, type);
    case TypeKind::Variant:
    case TypeKind::Option:
    case TypeKind::Result:
      return load_variant(cx, at, type);
    case TypeKind::Own:
    case TypeKind::Borrow:
      return lift_handle(cx, static_cast<std::uint32_t>(load_bits(at, 4)), type);
    case TypeKind::Stream:
    case TypeKind::Future:
    case TypeKind::ErrorContext:
      return lift_async(cx, static_cast<std::uint32_t>(load_bits(at, 4)), type);
    default:
      return lift_scalar(cx, load_bits(at, type.size), type);
  }
}

Value lift_flat(LiftContext& cx, const RawVal* slots, const TypeLayout& type) {
  switch (type.kind) {
    case TypeKind::String:
      return load_string_from_range(cx, slots[0].u32, slots[1].u32);
    case TypeKind::List:
    case TypeKind::Map:
      return load_list_from_range(cx, slots[0].u32, slots[1].u32, *type.element);
    case TypeKind::FixedList:
      return lift_flat_fixed_list(cx, slots, type);
    case TypeKind::Record:
    case TypeKind::Tuple:
      return lift_flat_record(cx, slots, type);
    case TypeKind::Variant:
    case TypeKind::Option:
    case TypeKind::Result:
      return lift_flat_variant(cx, slots, type);
    case TypeKind::Own:
    case TypeKind::Borrow:
      return lift_handle(cx, slots[0].u32, type);
    case TypeKind::Stream:
    case TypeKind::Future:
    case TypeKind::ErrorContext:
      return lift_async(cx, slots[0].u32, type);
    default:
      return lift_scalar(cx, narrowed(slots[0].u64, type), type);
  }
}

std::vector<Value> lift_flat_values(
    LiftContext& cx, std::size_t max_flat, const RawVal* slots, const TypeLayout& tuple
) {
  const bool is_spilled = tuple.flat_count > max_flat;
  const std::uint8_t* at = nullptr;
  if (is_spilled) {
    at = cx.range(slots[0].u32, tuple.size, tuple.alignment);
    if (at == nullptr) [[unlikely]] {
      return {};
    }
  }
  Value all = is_spilled ? load(cx, at, tuple) : lift_flat(cx, slots, tuple);
  Value::Fields* fields = all.as_fields();
  return fields == nullptr ? std::vector<Value>() : std::move(*fields);
}

std::vector<Value> lift_params(
    LiftContext& cx, const FuncLayout& func, const RawVal* slots, std::size_t max_flat
) {
  return lift_flat_values(cx, max_flat, slots, *func.params);
}

std::optional<Value> lift_result(
    LiftContext& cx, const FuncLayout& func, const RawVal* slots, std::size_t max_flat
) {
  if (func.result == nullptr) {
    return std::nullopt;
  }
  if (!func.result_spills(max_flat)) {
    return lift_flat(cx, slots, *func.result);
  }
  const std::uint8_t* at = cx.range(slots[0].u32, func.result->size, func.result->alignment);
  return at == nullptr ? std::nullopt : std::optional(load(cx, at, *func.result));
}

}  // namespace whorl::component
