#include "host/host_span.hpp"

#include "telemetry/recorder.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

namespace whorl::host {
namespace {

struct Collected final : telemetry::SignalSink {
  void take_spans(std::vector<telemetry::Span> more) noexcept override {
    std::ranges::move(more, std::back_inserter(spans));
  }
  void take_encoded(std::string, std::uint32_t) noexcept override {}
  void take_logs(std::vector<telemetry::LogRecord>) noexcept override {}
  std::vector<telemetry::Span> spans;
};

/// A shard whose recorder is found, with a guest that runs.
struct Traced {
  explicit Traced(const telemetry::RecorderOptions& more = {}) : recorder(shard, with(more)) {
    recorders.set(shard, recorder);
    telemetry::publish(&recorders);
  }
  ~Traced() { telemetry::publish(nullptr); }
  Traced(const Traced&) = delete;
  Traced& operator=(const Traced&) = delete;

  telemetry::RecorderOptions with(telemetry::RecorderOptions options) {
    options.spans = &sink;
    return options;
  }
  /// Runs on the shard within an event, and gives the spans that came of it but for the event's.
  template <class Work>
  std::vector<telemetry::Span> run(Work work) {
    shard.post([&] {
      telemetry::ComponentStats stats("hello");
      auto record = recorder.begin({});
      record->begin_component(stats, telemetry::RequestRecord::Instance::Kept);
      recorder.set_current(record.get());
      context = record->context();
      work(*record);
      recorder.set_current(nullptr);
    });
    while (shard.poll()) {
    }
    recorder.flush();
    std::erase_if(sink.spans, [](const telemetry::Span& span) {
      return span.kind == telemetry::SpanKind::Server || span.name.starts_with("execute_");
    });
    return std::move(sink.spans);
  }

  Collected sink;
  async::Shard shard{0};
  telemetry::Recorder recorder;
  telemetry::RecorderTable recorders;
  telemetry::SpanContext context{};
};

struct Show {
  std::string operator()(const std::string& text) const { return text; }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(const std::vector<std::string>& texts) const {
    return fmt::format("{} texts", texts.size());
  }
  std::string operator()(const auto&) const { return "?"; }
};

std::string text_of(const telemetry::Attribute& attribute) {
  return attribute.key + "=" + std::visit(Show{}, attribute.value) + " ";
}

std::string text_of(const telemetry::Span& span) {
  std::string out = fmt::format("{} {} ", span.name, static_cast<int>(span.kind));
  for (const auto& attribute : span.attributes) {
    out += text_of(attribute);
  }
  return out + (span.status == telemetry::SpanStatus::Failed ? "failed" : "");
}

constexpr SpanSite kSite{.name = "a.call", .system = "redis"};

TEST_CASE("a span of a call: its name, kind, attributes, place") {
  Traced traced;
  const auto spans = traced.run([](auto&) {
    HostSpan span(kSite);
    CHECK(span.is_on());
    HostSpan(SpanSite{"a.part", telemetry::SpanKind::Internal}, span).set("n", 7);
    span.named("GET").set("key", "k").at("h", 6379);
    const std::vector<std::string_view> many(100, "x");
    span.set("keys", many).set("long", std::string(5000, 'y'));
  });
  REQUIRE(spans.size() == 2);
  CHECK(text_of(spans[0]) == "a.part 1 n=7 ");
  CHECK(
      text_of(spans[1]) ==
      "GET 3 db.system.name=redis key=k server.address=h server.port=6379 keys=32 texts long=" +
          std::string(HostSpan::kMaxText, 'y') + " "
  );
  CHECK(spans[0].parent == spans[1].context.span);
  CHECK(spans[1].parent == traced.context.span);
  CHECK(spans[1].context.trace == traced.context.trace);
}

TEST_CASE("of a failure its kind is noted, and whose it is, never its text") {
  struct Case {
    ErrorKind kind;
    std::string_view shown;
  };
  for (const Case& one :
       {Case{ErrorKind::InvalidInput, "error.type=invalid-input error.blame=guest failed"},
        Case{ErrorKind::Unavailable, "error.type=unavailable error.blame=host failed"},
        Case{ErrorKind::Cancelled, "error.type=cancelled failed"}}) {
    Traced traced;
    const auto spans = traced.run([&](auto&) {
      const Result<int> outcome =
          HostSpan(SpanSite{"x"}).note(Result<int>(fail(one.kind, "hunter2")));
      CHECK(outcome.error().message() == "hunter2");
      const auto other =
          HostSpan(SpanSite{"x"}).note(std::expected<int, char>(std::unexpect, 'e'), [&](char) {
            return one.kind;
          });
      CHECK(other.error() == 'e');
    });
    REQUIRE(spans.size() == 2);
    CHECK(text_of(spans[0]) == fmt::format("x 3 {}", one.shown));
    CHECK(text_of(spans[1]) == text_of(spans[0]));
  }
}

TEST_CASE("below what the guest itself has open") {
  Traced traced;
  const auto spans = traced.run([](telemetry::RequestRecord& record) {
    telemetry::SpanContext own = record.context();
    own.span = {7};
    record.set_guest_span(own);
    HostSpan(SpanSite{"a"}).set("k", 1);
    record.set_guest_span({});
    HostSpan(SpanSite{"b"}).set("k", 1);
  });
  REQUIRE(spans.size() == 2);
  CHECK(spans[0].parent == telemetry::SpanId{7});
  CHECK(spans[1].parent == traced.context.span);
}

TEST_CASE("an event has a bound, and one that is not sampled has none of them") {
  Traced traced;
  const auto spans = traced.run([](auto&) {
    for (std::uint32_t i = 0; i < telemetry::RequestRecord::kMaxHostSpans + 5; ++i) {
      HostSpan(SpanSite{"a"}).set("n", i);
    }
  });
  CHECK(spans.size() == telemetry::RequestRecord::kMaxHostSpans);
  Traced rarely({.sampler = telemetry::Sampler::with_ratio(0, true)});
  CHECK(rarely.run([](auto&) { CHECK_FALSE(HostSpan(kSite).is_on()); }).empty());
}

TEST_CASE("without a recorder, a trace or a guest there is nothing") {
  CHECK_FALSE(HostSpan(kSite).set("k", "v").is_on());
  {
    async::Shard shard(0);
    telemetry::Recorder recorder(shard, {});
    telemetry::RecorderTable recorders;
    recorders.set(shard, recorder);
    telemetry::publish(&recorders);
    shard.post([] { CHECK_FALSE(HostSpan(kSite).is_on()); });
    while (shard.poll()) {
    }
    telemetry::publish(nullptr);
  }
  Traced traced;
  traced.shard.post([] { CHECK_FALSE(HostSpan(kSite).is_on()); });
  while (traced.shard.poll()) {
  }
}

}  // namespace
}  // namespace whorl::host
