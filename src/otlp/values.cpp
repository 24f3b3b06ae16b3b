#include "otlp/values.hpp"

#include "telemetry/text.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace whorl::otlp {
namespace {

using telemetry::Attributes;
using telemetry::AttributeValue;
using wire::protobuf::Writer;
using Message = Writer::Message;

constexpr std::string_view kScopeName = "whorl";

// AnyValue: members of a oneof are written also when they are zero.
void put_scalar(Writer& out, const std::string& value) {
  out.present_text(1, telemetry::to_utf8(value));
}
void put_scalar(Writer& out, bool value) {
  out.present_number(2, value ? 1 : 0);
}
void put_scalar(Writer& out, std::int64_t value) {
  out.present_number(3, static_cast<std::uint64_t>(value));
}
void put_scalar(Writer& out, double value) {
  out.present_real(4, value);
}
template <class T>
void put_scalar(Writer& out, const std::vector<T>& values) {
  const Message array(out, 5);
  for (const T value : values) {
    const Message any(out, 1);
    put_scalar(out, value);
  }
}

}  // namespace

void put_text(Writer& out, std::uint32_t field, std::string_view text) {
  if (!text.empty()) {
    out.text(field, telemetry::to_utf8(text));
  }
}

void put_id(Writer& out, std::uint32_t field, telemetry::TraceId id) {
  if (!id.is_valid()) {
    return;
  }
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(id.high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<std::uint8_t>(id.low >> (56 - 8 * i));
  }
  out.bytes(field, bytes);
}

void put_id(Writer& out, std::uint32_t field, telemetry::SpanId id) {
  if (!id.is_valid()) {
    return;
  }
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::uint8_t>(id.value >> (56 - 8 * i));
  }
  out.bytes(field, bytes);
}

void put_value(Writer& out, std::uint32_t field, const AttributeValue& value) {
  const Message any(out, field);
  std::visit([&](const auto& held) { put_scalar(out, held); }, value);
}

void put_attribute(
    Writer& out, std::uint32_t field, std::string_view key, const AttributeValue& value
) {
  const Message pair(out, field);
  put_text(out, 1, key);
  put_value(out, 2, value);
}

void put_attributes(Writer& out, std::uint32_t field, const Attributes& attributes) {
  for (const telemetry::Attribute& attribute : attributes) {
    put_attribute(out, field, attribute.key, attribute.value);
  }
}

void put_scope(Writer& out, const telemetry::Scope* scope) {
  const Message message(out, 1);
  put_text(out, 1, scope == nullptr ? kScopeName : std::string_view(scope->name));
  if (scope != nullptr) {
    put_text(out, 2, scope->version);
    put_attributes(out, 3, scope->attributes);
  }
}

}  // namespace whorl::otlp
