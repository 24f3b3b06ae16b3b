#include "core_values.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

namespace whorl::conformance {
namespace {

namespace json = boost::json;
using engine::RawVal;
using engine::ValType;

std::string_view text_at(const json::value& object, std::string_view key) {
  const json::object* fields = object.if_object();
  const json::value* found = fields == nullptr ? nullptr : fields->if_contains(key);
  return found != nullptr && found->is_string() ? std::string_view(found->get_string())
                                                : std::string_view();
}

/// Decimal, with or without a sign; the low bits.
std::optional<std::uint64_t> parse_bits(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  text.remove_prefix(is_negative ? 1 : 0);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return is_negative ? 0 - value : value;
}

/// Lanes of a vector constant, put together from the lowest.
std::optional<RawVal> parse_vector(const json::value& constant) {
  const std::string_view lane_type = text_at(constant, "lane_type");
  const json::value* lanes = constant.get_object().if_contains("value");
  if (lanes == nullptr || !lanes->is_array() || lanes->get_array().empty()) {
    return std::nullopt;
  }
  const std::size_t width = 16 / lanes->get_array().size();
  RawVal out = {};
  std::size_t at = 0;
  for (const json::value& lane : lanes->get_array()) {
    const auto bits = lane.is_string() ? parse_bits(lane.get_string()) : std::nullopt;
    if (!bits || at + width > 16 || lane_type.empty()) {
      return std::nullopt;
    }
    std::memcpy(out.v128 + at, &*bits, width);
    at += width;
  }
  return out;
}

bool is_nan_pattern(std::string_view text, std::uint64_t bits, ValType type);

/// Compares a vector lane by lane: any of them may be a pattern of NaNs.
bool same_vector(const json::value& expected, const RawVal& got) {
  const json::value* lanes = expected.get_object().if_contains("value");
  const json::array* list = lanes == nullptr ? nullptr : lanes->if_array();
  if (list == nullptr || list->empty() || 16 % list->size() != 0) {
    return false;
  }
  const std::size_t width = 16 / list->size();
  for (std::size_t i = 0; i < list->size(); ++i) {
    const json::value& lane = (*list)[i];
    const std::string_view text = lane.is_string() ? lane.get_string() : std::string_view();
    std::uint64_t bits = 0;
    std::memcpy(&bits, got.v128 + i * width, width);
    if (text.starts_with("nan:")) {
      if (!is_nan_pattern(text, bits, width == 4 ? ValType::F32 : ValType::F64)) {
        return false;
      }
      continue;
    }
    const auto wanted = parse_bits(text);
    const std::uint64_t mask = width == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * width) - 1;
    if (!wanted || (*wanted & mask) != bits) {
      return false;
    }
  }
  return true;
}

std::string_view name_of(ValType type) {
  switch (type) {
    case ValType::I32:
      return "i32";
    case ValType::I64:
      return "i64";
    case ValType::F32:
      return "f32";
    case ValType::F64:
      return "f64";
    case ValType::V128:
      return "v128";
    case ValType::FuncRef:
      return "funcref";
    case ValType::ExternRef:
      return "externref";
    default:
      return "another type";
  }
}

bool is_nan_pattern(std::string_view text, std::uint64_t bits, ValType type) {
  const bool is_f32 = type == ValType::F32;
  const std::uint64_t quiet = is_f32 ? 0x7fc0'0000ULL : 0x7ff8'0000'0000'0000ULL;
  const std::uint64_t magnitude = is_f32 ? bits & 0x7fff'ffffULL : bits & 0x7fff'ffff'ffff'ffffULL;
  return text == "nan:canonical" ? magnitude == quiet : (magnitude & quiet) == quiet;
}

std::uint64_t bits_of(const RawVal& value, ValType type) {
  return type == ValType::I32 || type == ValType::F32 ? value.u32 : value.u64;
}

}  // namespace

Outcome<RawVal> to_raw(const json::value& constant, ValType type) {
  const std::string_view given = text_at(constant, "type");
  const auto refuse = [&] {
    return failed(
        Failure::Kind::Script,
        fmt::format("{} is not a constant of type {}", json::serialize(constant), name_of(type))
    );
  };
  if (given != name_of(type)) {
    return refuse();
  }
  if (type == ValType::V128) {
    const auto value = parse_vector(constant);
    return value ? Outcome<RawVal>(*value) : refuse();
  }
  const std::string_view text = text_at(constant, "value");
  RawVal out = {};
  if ((type == ValType::FuncRef || type == ValType::ExternRef) && text == "null") {
    return out;
  }
  const auto bits = parse_bits(text);
  if (!bits || type == ValType::FuncRef || type == ValType::ExternRef || type == ValType::Other) {
    return refuse();
  }
  out.u64 = type == ValType::I32 || type == ValType::F32 ? *bits & 0xffff'ffffULL : *bits;
  return out;
}

std::string explain_raw(const json::value& expected, const RawVal& got, ValType type) {
  const std::string_view kind = text_at(expected, "type");
  if (kind == "either") {
    const json::value* choices = expected.get_object().if_contains("values");
    for (const json::value& choice :
         choices != nullptr && choices->is_array() ? choices->get_array() : json::array()) {
      if (explain_raw(choice, got, type).empty()) {
        return {};
      }
    }
    return "none of the values expected";
  }
  const std::string_view text = text_at(expected, "value");
  if (text.starts_with("nan:") && kind == name_of(type)) {
    return is_nan_pattern(text, bits_of(got, type), type)
               ? std::string()
               : fmt::format("{:#x}, not {}", bits_of(got, type), text);
  }
  if (type == ValType::V128 && kind == "v128") {
    return same_vector(expected, got) ? "" : "another vector";
  }
  const auto wanted = to_raw(expected, type);
  if (!wanted) {
    return wanted.error().message;
  }
  const std::uint64_t a = bits_of(*wanted, type);
  const std::uint64_t b = bits_of(got, type);
  return a == b ? std::string() : fmt::format("{} {:#x}, not {:#x}", name_of(type), b, a);
}

}  // namespace whorl::conformance
