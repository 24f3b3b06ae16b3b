#include "log/line_writer.hpp"

#include "log/log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

namespace whorl::log {
namespace {

std::string notice(std::uint64_t dropped) {
  return fmt::format("{} dropped\n", dropped);
}

/// Two connected descriptors; the one that is read does not block.
struct Ends {
  explicit Ends(bool is_socket) {
    std::array<int, 2> both{};
    const int made =
        is_socket ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, both.data()) : ::pipe(both.data());
    REQUIRE(made == 0);
    read = fs::Fd(both[0]);
    write = fs::Fd(both[1]);
    REQUIRE(::fcntl(read.get(), F_SETFL, O_NONBLOCK) == 0);
  }
  /// What is there now.
  std::string take() const {
    std::string out;
    std::array<char, 4096> buffer{};
    ssize_t count = 0;
    while ((count = ::read(read.get(), buffer.data(), buffer.size())) > 0) {
      out.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return out;
  }
  fs::Fd read;
  fs::Fd write;
};

TEST_CASE("lines go out at once while somebody reads") {
  for (const bool is_socket : {false, true}) {
    Ends ends(is_socket);
    LineWriter writer(notice);
    writer.open(ends.write.get());
    for (int i = 0; i < 10'000; ++i) {
      const std::string line =
          fmt::format("line {} {}\n", i, std::string(static_cast<std::size_t>(i % 300), 'x'));
      writer.write(line);
      REQUIRE(ends.take() == line);
    }
    CHECK(writer.dropped_lines() == 0);
    // What others have of the descriptor still blocks.
    CHECK((::fcntl(ends.write.get(), F_GETFL) & O_NONBLOCK) == 0);
  }
}

TEST_CASE("nobody reads: lines wait, then are dropped and counted, and said to be") {
  for (const bool is_socket : {false, true}) {
    CAPTURE(is_socket);
    Ends ends(is_socket);
    LineWriter writer(notice);
    writer.open(ends.write.get());
    constexpr int kLines = 20'000;
    for (int i = 0; i < kLines; ++i) {
      writer.write(fmt::format("line {:06} {}\n", i, std::string(88, 'x')));
    }
    CHECK_FALSE(writer.flush());
    const std::uint64_t dropped = writer.dropped_lines();
    CHECK(dropped > 0);
    CHECK(dropped < kLines);
    std::string seen = ends.take();
    while (!writer.flush()) {
      seen += ends.take();
    }
    writer.write("the end\n");
    seen += ends.take();
    // Whole lines, none out of order, none missing but those that were counted.
    std::string expected;
    for (int i = 0; i < kLines - static_cast<int>(dropped); ++i) {
      expected += fmt::format("line {:06} {}\n", i, std::string(88, 'x'));
    }
    CHECK(seen == expected + notice(dropped) + "the end\n");
  }
}

TEST_CASE("a reader that has gone stops nobody") {
  Ends ends(true);
  LineWriter writer(notice);
  writer.open(ends.write.get());
  ends.read = fs::Fd();
  for (int i = 0; i < 10'000; ++i) {
    writer.write(std::string(100, 'x') + "\n");
  }
  CHECK(writer.flush());
  CHECK(writer.finish(std::chrono::milliseconds(0)));
}

TEST_CASE("the end waits for the reader, not for ever") {
  Ends ends(false);
  LineWriter writer(notice);
  writer.open(ends.write.get());
  for (int i = 0; i < 1000; ++i) {
    writer.write(std::string(100, 'x') + "\n");
  }
  CHECK_FALSE(writer.finish(std::chrono::milliseconds(1)));
  const std::size_t first = ends.take().size();
  CHECK(first <= 65'536);
  CHECK(writer.finish(std::chrono::milliseconds(1000)));
  CHECK(ends.take().size() == 101'000 - first);
}

TEST_CASE("files take everything, where others append") {
  std::string name = "/tmp/whorl-lines-XXXXXX";
  const fs::Fd file(::mkstemp(name.data()));
  REQUIRE(file.is_open());
  ::unlink(name.c_str());
  LineWriter writer(notice);
  writer.open(file.get());
  writer.write("a\n");
  REQUIRE(::write(file.get(), "b\n", 2) == 2);
  writer.write("c\n");
  std::array<char, 16> text{};
  CHECK(::pread(file.get(), text.data(), text.size(), 0) == 6);
  CHECK(std::string(text.data()) == "a\nb\nc\n");
}

}  // namespace
}  // namespace whorl::log
