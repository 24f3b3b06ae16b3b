#include "values.hpp"

#include "component/utf8.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <optional>

namespace whorl::conformance {
namespace {

namespace json = boost::json;
using component::Member;
using component::Type;
using component::TypeKind;
using component::TypeRef;
using component::Value;

std::unexpected<Failure> refuse(const json::value& constant, const TypeRef& type) {
  return failed(
      Failure::Kind::Script,
      fmt::format("the constant {} is not a {}", json::serialize(constant), component::to_wit(type))
  );
}

/// Decimal, within the bits and the sign of the type.
template <class Int>
std::optional<Int> number(const json::value& value) {
  if (!value.is_string()) {
    return std::nullopt;
  }
  const std::string_view text = value.get_string();
  Int out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool whole = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return whole ? std::optional(out) : std::nullopt;
}

template <class Int>
std::optional<Value> integer(const json::value& value) {
  const auto read = number<Int>(value);
  if (!read) {
    return std::nullopt;
  }
  if constexpr (std::is_signed_v<Int>) {
    return Value::signed_int(*read);
  } else {
    return Value::unsigned_int(*read);
  }
}

/// Bits in decimal; NaN patterns stand for a NaN.
std::optional<Value> floating(const json::value& value, TypeKind kind) {
  if (value.is_string() && value.get_string().starts_with("nan")) {
    return kind == TypeKind::F32 ? Value::f32(std::bit_cast<float>(0x7fc0'0000U))
                                 : Value::f64(std::bit_cast<double>(0x7ff8'0000'0000'0000ULL));
  }
  if (kind == TypeKind::F32) {
    const auto bits = number<std::uint32_t>(value);
    return bits ? std::optional(Value::f32(std::bit_cast<float>(*bits))) : std::nullopt;
  }
  const auto bits = number<std::uint64_t>(value);
  return bits ? std::optional(Value::f64(std::bit_cast<double>(*bits))) : std::nullopt;
}

/// The one code point of a text.
std::optional<Value> character(const json::value& value) {
  if (!value.is_string() || value.get_string().empty()) {
    return std::nullopt;
  }
  const std::string_view text = value.get_string();
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() != size || !component::is_valid_utf8(text)) {
    return std::nullopt;
  }
  char32_t out = size == 1 ? lead : lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    out = out << 6U | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  return Value::character(out);
}

std::optional<Value> scalar(const json::value& value, TypeKind kind) {
  switch (kind) {
    case TypeKind::Bool:
      return value.is_bool() ? std::optional(Value::boolean(value.get_bool())) : std::nullopt;
    case TypeKind::U8:
      return integer<std::uint8_t>(value);
    case TypeKind::S8:
      return integer<std::int8_t>(value);
    case TypeKind::U16:
      return integer<std::uint16_t>(value);
    case TypeKind::S16:
      return integer<std::int16_t>(value);
    case TypeKind::U32:
      return integer<std::uint32_t>(value);
    case TypeKind::S32:
      return integer<std::int32_t>(value);
    case TypeKind::U64:
      return integer<std::uint64_t>(value);
    case TypeKind::S64:
      return integer<std::int64_t>(value);
    case TypeKind::F32:
    case TypeKind::F64:
      return floating(value, kind);
    case TypeKind::Char:
      return character(value);
    case TypeKind::String:
      return value.is_string() ? std::optional(Value::string(value.get_string())) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<std::uint32_t> index_of(const Type& type, std::string_view name) {
  for (std::uint32_t i = 0; i < type.members.size(); ++i) {
    if (type.members[i].name == name) {
      return i;
    }
  }
  return std::nullopt;
}

Outcome<Value> list(const json::value& constant, const json::value& value, const TypeRef& type) {
  const json::array* items = value.if_array();
  if (items == nullptr || (type->kind == TypeKind::FixedList && items->size() != type->length)) {
    return refuse(constant, type);
  }
  Value::Fields out;
  for (const json::value& item : *items) {
    auto element = to_value(item, type->element);
    if (!element) {
      return element;
    }
    out.push_back(*std::move(element));
  }
  return Value::list(std::move(out));
}

/// Fields by place; those of a record are pairs of name and value.
Outcome<Value> record(const json::value& constant, const json::value& value, const TypeRef& type) {
  const json::array* items = value.if_array();
  if (items == nullptr || items->size() != type->members.size()) {
    return refuse(constant, type);
  }
  Value::Fields out;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const json::value* item = &(*items)[i];
    if (type->kind == TypeKind::Record) {
      const json::array* pair = item->if_array();
      if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() ||
          (*pair)[0].get_string() != type->members[i].name) {
        return refuse(constant, type);
      }
      item = &(*pair)[1];
    }
    auto field = to_value(*item, type->members[i].type);
    if (!field) {
      return field;
    }
    out.push_back(*std::move(field));
  }
  return Value::record(std::move(out));
}

Outcome<Value> with_payload(
    std::uint32_t index,
    const json::value* payload,
    const TypeRef& type,
    const json::value& constant
) {
  if (type == nullptr) {
    return payload == nullptr || payload->is_null() ? Outcome<Value>(Value::variant(index))
                                                    : refuse(constant, type);
  }
  if (payload == nullptr) {
    return refuse(constant, type);
  }
  auto value = to_value(*payload, type);
  if (!value) {
    return value;
  }
  return Value::variant(index, *std::move(value));
}

Outcome<Value> variant(const json::value& constant, const TypeRef& type) {
  // As json-from-wast writes it: {"type": "variant", "value": {"case": …, "payload": …}}.
  const json::object* whole = constant.if_object();
  const json::value* inner = whole->if_contains("value");
  const json::object* object = inner != nullptr ? inner->if_object() : whole;
  const json::value* name = object == nullptr ? nullptr : object->if_contains("case");
  if (name == nullptr || !name->is_string()) {
    return refuse(constant, type);
  }
  const auto index = index_of(*type, name->get_string());
  if (!index) {
    return refuse(constant, type);
  }
  return with_payload(*index, object->if_contains("payload"), type->members[*index].type, constant);
}

Outcome<Value> result(const json::value& constant, const json::value& value, const TypeRef& type) {
  const json::object* object = value.if_object();
  if (object == nullptr || object->size() != 1) {
    return refuse(constant, type);
  }
  const bool is_ok = object->begin()->key() == "Ok" || object->begin()->key() == "ok";
  return with_payload(
      is_ok ? 0 : 1, &object->begin()->value(), is_ok ? type->element : type->other, constant
  );
}

Outcome<Value> labels(const json::value& constant, const json::value& value, const TypeRef& type) {
  const json::array* names = value.if_array();
  std::uint32_t bits = 0;
  for (const json::value& name : names != nullptr ? *names : json::array()) {
    const auto index = name.is_string() ? index_of(*type, name.get_string()) : std::nullopt;
    if (!index) {
      return refuse(constant, type);
    }
    bits |= std::uint32_t{1} << *index;
  }
  return names == nullptr ? Outcome<Value>(refuse(constant, type)) : Value::flags(bits);
}

}  // namespace

Outcome<Value> to_value(const json::value& constant, const TypeRef& type) {
  const json::object* object = constant.if_object();
  const json::value* kind = object == nullptr ? nullptr : object->if_contains("type");
  if (kind == nullptr || !kind->is_string() ||
      kind->get_string() != component::to_string(type->kind)) {
    return refuse(constant, type);
  }
  static const json::value kNull;
  const json::value* found = object->if_contains("value");
  const json::value& value = found == nullptr ? kNull : *found;
  switch (type->kind) {
    case TypeKind::List:
    case TypeKind::FixedList:
      return list(constant, value, type);
    case TypeKind::Record:
    case TypeKind::Tuple:
      return record(constant, value, type);
    case TypeKind::Variant:
      return variant(constant, type);
    case TypeKind::Enum: {
      const auto index = value.is_string() ? index_of(*type, value.get_string()) : std::nullopt;
      return index ? Outcome<Value>(Value::enumeration(*index)) : refuse(constant, type);
    }
    case TypeKind::Option:
      return value.is_null() ? Outcome<Value>(Value::none())
                             : with_payload(1, &value, type->element, constant);
    case TypeKind::Result:
      return result(constant, value, type);
    case TypeKind::Flags:
      return labels(constant, value, type);
    default: {
      auto simple = scalar(value, type->kind);
      return simple ? Outcome<Value>(*std::move(simple)) : refuse(constant, type);
    }
  }
}

}  // namespace whorl::conformance
