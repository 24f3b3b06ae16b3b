/// Parts that all messages of OTLP are made of: texts, identities, attributes, scopes.
///
/// @spec OTLP 1.x: common/v1, resource/v1. @thread any
#pragma once

#include "telemetry/signals.hpp"
#include "wire/protobuf/writer.hpp"

#include <cstdint>
#include <string_view>

namespace whorl::otlp {

/// A text as UTF-8, or receivers refuse everything. An empty one is left out.
void put_text(wire::protobuf::Writer& out, std::uint32_t field, std::string_view text);
/// An identity that is none is left out.
void put_id(wire::protobuf::Writer& out, std::uint32_t field, telemetry::TraceId id);
void put_id(wire::protobuf::Writer& out, std::uint32_t field, telemetry::SpanId id);
/// AnyValue.
void put_value(
    wire::protobuf::Writer& out, std::uint32_t field, const telemetry::AttributeValue& value
);
/// KeyValue.
void put_attribute(
    wire::protobuf::Writer& out,
    std::uint32_t field,
    std::string_view key,
    const telemetry::AttributeValue& value
);
void put_attributes(
    wire::protobuf::Writer& out, std::uint32_t field, const telemetry::Attributes& attributes
);
/// InstrumentationScope, as the first field of what is under it. @param scope  null: ours
void put_scope(wire::protobuf::Writer& out, const telemetry::Scope* scope);

}  // namespace whorl::otlp
