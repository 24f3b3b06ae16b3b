/// For tests: takes what a recorder hands over, and reads encoded spans. @thread one
#pragma once

#include "telemetry/signals.hpp"
#include "wire/protobuf/reader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::telemetry {

inline SpanId span_id_of(std::string_view bytes) {
  SpanId id;
  for (const char c : bytes) {
    id.value = id.value << 8U | static_cast<unsigned char>(c);
  }
  return id;
}

inline Attribute attribute_of(ByteView bytes) {
  Attribute out;
  wire::protobuf::Reader pair(bytes);
  while (const auto field = pair.next()) {
    if (field->number == 1) {
      out.key = field->text();
      continue;
    }
    wire::protobuf::Reader any(field->bytes);
    const auto value = any.next();
    REQUIRE(value);
    if (value->number == 1) {
      out.value = std::string(value->text());
    } else {
      out.value = static_cast<std::int64_t>(value->value);
    }
  }
  return out;
}

inline SpanEvent event_of(ByteView bytes) {
  SpanEvent out;
  wire::protobuf::Reader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->number == 1) {
      out.time_ns = field->value;
    } else if (field->number == 2) {
      out.name = field->text();
    } else {
      out.attributes.push_back(attribute_of(field->bytes));
    }
  }
  return out;
}

inline Span span_of(ByteView bytes) {
  Span out;
  wire::protobuf::Reader reader(bytes);
  while (const auto field = reader.next()) {
    switch (field->number) {
      case 1:
        out.context.trace = {
            span_id_of(field->text().substr(0, 8)).value, span_id_of(field->text().substr(8)).value
        };
        break;
      case 2:
        out.context.span = span_id_of(field->text());
        break;
      case 3:
        out.trace_state = field->text();
        break;
      case 4:
        out.parent = span_id_of(field->text());
        break;
      case 5:
        out.name = field->text();
        break;
      case 6:
        out.kind = static_cast<SpanKind>(field->value);
        break;
      case 7:
        out.start_ns = field->value;
        break;
      case 8:
        out.end_ns = field->value;
        break;
      case 9:
        out.attributes.push_back(attribute_of(field->bytes));
        break;
      case 11:
        out.events.push_back(event_of(field->bytes));
        break;
      case 12:
        out.dropped_events = static_cast<std::uint32_t>(field->value);
        break;
      case 15:
        out.status = static_cast<SpanStatus>(field->bytes[1]);
        break;
      case 16:
        out.is_parent_remote = (field->value & 0x200U) != 0;
        break;
      default:
        break;
    }
  }
  CHECK_FALSE(reader.has_failed());
  return out;
}

struct Collected final : SignalSink {
  void take_encoded(std::string bytes, std::uint32_t count) noexcept override {
    wire::protobuf::Reader reader(as_bytes(bytes));
    while (const auto field = reader.next()) {
      spans.push_back(span_of(field->bytes));
      --count;
    }
    CHECK(count == 0);
  }
  void take_spans(std::vector<Span> more) noexcept override {
    std::ranges::move(more, std::back_inserter(spans));
  }
  void take_logs(std::vector<LogRecord> more) noexcept override {
    std::ranges::move(more, std::back_inserter(logs));
  }
  std::vector<Span> spans;
  std::vector<LogRecord> logs;
};

}  // namespace whorl::telemetry
