#include "component/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace whorl::component {

Blob Blob::copy_of(ByteView bytes) {
  Blob blob = of_size(bytes.size());
  if (!bytes.empty()) {
    std::memcpy(blob.owned_.get(), bytes.data(), bytes.size());
  }
  return blob;
}

Blob Blob::of_size(std::size_t size) {
  Blob blob;
  blob.size_ = static_cast<std::uint32_t>(size);
  if (size != 0) {
    blob.owned_ = std::make_unique_for_overwrite<std::uint8_t[]>(size);
  }
  return blob;
}

Blob Blob::view_of(GuestMemory& memory, std::uint32_t ptr, std::uint32_t size) {
  Blob blob;
  blob.memory_ = &memory;
  blob.ptr_ = ptr;
  blob.size_ = size;
  return blob;
}

Value Value::f32(float value) {
  return Value(std::uint64_t{std::bit_cast<std::uint32_t>(value)});
}

Value Value::f64(double value) {
  return Value(std::bit_cast<std::uint64_t>(value));
}

Value Value::string(std::string_view text) {
  return Value::text({Blob::copy_of(as_bytes(text)), TextForm::Utf8});
}

Value Value::scalars(ByteView bytes, std::uint8_t elem_size) {
  return scalar_list({Blob::copy_of(bytes), elem_size});
}

Value Value::variant(std::uint32_t index, std::optional<Value> payload) {
  Case made{index, nullptr};
  if (payload) {
    made.payload = std::make_unique<Value>(std::move(*payload));
  }
  return Value(Data(std::move(made)));
}

std::string Value::to_utf8() const {
  const Text* text = as_text();
  if (text == nullptr) {
    return {};
  }
  const ByteView from = text->bytes.bytes();
  std::string out(max_utf8_size(from.size(), text->form), '\0');
  const MutableByteView to(reinterpret_cast<std::uint8_t*>(out.data()), out.size());
  out.resize(component::to_utf8(from, text->form, to).written);
  return out;
}

std::size_t Value::length() const noexcept {
  if (const ScalarList* scalars = as_scalars()) {
    return scalars->length();
  }
  const Fields* fields = as_fields();
  return fields == nullptr ? 0 : fields->size();
}

Value scalar_at(const Value::ScalarList& list, std::size_t index, TypeKind kind) {
  const ByteView bytes = list.bytes.bytes();
  std::uint64_t bits = 0;
  if ((index + 1) * list.elem_size > bytes.size()) {
    return Value();
  }
  std::memcpy(&bits, bytes.data() + index * list.elem_size, list.elem_size);
  switch (kind) {
    case TypeKind::S8:
      return Value::signed_int(static_cast<std::int8_t>(bits));
    case TypeKind::S16:
      return Value::signed_int(static_cast<std::int16_t>(bits));
    case TypeKind::S32:
      return Value::signed_int(static_cast<std::int32_t>(bits));
    default:
      return Value::unsigned_int(bits);
  }
}

namespace {

bool is_nan(std::uint64_t bits, TypeKind kind) {
  return kind == TypeKind::F32 ? std::isnan(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))
                               : std::isnan(std::bit_cast<double>(bits));
}

/// The payload type of a variant's, option's or result's case; null for none.
const Type* payload_type(const Type& type, std::uint32_t index) {
  switch (type.kind) {
    case TypeKind::Variant:
      return index < type.members.size() ? type.members[index].type.get() : nullptr;
    case TypeKind::Option:
      return index == 1 ? type.element.get() : nullptr;
    default:
      return index == 0 ? type.element.get() : type.other.get();
  }
}

/// Calls `visit(Value, Type)` for each element or field until it returns false.
template <class Visit>
bool each(const Value& value, const Type& type, std::size_t index, Visit visit) {
  const auto* scalars = value.as_scalars();
  const bool is_record = type.kind == TypeKind::Record || type.kind == TypeKind::Tuple;
  const Type& part = is_record ? *type.members[index].type : *type.element;
  if (scalars != nullptr) {
    return visit(scalar_at(*scalars, index, part.kind), part);
  }
  return visit((*value.as_fields())[index], part);
}

bool equal_parts(const Value& a, const Value& b, const Type& type) {
  const bool is_record = type.kind == TypeKind::Record || type.kind == TypeKind::Tuple;
  if (a.length() != b.length() || (is_record && a.length() != type.members.size())) {
    return false;
  }
  if (type.kind == TypeKind::Map) {
    for (std::size_t i = 0; i < a.length(); ++i) {
      const auto* left = (*a.as_fields())[i].as_fields();
      const auto* right = (*b.as_fields())[i].as_fields();
      if (left == nullptr || right == nullptr || left->size() != 2 || right->size() != 2 ||
          !equal((*left)[0], (*right)[0], *type.element) ||
          !equal((*left)[1], (*right)[1], *type.other)) {
        return false;
      }
    }
    return true;
  }
  for (std::size_t i = 0; i < a.length(); ++i) {
    const bool same = each(a, type, i, [&](const Value& left, const Type& part) {
      return each(b, type, i, [&](const Value& right, const Type&) {
        return equal(left, right, part);
      });
    });
    if (!same) {
      return false;
    }
  }
  return true;
}

bool equal_cases(const Value& a, const Value& b, const Type& type) {
  const auto* left = a.as_case();
  const auto* right = b.as_case();
  if (left == nullptr || right == nullptr || left->index != right->index ||
      (left->payload == nullptr) != (right->payload == nullptr)) {
    return false;
  }
  const Type* payload = payload_type(type, left->index);
  return left->payload == nullptr || payload == nullptr ||
         equal(*left->payload, *right->payload, *payload);
}

}  // namespace

bool equal(const Value& a, const Value& b, const Type& type) {
  switch (type.kind) {
    case TypeKind::F32:
    case TypeKind::F64:
      return a.bits() == b.bits() || (is_nan(a.bits(), type.kind) && is_nan(b.bits(), type.kind));
    case TypeKind::String:
      return a.to_utf8() == b.to_utf8();
    case TypeKind::Record:
    case TypeKind::Tuple:
    case TypeKind::List:
    case TypeKind::FixedList:
    case TypeKind::Map:
      return equal_parts(a, b, type);
    case TypeKind::Variant:
    case TypeKind::Option:
    case TypeKind::Result:
      return equal_cases(a, b, type);
    case TypeKind::Own:
    case TypeKind::Borrow: {
      const auto identity = [](const Value& value) {
        if (const BorrowedRep* borrow = value.as_borrow()) {
          return std::pair<const void*, std::uint32_t>(borrow->object, borrow->rep);
        }
        const ResourceRep* own = value.as_own();
        return own == nullptr ? std::pair<const void*, std::uint32_t>(nullptr, 0)
                              : std::pair<const void*, std::uint32_t>(own->object(), own->rep());
      };
      return identity(a) == identity(b);
    }
    default:
      return a.is_scalar() && b.is_scalar() && a.bits() == b.bits();
  }
}

}  // namespace whorl::component
