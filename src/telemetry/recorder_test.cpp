#include "telemetry/recorder.hpp"

#include "async/blocking_pool.hpp"
#include "fs/file.hpp"
#include "fs/test_folder.hpp"
#include "telemetry/test_spans.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

namespace whorl::telemetry {
namespace {

using namespace std::chrono_literals;

RequestFacts facts() {
  return {
      .method = "GET",
      .target = "/a/b?password=hunter2",
      .protocol = "HTTP/1.1",
      .scheme = "http",
      .authority = "example.com:3000",
      .client = "192.0.2.7:4321",
      .user_agent = "curl/8 \"x\"",
      .referer = "https://me:secret@example.com/from?token=1",
      .request_id = "abc-1",
      .traceparent = {},
      .tracestate = {},
  };
}

std::string text_of(const std::string& path) {
  const auto bytes = fs::read_file(path, 1 << 20);
  REQUIRE(bytes);
  return std::string(as_text(*bytes));
}

/// Replaces what stands between two texts, wherever they are.
std::string mask(std::string text, std::string_view before, std::string_view after) {
  std::size_t at = 0;
  while ((at = text.find(before, at)) != std::string::npos) {
    at += before.size();
    const std::size_t end = std::min(text.find_first_of(after, at), text.size());
    text.replace(at, end - at, "N");
  }
  return text;
}

/// Times and durations are not the test's.
std::string masked(std::string text) {
  text = mask(std::move(text), " - - [", "]");
  text = mask(std::move(text), "us=", " \n");
  text = mask(std::move(text), "\"time\":\"", "\"");
  return mask(std::move(text), "\"duration_us\":", ",");
}

TEST_CASE("lines of the access log, without a secret") {
  const fs::test::TestFolder folder;
  async::Shard shard(0);
  async::BlockingPool pool(1);
  const auto write = [&](AccessLogFormat format, const std::string& path) {
    auto log = AccessLog::open(path, format, pool);
    REQUIRE(log);
    Recorder recorder(shard, {.access_log = log->get()});
    ComponentStats stats("hello");
    {
      auto record = recorder.begin(facts());
      CHECK(record->request_id() == "abc-1");
      record->set_route("/a/...");
      record->begin_component(stats, RequestRecord::Instance::Kept);
      record->end_component(1500us, 65536, "");
      record->end_answer(200, 12, RequestRecord::Ending::Whole);
      record->end_answer(500, 0, RequestRecord::Ending::Cut);
    }
    RequestFacts bare;
    bare.method = "G\nT";
    bare.target = "/\xff";
    bare.protocol = "HTTP/1.0";
    bare.request_id = "not an id\n";
    recorder.begin(bare)->set_route("");
    recorder.flush();
    (*log)->flush(async::Deadline::after(20s));
    CHECK((*log)->written_lines() == 2);
    CHECK((*log)->dropped_lines() == 0);
    CHECK(stats.requests[2].value() == 1);
  };
  const std::string text_path = folder.path("text.log");
  write(AccessLogFormat::Text, text_path);
  const std::string text = masked(text_of(text_path));
  CHECK(text.starts_with(
      "192.0.2.7 - - [N] \"GET /a/b HTTP/1.1\" 200 12 \"https://example.com/from\" "
      "\"curl/8 \\x22x\\x22\" id=abc-1 us=N component=hello instance=kept cpu_us=N\n"
      "- - - [N] \"G\\x0AT /\\xFF HTTP/1.0\" 0 0 \"-\" \"-\" id="
  ));
  CHECK(text.ends_with(" us=N end=gone\n"));
  const std::string json_path = folder.path("json.log");
  write(AccessLogFormat::Json, json_path);
  const std::string json = masked(text_of(json_path));
  CHECK(json.starts_with(
      R"({"time":"N","request_id":"abc-1","client":"192.0.2.7:4321","method":"GET","host":"example.com:3000",)"
      R"("path":"/a/b","protocol":"HTTP/1.1","status":200,"bytes":12,"duration_us":N,"end":"whole",)"
      R"("route":"/a/...","component":"hello","instance":"kept","cpu_us":1500,"memory_bytes":65536,)"
      R"("user_agent":"curl/8 \"x\"","referer":"https://example.com/from"})"
      "\n"
  ));
  CHECK(json.find(R"("method":"G\u000aT","path":"/\ufffd")") != std::string::npos);
  for (const std::string& all : {text, json}) {
    CHECK(all.find("hunter2") == std::string::npos);
    CHECK(all.find("secret") == std::string::npos);
    CHECK(all.find("token") == std::string::npos);
  }
}

TEST_CASE("a log that cannot be opened is an error") {
  const fs::test::TestFolder folder;
  async::BlockingPool pool(1);
  CHECK_FALSE(AccessLog::open(folder.path("none/x"), AccessLogFormat::Text, pool));
  CHECK_FALSE(AccessLog::open(folder.path(), AccessLogFormat::Text, pool));
  const std::string path = folder.path("a.log");
  auto log = AccessLog::open(path, AccessLogFormat::Text, pool);
  REQUIRE(log);
  (*log)->write("first\n", 1);
  (*log)->flush(async::Deadline::after(20s));
  CHECK(text_of(path) == "first\n");
}

TEST_CASE("a long log is whole though the system is told to forget it, and buffers are used again"
) {
  const fs::test::TestFolder folder;
  async::BlockingPool pool(1);
  const std::string path = folder.path("a.log");
  auto log = AccessLog::open(path, AccessLogFormat::Text, pool);
  REQUIRE(log);
  constexpr int kPieces = 20;
  constexpr std::size_t kSize = std::size_t{1} << 20;
  for (int i = 0; i < kPieces; ++i) {
    (*log)->write(std::string(kSize, static_cast<char>('a' + i)), 1);
    (*log)->flush(async::Deadline::never());
  }
  const auto bytes = fs::read_file(path, 2 * kPieces * kSize);
  REQUIRE(bytes);
  REQUIRE(bytes->size() == kPieces * kSize);
  for (int i = 0; i < kPieces; ++i) {
    const std::string_view piece =
        as_text(*bytes).substr(static_cast<std::size_t>(i) * kSize, kSize);
    CHECK(piece.find_first_not_of(static_cast<char>('a' + i)) == std::string_view::npos);
  }
  // One that is larger than a piece of a shard's is not kept.
  CHECK((*log)->take_buffer().capacity() < 1000);
  std::string piece(64 * 1024, 'x');
  const char* memory = piece.data();
  (*log)->write(std::move(piece), 1);
  (*log)->flush(async::Deadline::never());
  const std::string again = (*log)->take_buffer();
  CHECK(again.data() == memory);
  CHECK(again.empty());
}

TEST_CASE("a pipe that nobody reads holds nobody up for long") {
  const fs::test::TestFolder folder;
  const std::string path = folder.path("pipe");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const fs::Fd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  REQUIRE(reader.is_open());
  async::BlockingPool pool(1);
  auto log = AccessLog::open(path, AccessLogFormat::Text, pool);
  REQUIRE(log);
  for (int i = 0; i < 100; ++i) {
    (*log)->write(std::string(32 * 1024, 'x'), 10);
  }
  (*log)->flush(async::Deadline::after(20s));
  CHECK((*log)->written_lines() + (*log)->dropped_lines() == 1000);
  CHECK((*log)->dropped_lines() >= 900);
}

TEST_CASE("lines without room are dropped and counted") {
  async::BlockingPool pool(1);
  auto log = AccessLog::open("/dev/full", AccessLogFormat::Text, pool);
  REQUIRE(log);
  (*log)->write(std::string(AccessLog::kMaxWaitingBytes + 1, 'x'), 7);
  CHECK((*log)->dropped_lines() == 7);
  (*log)->write("a line\n", 1);
  (*log)->flush(async::Deadline::after(20s));
  CHECK((*log)->dropped_lines() == 8);
  CHECK((*log)->written_lines() == 0);
}

TEST_CASE("who works on a request at once shares the look at the clock with its beginning") {
  using Clock = RequestRecord::Clock;
  async::Shard shard(0);
  Recorder recorder(shard, {});
  const auto first = recorder.begin({});
  const auto behind_first = Clock::now();
  CHECK(recorder.now_for(*first) <= behind_first);
  CHECK(recorder.now_for(*first) >= behind_first);
  // Not when it has waited, or when another one has begun.
  const auto second = recorder.begin({});
  recorder.note_handled();
  auto later = Clock::now();
  CHECK(recorder.now_for(*second) >= later);
  const auto third = recorder.begin({});
  later = Clock::now();
  CHECK(recorder.now_for(*second) >= later);
  CHECK(recorder.now_for(*third) >= later);
  const auto fourth = recorder.begin({});
  const auto called = recorder.begin_chained("", "");
  later = Clock::now();
  CHECK(recorder.now_for(*fourth) >= later);
}

TEST_CASE("a record is made where one before it was, however many there are at once") {
  async::Shard shard(0);
  Recorder recorder(shard, {});
  auto first = recorder.begin({});
  const auto second = recorder.begin({});
  const RequestRecord* const place = first.get();
  first.reset();
  const auto third = recorder.begin({});
  CHECK(third.get() == place);
  std::vector<std::unique_ptr<RequestRecord>> many;
  for (int i = 0; i < 1000; ++i) {
    many.push_back(recorder.begin({}));
  }
  CHECK(recorder.metrics()->requests_active.value() == 1002);
  many.clear();
  CHECK(recorder.metrics()->requests_active.value() == 2);
  const auto totals = collect(std::array{recorder.metrics()});
  CHECK(totals.components.at("").requests[0] == 1001);
}

const Attribute* find(const Span& span, std::string_view key) {
  const auto found = std::ranges::find(span.attributes, key, &Attribute::key);
  return found == span.attributes.end() ? nullptr : &*found;
}

TEST_CASE("a component that another one calls has one span, and is no request") {
  async::Shard shard(0);
  Collected sink;
  Recorder recorder(shard, {.spans = &sink});
  ComponentStats stats("callee");
  recorder.begin_chained("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=1")
      ->begin_component(stats, RequestRecord::Instance::Kept);
  recorder.flush();
  REQUIRE(sink.spans.size() == 1);
  CHECK(sink.spans[0].name == "execute_wasm_component callee");
  CHECK(to_text(sink.spans[0].context.trace) == "0af7651916cd43dd8448eb211c80319c");
  CHECK(to_text(sink.spans[0].parent) == "b7ad6b7169203331");
  CHECK(sink.spans[0].trace_state == "a=1");
  CHECK(recorder.metrics()->requests_active.value() == 0);
  CHECK(stats.requests[0].value() == 0);
}

TEST_CASE("the two spans of a request") {
  async::Shard shard(0);
  Collected sink;
  Recorder recorder(shard, {.spans = &sink});
  ComponentStats stats("hello");
  RequestFacts with_parent = facts();
  with_parent.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  with_parent.tracestate = "a=1";
  {
    auto record = recorder.begin(with_parent);
    record->set_route("/a/...");
    record->begin_component(stats, RequestRecord::Instance::Started);
    CHECK(to_text(record->context().trace) == "0af7651916cd43dd8448eb211c80319c");
    CHECK(record->context().is_sampled);
    CHECK(record->trace_state() == "a=1");
    record->end_component(1us, 65536, "trap");
    record->end_answer(500, 0, RequestRecord::Ending::Whole);
  }
  recorder.flush();
  REQUIRE(sink.spans.size() == 2);
  const Span& work = sink.spans[0];
  const Span& server = sink.spans[1];
  CHECK(server.name == "GET /a/...");
  CHECK(server.kind == SpanKind::Server);
  CHECK(to_text(server.parent) == "b7ad6b7169203331");
  CHECK(server.is_parent_remote);
  CHECK(server.trace_state == "a=1");
  CHECK(server.status == SpanStatus::Failed);
  CHECK(find(server, "http.request.method")->value == AttributeValue("GET"));
  CHECK(find(server, "http.route")->value == AttributeValue("/a/..."));
  CHECK(find(server, "url.path")->value == AttributeValue("/a/b"));
  CHECK(find(server, "server.address")->value == AttributeValue("example.com"));
  CHECK(find(server, "server.port")->value == AttributeValue(std::int64_t{3000}));
  CHECK(find(server, "http.response.status_code")->value == AttributeValue(std::int64_t{500}));
  CHECK(find(server, "error.type")->value == AttributeValue("trap"));
  CHECK(find(server, "url.query") == nullptr);
  CHECK(work.name == "execute_wasm_component hello");
  CHECK(work.kind == SpanKind::Internal);
  CHECK(work.parent == server.context.span);
  CHECK(work.context.trace == server.context.trace);
  CHECK(work.start_ns >= server.start_ns);
  CHECK(work.end_ns <= server.end_ns);
}

/// One whose buckets are empty for as long as a test takes; but for those of what failed.
void exhaust(TraceBudget& budget) {
  constexpr std::uint64_t kFar = std::uint64_t{1} << 62;
  CHECK(budget.take(TraceBudget::Kind::New, kFar));
  CHECK(budget.take(TraceBudget::Kind::Caller, kFar));
}

constexpr std::string_view kSampledParent =
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST_CASE("traces beyond the bound are left out and counted, whoever would have them") {
  async::Shard shard(0);
  Collected sink;
  TraceBudget budget(1);
  exhaust(budget);
  Recorder recorder(shard, {.spans = &sink, .sampler = {.per_second = 1}, .budget = &budget});
  ComponentStats stats("hello");
  RequestFacts with_parent = facts();
  with_parent.traceparent = kSampledParent;
  for (const RequestFacts& each : {facts(), facts(), with_parent}) {
    auto record = recorder.begin(each);
    record->begin_component(stats, RequestRecord::Instance::Started);
    // What it calls is told of a trace that is not recorded.
    CHECK(record->context().trace.is_valid());
    CHECK(record->context().span.is_valid());
    CHECK_FALSE(record->context().is_sampled);
    record->end_component(1us, 65536, "");
    record->end_answer(499, 0, RequestRecord::Ending::Whole);
  }
  RequestFacts unsampled = facts();
  unsampled.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  recorder.begin(unsampled)->end_answer(500, 0, RequestRecord::Ending::Whole);
  static_cast<void>(recorder.begin_message("jobs"));
  recorder.begin_message("jobs")->begin_component(stats, RequestRecord::Instance::Kept);
  recorder.flush();
  CHECK(sink.spans.empty());
  CHECK(budget.left_out(TraceBudget::Kind::New) == 3);
  CHECK(budget.left_out(TraceBudget::Kind::Caller) == 1);
}

TEST_CASE("what fails is recorded where there was no room for it") {
  async::Shard shard(0);
  struct Case {
    std::uint16_t status;
    RequestRecord::Ending ending;
    std::string_view failure;
  };
  for (const Case& c : {
           Case{500, RequestRecord::Ending::Whole, "trap"},
           Case{502, RequestRecord::Ending::Whole, ""},
           Case{200, RequestRecord::Ending::Cut, ""},
       }) {
    CAPTURE(c.status);
    Collected sink;
    TraceBudget budget(1);
    exhaust(budget);
    Recorder recorder(shard, {.spans = &sink, .sampler = {.per_second = 1}, .budget = &budget});
    ComponentStats stats("hello");
    {
      auto record = recorder.begin(facts());
      record->set_route("/a/...");
      record->begin_component(stats, RequestRecord::Instance::Started);
      record->end_component(1us, 65536, c.failure);
      record->end_answer(c.status, 0, c.ending);
    }
    recorder.flush();
    REQUIRE(sink.spans.size() == 2);
    const Span& work = sink.spans[0];
    const Span& server = sink.spans[1];
    CHECK(server.name == "GET /a/...");
    CHECK(server.status == SpanStatus::Failed);
    CHECK(find(server, "url.path")->value == AttributeValue("/a/b"));
    CHECK(work.parent == server.context.span);
    CHECK(work.start_ns >= server.start_ns);
    CHECK(work.end_ns >= work.start_ns);
    CHECK(work.end_ns <= server.end_ns);
    CHECK(budget.left_out(TraceBudget::Kind::New) == 0);
    // These have a bound, too.
    CHECK_FALSE(budget.take(TraceBudget::Kind::Failed, 0));
  }
}

TEST_CASE("a call within the process has its caller's decision") {
  async::Shard shard(0);
  Collected sink;
  TraceBudget budget(1);
  exhaust(budget);
  for (const bool is_parent_based : {true, false}) {
    Recorder recorder(
        shard,
        {.spans = &sink, .sampler = Sampler::with_limit(1, is_parent_based), .budget = &budget}
    );
    ComponentStats stats("callee");
    recorder.begin_chained(kSampledParent, "")
        ->begin_component(stats, RequestRecord::Instance::Kept);
    recorder.begin_chained("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "")
        ->begin_component(stats, RequestRecord::Instance::Kept);
    recorder.flush();
    CHECK(sink.spans.size() == 1);
    sink.spans.clear();
  }
  CHECK(budget.left_out(TraceBudget::Kind::New) == 0);
}

TEST_CASE("a message has one span, and one that nobody took none") {
  async::Shard shard(0);
  Collected sink;
  Recorder recorder(shard, {.spans = &sink});
  ComponentStats stats("worker");
  static_cast<void>(recorder.begin_message("jobs"));
  {
    auto record = recorder.begin_message("jobs");
    record->begin_component(stats, RequestRecord::Instance::Started);
    CHECK(record->context().is_sampled);
    record->end_answer(500, 0, RequestRecord::Ending::Whole);
  }
  recorder.flush();
  REQUIRE(sink.spans.size() == 1);
  CHECK(sink.spans[0].name == "jobs receive");
  CHECK(sink.spans[0].kind == SpanKind::Consumer);
  CHECK(sink.spans[0].status == SpanStatus::Failed);
  CHECK_FALSE(sink.spans[0].parent.is_valid());
  CHECK(find(sink.spans[0], "messaging.system")->value == AttributeValue("redis"));
  CHECK(find(sink.spans[0], "messaging.operation")->value == AttributeValue("receive"));
  CHECK(find(sink.spans[0], "component_id")->value == AttributeValue("worker"));
}

TEST_CASE("a command's span is called like one") {
  async::Shard shard(0);
  Collected sink;
  Recorder recorder(shard, {.spans = &sink});
  ComponentStats stats("c");
  {
    auto record = recorder.begin(facts());
    record->set_wagi();
    record->begin_component(stats, RequestRecord::Instance::Started);
    record->add_event({.time_ns = 1, .name = "app_log", .attributes = {{"app_log", "x"}}});
  }
  recorder.flush();
  REQUIRE(sink.spans.size() == 2);
  CHECK(sink.spans[0].name == "execute_wagi_component c");
}

TEST_CASE(
    "a request that its caller does not sample leaves no span, and one without route has a short "
    "name"
) {
  async::Shard shard(0);
  Collected sink;
  Recorder recorder(shard, {.spans = &sink});
  RequestFacts unsampled = facts();
  unsampled.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  recorder.begin(unsampled)->end_answer(200, 0, RequestRecord::Ending::Whole);
  recorder.begin(facts())->end_answer(404, 0, RequestRecord::Ending::Whole);
  RequestFacts odd = facts();
  odd.method = "BREW";
  recorder.begin(odd)->end_answer(418, 0, RequestRecord::Ending::Whole);
  recorder.flush();
  REQUIRE(sink.spans.size() == 2);
  CHECK(sink.spans[1].name == "HTTP");
  CHECK(find(sink.spans[1], "http.request.method")->value == AttributeValue("_OTHER"));
  CHECK(find(sink.spans[1], "http.request.method_original")->value == AttributeValue("BREW"));
  CHECK(sink.spans[0].name == "GET");
  CHECK_FALSE(sink.spans[0].parent.is_valid());
  CHECK(sink.spans[0].status == SpanStatus::Unset);
  const Totals totals = collect(std::array{recorder.metrics()});
  CHECK(totals.components.at("").requests[2] == 1);
  CHECK(totals.components.at("").requests[4] == 2);
  CHECK(totals.requests_active == 0);
}

}  // namespace
}  // namespace whorl::telemetry
