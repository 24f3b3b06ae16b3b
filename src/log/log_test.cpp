#include "log/log.hpp"

#include "fs/file.hpp"
#include "log/rate_limit.hpp"
#include "log/terminal.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::log {
namespace {

/// A pipe that plays the operator's stderr.
class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    read_ = fs::Fd(ends[0]);
    write_ = fs::Fd(ends[1]);
  }
  [[nodiscard]] int writer() const { return write_.get(); }
  std::string drain() {
    write_ = fs::Fd();
    std::string out;
    std::array<char, 4096> buffer{};
    ssize_t count = 0;
    while ((count = ::read(read_.get(), buffer.data(), buffer.size())) > 0) {
      out.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return out;
  }

 private:
  fs::Fd read_;
  fs::Fd write_;
};

TEST_CASE("filter directives") {
  struct Row {
    std::string_view text;
    Level level;
    std::string_view target;
    bool shown;
  };
  static constexpr Row kRows[] = {
      {"error", Level::Error, "whorl::net", true},
      {"error", Level::Warn, "whorl::net", false},
      {"WARN", Level::Warn, "anything", true},
      {"4", Level::Debug, "anything", true},
      {"0", Level::Error, "anything", false},
      {"off", Level::Error, "anything", false},
      {"error,whorl=warn", Level::Warn, "whorl::net", true},
      {"error,whorl=warn", Level::Warn, "whorl_net", true},
      {"error,whorl=warn", Level::Warn, "other", false},
      {"whorl=debug", Level::Error, "other", false},
      {"whorl::net=off,whorl=info", Level::Error, "whorl::net::tls", false},
      {"whorl::net=off,whorl=info", Level::Info, "whorl::http", true},
      {"whorl", Level::Trace, "whorl::http", true},
      {"whorl=", Level::Trace, "whorl::http", true},
      {" info , whorl=error ", Level::Info, "x", true},
      {"info,info,error", Level::Info, "x", false},
      {"", Level::Error, "x", false},
      {",,", Level::Error, "x", false},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CAPTURE(row.target);
    CHECK(Filter::parse(row.text).allows(row.level, row.target) == row.shown);
  }
  CHECK(Filter::defaults().allows(Level::Warn, "whorl"));
  CHECK_FALSE(Filter::defaults().allows(Level::Info, "whorl"));
  CHECK_FALSE(Filter::defaults().allows(Level::Warn, "spin"));
  CHECK(Filter::parse("error,x=debug").max_level() == 4);
}

TEST_CASE("unreadable directives are named and left out") {
  std::vector<std::string> rejected;
  const Filter filter = Filter::parse("x=loud,[span]=info,warn", &rejected);
  REQUIRE(rejected.size() == 2);
  CHECK(
      rejected[0] ==
      "`x=loud`: error parsing level filter: expected one of \"off\", \"error\", \"warn\", "
      "\"info\", \"debug\", \"trace\", or a number 0-5"
  );
  CHECK(rejected[1] == "`[span]=info`: invalid filter directive");
  CHECK(filter.allows(Level::Warn, "x"));
}

TEST_CASE("a line's form") {
  Pipe pipe;
  configure(Filter::parse("warn,loud=trace"), pipe.writer());
  error("whorl::net", "accept failed: {}", 7);
  warn("x", "two\nlines");
  info("x", "not shown");
  debug("loud", "shown \x1b[2J\x07");
  configure(Filter());
  const std::string text = pipe.drain();
  constexpr std::size_t kTime = std::string_view("2026-08-21T10:00:00.123456Z").size();
  std::string masked = text;
  // Each line of the log begins with a time; the second line of the message does not.
  for (const std::string_view level : {" ERROR ", "  WARN ", " DEBUG "}) {
    const auto at = masked.find(level);
    REQUIRE(at != std::string::npos);
    REQUIRE(at >= kTime);
    masked.replace(at - kTime, kTime, "TIME");
  }
  CHECK(
      masked ==
      "TIME ERROR whorl::net: accept failed: 7\n"
      "TIME  WARN x: two\nlines\n"
      "TIME DEBUG loud: shown \\u{1b}[2J\\u{7}\n"
  );
  CHECK_FALSE(is_enabled(Level::Error, "x"));
}

TEST_CASE("times have microseconds") {
  using std::chrono::microseconds;
  using std::chrono::system_clock;
  CHECK(format_time(system_clock::time_point{}) == "1970-01-01T00:00:00.000000Z");
  CHECK(
      format_time(system_clock::time_point(microseconds(1'787'306'400'123'456))) ==
      "2026-08-21T10:00:00.123456Z"
  );
  CHECK(format_time(system_clock::time_point(microseconds(-1))) == "1969-12-31T23:59:59.999999Z");
}

TEST_CASE("control characters are made visible") {
  CHECK(escape_controls("a\nb\tc", LineBreaks::Keep) == "a\nb\tc");
  CHECK(escape_controls("a\nb\tc", LineBreaks::Escape) == "a\\u{a}b\\u{9}c");
  CHECK(escape_controls("\x7f\r\xC2\x9B z", LineBreaks::Keep) == "\\u{7f}\\u{d}\\u{9b} z");
  CHECK(escape_controls("\xC3\xA9\xC2\xA0", LineBreaks::Escape) == "\xC3\xA9\xC2\xA0");
}

TEST_CASE("a rate limit lets a burst through per window and counts the rest") {
  using std::chrono::seconds;
  using std::chrono::steady_clock;
  RateLimit limit(2, seconds(10));
  const auto at = [](int second) { return steady_clock::time_point(seconds(second)); };
  CHECK(limit.admit(at(0)) == 0);
  CHECK(limit.admit(at(1)) == 0);
  CHECK_FALSE(limit.admit(at(2)));
  CHECK_FALSE(limit.admit(at(9)));
  CHECK(limit.admit(at(10)) == 2);
  CHECK(limit.admit(at(11)) == 0);
  CHECK_FALSE(limit.admit(at(12)));
  CHECK(limit.admit(at(100)) == 1);
}

TEST_CASE("a limited line says what was left out") {
  Pipe pipe;
  configure(Filter::parse("info"), pipe.writer());
  RateLimit limit(1, std::chrono::hours(1));
  log_limited(limit, Level::Info, "x", "first");
  log_limited(limit, Level::Info, "x", "second");
  log_limited(limit, Level::Debug, "x", "not enabled");
  configure(Filter());
  const std::string text = pipe.drain();
  CHECK(text.ends_with("INFO x: first\n"));
}

}  // namespace
}  // namespace whorl::log
