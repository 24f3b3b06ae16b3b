#include "log/guest_output.hpp"

#include "fs/file.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>

namespace whorl::log {
namespace {

/// Puts a pipe in place of stderr and gives back what arrived there.
class StderrCapture {
 public:
  StderrCapture() : saved_(::dup(2)) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    read_ = fs::Fd(ends[0]);
    REQUIRE(::dup2(ends[1], 2) == 2);
    ::close(ends[1]);
  }
  /// What is in the pipe now.
  std::string read_now() {
    std::string out;
    std::array<char, 4096> buffer{};
    pollfd entry{.fd = read_.get(), .events = POLLIN, .revents = 0};
    while (::poll(&entry, 1, 0) == 1) {
      const ssize_t count = ::read(read_.get(), buffer.data(), buffer.size());
      REQUIRE(count > 0);
      out.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return out;
  }
  std::string stop() {
    ::dup2(saved_.get(), 2);
    std::string out;
    std::array<char, 4096> buffer{};
    ssize_t count = 0;
    while ((count = ::read(read_.get(), buffer.data(), buffer.size())) > 0) {
      out.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return out;
  }

 private:
  fs::Fd saved_;
  fs::Fd read_;
};

std::string shown(std::string_view text) {
  TerminalFilter filter;
  std::string out;
  filter.filter(as_bytes(text), out);
  return out;
}

TEST_CASE("what a guest may show on a terminal") {
  struct Row {
    std::string_view in;
    std::string_view out;
  };
  static constexpr Row kRows[] = {
      {"plain\ttext\r\n", "plain\ttext\r\n"},
      {"\xC3\xA9\xE2\x82\xAC \xF0\x9F\x98\x80", "\xC3\xA9\xE2\x82\xAC \xF0\x9F\x98\x80"},
      {"a\x1b[31mred\x1b[0mb", "aredb"},
      {"a\x1b[2J\x1b[1;1Hb", "ab"},
      {"a\x1b]0;title\x07z", "az"},
      {"a\x1b]52;c;aGk=\x1b\\z", "az"},
      {"a\x1bPdcs\x1b\\z", "az"},
      {"a\x1b(Bz", "az"},
      {"a\x1b"
       "cz",
       "az"},
      {"a\x07\x08\x7f\x00z", "a"},
      {"a\xC2\x9B"
       "31mz",
       "az"},
      {"a\xC2\xA9z", "a\xC2\xA9z"},
      {"a\x1b]never ends\nnext", "anext"},
      {"a\x1b[12\nnext", "a\nnext"},
      {"a\x1b[31\x1b[0mz", "az"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.in);
    CHECK(shown(row.in) == row.out);
  }
  CHECK(shown(std::string_view("a\0z", 3)) == "az");
}

TEST_CASE("a sequence may be split anywhere") {
  constexpr std::string_view kText =
      "a\x1b[31mb\x1b]0;t\x1b\\c\xC2\x9B"
      "1md\xC2\xA9";
  for (std::size_t cut = 0; cut <= kText.size(); ++cut) {
    TerminalFilter filter;
    std::string out;
    filter.filter(as_bytes(kText.substr(0, cut)), out);
    filter.filter(as_bytes(kText.substr(cut)), out);
    CHECK(out == "abcd\xC2\xA9");
  }
}

TEST_CASE("files per component and stream, and the host's stderr") {
  const fs::test::TestFolder folder;
  StderrCapture capture;
  {
    auto output = GuestOutput::open({.directory = folder.path("logs")});
    REQUIRE(output);
    auto out = output->sink("hello", GuestStream::Stdout);
    REQUIRE(out);
    CHECK(output->sink("hello", GuestStream::Stdout)->get() == out->get());
    (*out)->write(as_bytes("one\n"));
    (*out)->write(as_bytes("\x1b[31mtwo\n"));
    auto err = output->sink("hello", GuestStream::Stderr);
    REQUIRE(err);
  }
  CHECK(capture.stop() == "one\n\x1b[31mtwo\n");
  CHECK(folder.text("logs/hello_stdout.txt") == "one\n\x1b[31mtwo\n");
  CHECK(folder.text("logs/hello_stderr.txt") == "");
}

TEST_CASE("quiet, follow, truncate and no directory") {
  const fs::test::TestFolder folder;
  const auto run = [&](GuestOutputOptions options) {
    StderrCapture capture;
    auto output = GuestOutput::open(std::move(options));
    if (output) {
      for (const std::string_view id : {"a", "b"}) {
        (*output->sink(id, GuestStream::Stdout))->write(as_bytes(id));
      }
    }
    return capture.stop();
  };
  const std::string logs = folder.path("logs");
  CHECK(run({.directory = logs, .quiet = true}) == "");
  CHECK(run({.directory = logs, .follow = {"b"}}) == "b");
  CHECK(folder.text("logs/a_stdout.txt") == "aa");
  CHECK(run({.directory = logs, .truncate = true}) == "ab");
  CHECK(folder.text("logs/a_stdout.txt") == "a");
  CHECK(run({.quiet = true}) == "ab");
}

TEST_CASE("what is put in is written by the next flush, all together") {
  using Need = GuestSink::Need;
  const fs::test::TestFolder folder;
  auto output = GuestOutput::open({.directory = folder.path("logs"), .quiet = true});
  REQUIRE(output);
  const auto sink = *output->sink("hello", GuestStream::Stdout);
  CHECK(sink->put(as_bytes("one\n")) == Need::Soon);
  CHECK(sink->put(as_bytes("two\n")) == Need::Nothing);
  CHECK(folder.text("logs/hello_stdout.txt") == "");
  CHECK(sink->flush() == GuestSink::Flushed::All);
  CHECK(folder.text("logs/hello_stdout.txt") == "one\ntwo\n");
  CHECK(sink->put(as_bytes("three\n")) == Need::Soon);
  CHECK(sink->put(as_bytes(std::string(GuestSink::kFlushAt, 'x'))) == Need::Now);
}

TEST_CASE("a reader that does not read holds nobody up, and loses only what finds no room") {
  StderrCapture capture;
  std::string accepted;
  std::string arrived;
  {
    auto output = GuestOutput::open({});
    REQUIRE(output);
    const auto sink = *output->sink("hello", GuestStream::Stdout);
    std::uint64_t dropped = 0;
    for (int i = 0; dropped == 0; ++i) {
      const std::string line = fmt::format("{:01000}\n", i);
      if (sink->put(as_bytes(line)) == GuestSink::Need::Now) {
        (void)sink->flush();
      }
      dropped = sink->dropped_bytes();
      if (dropped == 0) {
        accepted += line;
      }
    }
    CHECK(accepted.size() > GuestSink::kMaxWaiting);
    CHECK(sink->flush() == GuestSink::Flushed::Waiting);
    while (sink->flush() == GuestSink::Flushed::Waiting) {
      arrived += capture.read_now();
    }
    CHECK(sink->put(as_bytes("last\n")) == GuestSink::Need::Soon);
  }
  arrived += capture.stop();
  CHECK(arrived == accepted + "last\n");
}

TEST_CASE("a log directory that cannot be made is named") {
  auto output = GuestOutput::open({.directory = "/dev/null/logs"});
  REQUIRE_FALSE(output);
  CHECK(output.error().contexts().at(0) == "failed to create directory \"/dev/null/logs\"");
}

TEST_CASE("log file names") {
  CHECK(log_file_name("hello", GuestStream::Stdout) == "hello_stdout.txt");
  CHECK(log_file_name("../../etc/x", GuestStream::Stderr) == "....etcx_stderr.txt");
  CHECK(log_file_name("..", GuestStream::Stderr) == "component_stderr.txt");
  CHECK(log_file_name(std::string(400, 'x'), GuestStream::Stdout).size() == 211);
}

}  // namespace
}  // namespace whorl::log
