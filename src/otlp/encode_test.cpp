#include "otlp/encode.hpp"

#include "telemetry/encoded_span.hpp"
#include "wire/protobuf/reader.hpp"
#include "wire/protobuf/writer.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <random>

namespace whorl::otlp {
namespace {

using wire::protobuf::Reader;
using wire::protobuf::WireType;

using Paths = std::span<const std::string_view>;

/// Which fields hold messages, by path, for the parts of the schemas that are tested.
constexpr std::array<std::string_view, 17> kItems{
    ".1",
    ".1.1",
    ".1.1.1",
    ".1.1.1.2",
    ".1.2",
    ".1.2.1",
    ".1.2.2",
    ".1.2.2.9",
    ".1.2.2.9.2",
    ".1.2.2.9.2.5",
    ".1.2.2.9.2.5.1",
    ".1.2.2.11",
    ".1.2.2.11.3",
    ".1.2.2.11.3.2",
    ".1.2.2.13",
    ".1.2.2.15",
    ".1.2.2.13.4",
};
constexpr std::array<std::string_view, 15> kMetrics{
    ".1",
    ".1.1",
    ".1.1.1",
    ".1.1.1.2",
    ".1.2",
    ".1.2.1",
    ".1.2.2",
    ".1.2.2.7",
    ".1.2.2.7.1",
    ".1.2.2.7.1.7",
    ".1.2.2.7.1.7.2",
    ".1.2.2.9",
    ".1.2.2.9.1",
    ".1.2.2.9.1.9",
    ".1.2.2.9.1.9.2",
};

/// A message as text: `1{…}` a message, `2:number`, `3=hex`, `4"text"`.
std::string show(ByteView message, Paths messages = kItems, std::string_view schema_path = "") {
  std::string out;
  Reader reader(message);
  while (const auto field = reader.next()) {
    const std::string path = fmt::format("{}.{}", schema_path, field->number);
    switch (field->type) {
      case WireType::Varint:
        out += fmt::format("{}:{} ", field->number, field->value);
        break;
      case WireType::Fixed64:
      case WireType::Fixed32:
        out += fmt::format("{}={:x} ", field->number, field->value);
        break;
      case WireType::Bytes:
        if (std::ranges::find(messages, path) != messages.end()) {
          out += fmt::format("{}{{{}}} ", field->number, show(field->bytes, messages, path));
        } else {
          out += fmt::format("{}\"{}\" ", field->number, field->text());
        }
        break;
    }
  }
  CHECK_FALSE(reader.has_failed());
  return out;
}

const Resource kResource{{"service.name", "spin"}};

TEST_CASE("a span, as the schema has it") {
  telemetry::Span span{
      .context =
          {.trace = {0x4142434445464748, 0x494A4B4C4D4E4F50},
           .span = {0x6162636465666768},
           .is_sampled = true},
      .parent = {0x7172737475767778},
      .trace_state = "a=1",
      .is_parent_remote = true,
      .name = "GET /\xFF",
      .kind = telemetry::SpanKind::Server,
      .start_ns = 0x10,
      .end_ns = 0x20,
      .attributes =
          {{"text", "x"},
           {"no", false},
           {"n", std::int64_t{7}},
           {"many", std::vector<std::string>{"p", "q"}}},
      .dropped_events = 3,
      .status = telemetry::SpanStatus::Failed,
      .status_message = "why",
  };
  span.events.push_back({.time_ns = 0x30, .name = "event", .attributes = {{"k", true}}});
  span.links.push_back(
      {.context = {.trace = {0x4142434445464748, 0x494A4B4C4D4E4F50}, .span = {0x6162636465666768}}}
  );
  CHECK(
      show(as_bytes(encode_spans(kResource, {&span, 1}))) ==
      "1{1{1{1\"service.name\" 2{1\"spin\" } } } "
      "2{1{1\"whorl\" } "
      "2{1\"ABCDEFGHIJKLMNOP\" 2\"abcdefgh\" 3\"a=1\" 4\"qrstuvwx\" 5\"GET /\xEF\xBF\xBD\" 6:2 "
      "7=10 8=20 "
      "9{1\"text\" 2{1\"x\" } } 9{1\"no\" 2{2:0 } } 9{1\"n\" 2{3:7 } } "
      "9{1\"many\" 2{5{1{1\"p\" } 1{1\"q\" } } } } "
      "11{1=30 2\"event\" 3{1\"k\" 2{2:1 } } } 12:3 "
      "13{1\"ABCDEFGHIJKLMNOP\" 2\"abcdefgh\" } "
      "15{2\"why\" 3:2 } 16=301 } } } "
  );
}

/// Attributes as the two encoders take them.
struct Described {
  telemetry::Attributes attributes{};
  std::string encoded{};
  void add(std::string key, std::string value) {
    telemetry::append_attribute(encoded, key, value);
    attributes.push_back({std::move(key), std::move(value)});
  }
  void add(std::string key, std::int64_t value) {
    telemetry::append_attribute(encoded, key, value);
    attributes.push_back({std::move(key), value});
  }
};

TEST_CASE("a shard encodes spans to the byte as they are encoded here") {
  const auto seed = static_cast<std::uint64_t>(std::random_device{}());
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto text = [&](std::size_t most) {
    std::string out(random() % (most + 1), '\0');
    for (char& c : out) {
      c = static_cast<char>(random() % 4 == 0 ? random() : 'a' + random() % 26);
    }
    return out;
  };
  for (int round = 0; round < 500; ++round) {
    Described described;
    for (std::uint64_t i = random() % 4; i > 0; --i) {
      described.add("k" + std::to_string(i), text(300));
      described.add(
          "n" + std::to_string(i), static_cast<std::int64_t>(random() >> (random() % 64))
      );
    }
    telemetry::Span span{
        .context = {.trace = {random(), random()}, .span = {random()}, .is_sampled = true},
        .parent = {random() % 2 == 0 ? 0 : random()},
        .trace_state = random() % 2 == 0 ? "" : "a=1",
        .is_parent_remote = random() % 2 == 0,
        .name = "GET /" + std::string(random() % 300, 'x'),
        .kind = static_cast<telemetry::SpanKind>(1 + random() % 5),
        .start_ns = random() | 1,
        .end_ns = random() | 1,
        .attributes = described.attributes,
        .dropped_events = static_cast<std::uint32_t>(random() % 3 * 100),
        .status = static_cast<telemetry::SpanStatus>(random() % 3),
    };
    std::string events;
    if (random() % 2 == 0) {
      span.events.push_back({.time_ns = 7, .name = "e", .attributes = {{"k", text(200)}}});
      telemetry::append_event(events, span.events[0]);
    }
    std::string ours;
    telemetry::append_span(
        ours,
        {.context = span.context,
         .parent = span.parent,
         .is_parent_remote = span.is_parent_remote,
         .trace_state = span.trace_state,
         .name = std::string_view(span.name).substr(0, 4),
         .name_rest = std::string_view(span.name).substr(4),
         .kind = span.kind,
         .start_ns = span.start_ns,
         .end_ns = span.end_ns,
         .attributes = described.encoded,
         .events = events,
         .dropped_events = span.dropped_events,
         .status = span.status}
    );
    const SpanPiece piece{.bytes = ours, .count = 1};
    CHECK(join_spans(kResource, {&piece, 1}) == encode_spans(kResource, {&span, 1}));
  }
}

TEST_CASE("items stand under the scope that made them") {
  const auto scope = std::make_shared<const telemetry::Scope>(
      telemetry::Scope{.name = "guest", .version = "1", .schema_url = "u"}
  );
  std::vector<telemetry::LogRecord> records(3);
  records[1].scope = records[2].scope = scope;
  records[0].body = "one";
  records[1].body = 0.5;
  records[0].severity = telemetry::Severity::kInfo;
  records[0].time_ns = 1;
  records[0].observed_ns = 2;
  const std::string encoded = encode_logs({}, records);
  CHECK(
      show(as_bytes(encoded)) ==
      "1{1{} 2{1{1\"whorl\" } 2{1=1 2:9 5\"\n\x03one\" 11=2 } } "
      "2{1{1\"guest\" 2\"1\" } 2{5\"!" +
          std::string("\0\0\0\0\0\0\xE0\x3F", 8) + "\" } 2{5\"\n" + std::string("\0", 1) +
          "\" } 3\"u\" } } "
  );
}

TEST_CASE("metrics are cumulative, and without components that did nothing") {
  telemetry::Totals totals;
  totals.components[""].events = 5;
  telemetry::ComponentTotals& hello = totals.components["hello"];
  hello.events = 2;
  static constexpr std::array<std::uint64_t, 1> kBounds{1'000'000'000};
  hello.cpu = {.bounds = kBounds, .buckets = {1, 1}, .sum = 2'500'000'000};
  const std::string shown = show(
      as_bytes(encode_metrics(kResource, totals, "app", {.start_ns = 1, .now_ns = 2})), kMetrics
  );
  CHECK(
      shown.find("2{1\"spin.request_count\" 2\"Events\" 7{1{2=1 3=2 6=2 7{1\"trigger_type\" "
                 "2{1\"http\" } } "
                 "7{1\"app_id\" 2{1\"app\" } } 7{1\"component_id\" 2{1\"hello\" } } } 2:2 3:1 } } "
      ) != std::string::npos
  );
  const auto doubles = [](std::initializer_list<double> values) {
    std::string out;
    for (const double value : values) {
      const auto bits = std::bit_cast<std::uint64_t>(value);
      out.append(reinterpret_cast<const char*>(&bits), 8);
    }
    return out;
  };
  const std::string buckets("\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16);
  CHECK(
      shown.find(
          "2{1\"spin.component_cpu_time\" 2\"CPU of an event\" 3\"s\" 9{1{2=1 3=2 4=2 "
          "5=4004000000000000 6\"" +
          buckets + "\" 7\"" + doubles({1.0}) + "\" 9{1\"component_id\" 2{1\"hello\" } } } 2:2 } } "
      ) != std::string::npos
  );
}

TEST_CASE("what guests used outside, by Spin's names") {
  telemetry::ShardMetrics shard;
  telemetry::OutboundStats& redis = shard.outbound("redis");
  CHECK(&redis == &shard.outbound("redis"));
  redis.acquired.add(3);
  redis.acquired_late.add();
  redis.wait.add(7'000);
  redis.rejected.add(2);
  redis.used.add(250);
  redis.used_all.add(1000);
  shard.count_inference("m");
  shard.count_inference("m");
  shard.of("worker").events.add(5);
  shard.of("worker").messages.add(4);
  const telemetry::Totals totals = telemetry::collect(
      std::array{std::shared_ptr<telemetry::ShardMetrics>(&shard, [](telemetry::ShardMetrics*) {})}
  );
  const std::string shown = show(
      as_bytes(encode_metrics(kResource, totals, "app", {.start_ns = 1, .now_ns = 2})), kMetrics
  );
  const auto has = [&](std::string_view text) {
    INFO(text);
    CHECK(shown.find(text) != std::string::npos);
  };
  has(R"(1{2=1 3=2 6=1 7{1"trigger_type" 2{1"http" } })");
  has(R"(1{2=1 3=2 6=4 7{1"trigger_type" 2{1"redis" } })");
  has(R"(2{1"spin.llm_infer" 2"Texts that models went on with" 7{1{2=1 3=2 6=2 7{1"model_name" 2{1"m" } } } )"
  );
  has(R"(1{2=1 3=2 6=3 7{1"kind" 2{1"redis" } } 7{1"waited" 2{2:0 } } })");
  has(R"(1{2=1 3=2 6=1 7{1"kind" 2{1"redis" } } 7{1"waited" 2{2:1 } } })");
  has(R"(1{2=1 3=2 6=2 7{1"kind" 2{1"redis" } } 7{1"limit" 2{1"factor" } } })");
  has("outbound_connection_permit_wait_duration_ms");
  has("outbound_connection_factor_utilization");
  has("outbound_connection_global_utilization");
}

TEST_CASE("what a receiver did not take") {
  wire::protobuf::Writer answer;
  {
    const wire::protobuf::Writer::Message partial(answer, 1);
    answer.number(1, 3);
    answer.text(2, "too old");
  }
  const auto partial = read_answer(as_bytes(answer.text()));
  REQUIRE(partial);
  CHECK(partial->rejected == 3);
  CHECK(partial->message == "too old");
  CHECK_FALSE(read_answer({}));
  CHECK_FALSE(read_answer(as_bytes("\x0a\x00")));
  CHECK_FALSE(read_answer(as_bytes("no answer")));
}

}  // namespace
}  // namespace whorl::otlp
