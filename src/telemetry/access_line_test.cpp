// What lines say, byte for byte, but for times: lines are rendered many at once, and each must be
// as if it were alone.
#include "telemetry/access_line.hpp"

#include "async/blocking_pool.hpp"
#include "fs/file.hpp"
#include "fs/test_folder.hpp"
#include "telemetry/recorder.hpp"
#include "telemetry/text.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::telemetry {
namespace {

using namespace std::chrono_literals;
using Ending = RequestRecord::Ending;
using Instance = RequestRecord::Instance;

/// "N" in place of what stands behind `before` for as long as it `is_part`.
template <class F>
std::string mask(std::string text, std::string_view before, const F& is_part) {
  std::size_t at = 0;
  while ((at = text.find(before, at)) != std::string::npos) {
    at += before.size();
    std::size_t end = at;
    while (end < text.size() && is_part(text[end])) {
      ++end;
    }
    text.replace(at, end - at, "N");
  }
  return text;
}

/// The lines of what `work` records, without times and durations.
template <class F>
std::string lines_of(AccessLogFormat format, const F& work) {
  const fs::test::TestFolder folder;
  async::Shard shard(0);
  async::BlockingPool pool(1);
  const std::string path = folder.path("a.log");
  auto log = AccessLog::open(path, format, pool);
  REQUIRE(log);
  Recorder recorder(shard, {.access_log = log->get()});
  work(recorder);
  recorder.flush();
  (*log)->flush(async::Deadline::after(20s));
  const auto bytes = fs::read_file(path, std::size_t{64} << 20);
  REQUIRE(bytes);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::string text(as_text(*bytes));
  text = mask(std::move(text), " - - [", [](char c) { return c != ']'; });
  text = mask(std::move(text), " us=", is_digit);
  text = mask(std::move(text), R"({"time":")", [](char c) { return c != '"'; });
  return mask(std::move(text), R"("duration_us":)", is_digit);
}

TEST_CASE("lines of addresses of both families, and of HTTP/2") {
  const auto work = [](Recorder& recorder) {
    for (const std::string_view client :
         {"[2001:db8::1]:4321", "192.0.2.7:1", "host", "", "[]:1"}) {
      const auto record = recorder.begin(
          {.method = "GET",
           .target = "/",
           .protocol = "HTTP/2.0",
           .authority = "[::1]:3000",
           .client = client,
           .request_id = "i"}
      );
      record->end_answer(204, 0, Ending::Whole);
    }
  };
  CHECK(
      lines_of(AccessLogFormat::Text, work) ==
      "2001:db8::1 - - [N] \"GET / HTTP/2.0\" 204 0 \"-\" \"-\" id=i us=N\n"
      "192.0.2.7 - - [N] \"GET / HTTP/2.0\" 204 0 \"-\" \"-\" id=i us=N\n"
      "host - - [N] \"GET / HTTP/2.0\" 204 0 \"-\" \"-\" id=i us=N\n"
      "- - - [N] \"GET / HTTP/2.0\" 204 0 \"-\" \"-\" id=i us=N\n"
      "- - - [N] \"GET / HTTP/2.0\" 204 0 \"-\" \"-\" id=i us=N\n"
  );
  const std::string json = lines_of(AccessLogFormat::Json, work);
  CHECK(json.starts_with(
      R"({"time":"N","request_id":"i","client":"[2001:db8::1]:4321","method":"GET","host":"[::1]:3000","path":"/",)"
      R"("protocol":"HTTP/2.0","status":204,"bytes":0,"duration_us":N,"end":"whole"})"
      "\n"
  ));
}

TEST_CASE("numbers of every length, and what went wrong") {
  ComponentStats stats("c");
  const auto work = [&](Recorder& recorder) {
    for (std::uint64_t bytes = 0; bytes < 20'000'000'000'000; bytes = bytes * 10 + 9) {
      const auto record = recorder.begin({.method = "GET", .target = "/", .request_id = "i"});
      record->begin_component(stats, Instance::Started);
      record->end_component(std::chrono::microseconds(bytes), bytes, bytes == 99 ? "trap" : "");
      record->end_answer(bytes == 99 ? 500 : 200, bytes, bytes == 9 ? Ending::Cut : Ending::Whole);
    }
  };
  std::string text;
  std::string json;
  for (std::uint64_t n = 0; n < 20'000'000'000'000; n = n * 10 + 9) {
    text += fmt::format(
        "- - - [N] \"GET / \" {} {} \"-\" \"-\" id=i us=N{} component=c instance=new cpu_us={}\n",
        n == 99 ? 500 : 200,
        n,
        n == 9 ? " end=cut" : "",
        n
    );
    json += fmt::format(
        R"({{"time":"N","request_id":"i","method":"GET","path":"/","status":{},"bytes":{},"duration_us":N,)"
        R"("end":"{}","component":"c","instance":"new","cpu_us":{},"memory_bytes":{}{}}})"
        "\n",
        n == 99 ? 500 : 200,
        n,
        n == 9 ? "cut" : "whole",
        n,
        n,
        n == 99 ? R"(,"failure":"trap")" : ""
    );
  }
  CHECK(lines_of(AccessLogFormat::Text, work) == text);
  CHECK(lines_of(AccessLogFormat::Json, work) == json);
}

TEST_CASE("many lines, of any length and with anything in them, are as each alone") {
  // Around what is copied at once, what a record has room for, and what is cut.
  constexpr std::array kLengths{
      0, 1, 2, 15, 16, 17, 31, 32, 33, 64, 200, 255, 256, 257, 1023, 1024, 1500
  };
  constexpr int kRequests = 2000;
  const auto length = [&](int i) {
    return static_cast<std::size_t>(kLengths[i % kLengths.size()]);
  };
  const auto agent = [&](int i) {
    return std::string(length(i), static_cast<char>('a' + i % 26)) + (i % 5 == 0 ? "\"" : "");
  };
  const auto path = [&](int i) {
    return fmt::format("/{}/{}", i, std::string(length(i / 7), 'p'));
  };
  const auto route = [&](int i) { return std::string(length(i / 3), 'r'); };
  const auto work = [&](Recorder& recorder) {
    for (int i = 0; i < kRequests; ++i) {
      const std::string id = fmt::format("request-{}", i);
      const std::string user_agent = agent(i);
      const std::string target = path(i) + "?token=hunter2";
      const auto record = recorder.begin(
          {.method = "POST",
           .target = target,
           .protocol = "HTTP/1.1",
           .authority = "me:hunter2@example.com",
           .client = "192.0.2.7:4321",
           .user_agent = user_agent,
           .request_id = id}
      );
      record->set_route(route(i));
      record->end_answer(200, static_cast<std::uint64_t>(i), Ending::Gone);
    }
  };
  std::string text;
  std::string json;
  for (int i = 0; i < kRequests; ++i) {
    const std::string all = agent(i).substr(0, 1024);
    const bool is_quoted = all.ends_with('"');
    const std::string plain = is_quoted ? all.substr(0, all.size() - 1) : all;
    text += fmt::format(
        "192.0.2.7 - - [N] \"POST {} HTTP/1.1\" 200 {} \"-\" \"{}{}\" id=request-{} us=N "
        "end=gone\n",
        path(i),
        i,
        all.empty() ? "-" : plain,
        is_quoted ? "\\x22" : "",
        i
    );
    json += fmt::format(
        R"({{"time":"N","request_id":"request-{}","client":"192.0.2.7:4321","method":"POST","host":"example.com",)"
        R"("path":"{}","protocol":"HTTP/1.1","status":200,"bytes":{},"duration_us":N,"end":"gone"{}{}}})"
        "\n",
        i,
        path(i),
        i,
        route(i).empty() ? "" : fmt::format(R"(,"route":"{}")", route(i)),
        all.empty() ? "" : fmt::format(R"(,"user_agent":"{}{}")", plain, is_quoted ? "\\\"" : "")
    );
  }
  // Not shown by the framework, which would print megabytes.
  CHECK((lines_of(AccessLogFormat::Text, work) == text));
  CHECK((lines_of(AccessLogFormat::Json, work) == json));
}

TEST_CASE("a request that nobody gave an identity has one of its own") {
  const std::string text = lines_of(AccessLogFormat::Text, [](Recorder& recorder) {
    for (int i = 0; i < 2; ++i) {
      recorder.begin({.method = "GET", .target = "/"})->end_answer(200, 0, Ending::Whole);
    }
  });
  const std::size_t first = text.find(" id=") + 4;
  const std::size_t second = text.find(" id=", first) + 4;
  for (const std::size_t at : {first, second}) {
    CHECK(parse_trace_id(text.substr(at, kTraceIdDigits)));
    CHECK(text.substr(at + kTraceIdDigits, 6) == " us=N\n");
  }
  CHECK(text.substr(first, kTraceIdDigits) != text.substr(second, kTraceIdDigits));
}

}  // namespace
}  // namespace whorl::telemetry
