#include "telemetry/guest_log.hpp"

#include "telemetry/test_spans.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>

namespace whorl::telemetry {
namespace {

TEST_CASE("output becomes log records, and events of the span it belongs to") {
  async::Shard shard(0);
  Collected sink;
  Recorder recorder(shard, {.spans = &sink, .logs = &sink});
  GuestLog log(true);
  log.set_recorder(shard, &recorder);
  ComponentStats stats("hello");
  // Nobody's: this thread is no shard's now.
  log.write("hello", OutputStream::Stdout, as_bytes("lost"));
  shard.post([&] {
    auto request = recorder.begin({.method = "GET", .target = "/"});
    request->begin_component(stats, RequestRecord::Instance::Started);
    recorder.set_current(request.get());
    log.write("hello", OutputStream::Stdout, as_bytes("one\n"));
    log.write("hello", OutputStream::Stderr, as_bytes("a\xFF" + std::string(60, 'b')));
    log.write("hello", OutputStream::Stdout, as_bytes("\n"));
    recorder.set_current(nullptr);
    log.write("hello", OutputStream::Stdout, as_bytes("later \xC3"));
    request->end_answer(200, 0, RequestRecord::Ending::Whole);
  });
  while (shard.poll()) {
  }
  recorder.flush();
  REQUIRE(sink.logs.size() == 3);
  CHECK(sink.logs[0].body == AttributeValue("one"));
  CHECK(
      sink.logs[0].attributes == Attributes{{"component_id", "hello"}, {"log.iostream", "stdout"}}
  );
  CHECK(sink.logs[1].body == AttributeValue("a\\xFF" + std::string(48, 'b')));
  CHECK(
      sink.logs[1].attributes ==
      Attributes{{"component_id", "hello"}, {"log.iostream", "stderr"}, {"app_log_non_utf8", true}}
  );
  CHECK(sink.logs[2].body == AttributeValue("later \xEF\xBF\xBD"));
  CHECK_FALSE(sink.logs[2].trace.is_valid());
  REQUIRE(sink.spans.size() == 2);
  CHECK(sink.logs[0].trace == sink.spans[0].context.trace);
  CHECK(sink.logs[0].span == sink.spans[0].context.span);
  const auto& events = sink.spans[0].events;
  REQUIRE(events.size() == 2);
  CHECK(events[0].attributes == Attributes{{"app_log", "one"}});
  CHECK(events[1].attributes[0].key == "app_log_non_utf8");
}

TEST_CASE("a guest that prints on and on fills no span") {
  async::Shard shard(0);
  Collected sink;
  Recorder recorder(shard, {.spans = &sink});
  ComponentStats stats("hello");
  {
    auto request = recorder.begin({.method = "GET", .target = "/"});
    request->begin_component(stats, RequestRecord::Instance::Started);
    for (int i = 0; i < 200; ++i) {
      request->add_event({.name = "x"});
    }
    request->end_answer(200, 0, RequestRecord::Ending::Whole);
  }
  recorder.flush();
  CHECK(sink.spans[0].events.size() == RequestRecord::kMaxEvents);
  CHECK(sink.spans[0].dropped_events == 200 - RequestRecord::kMaxEvents);
}

}  // namespace
}  // namespace whorl::telemetry
