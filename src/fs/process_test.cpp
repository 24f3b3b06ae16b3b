#include "fs/process.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace whorl::fs {
namespace {

/// Runs a command to its end and gives what it printed.
std::string output_of(const std::string& command, ProcessOptions options, ProcessEnd& end) {
  auto pipe = make_pipe();
  REQUIRE(pipe);
  options.output = pipe->write.get();
  auto process = Process::start_shell(command, options);
  REQUIRE(process);
  pipe->write = Fd();
  std::string out;
  std::array<char, 256> buffer{};
  while (true) {
    pollfd waited{pipe->read.get(), POLLIN, 0};
    REQUIRE(::poll(&waited, 1, 10'000) == 1);
    const auto count = ::read(pipe->read.get(), buffer.data(), buffer.size());
    if (count <= 0) {
      break;
    }
    out.append(buffer.data(), static_cast<std::size_t>(count));
  }
  end = process->wait();
  CHECK(process->poll()->to_text() == end.to_text());
  return out;
}

TEST_CASE("a command's output, folder and end") {
  ProcessEnd end;
  CHECK(output_of("echo out; echo err >&2; exit 3", {}, end) == "out\nerr\n");
  CHECK(end.to_text() == "Exited(3)");
  CHECK_FALSE(end.is_success());
  CHECK(output_of("pwd", {.directory = "/"}, end) == "/\n");
  CHECK(end.is_success());
  CHECK(output_of("kill -9 $$", {}, end).empty());
  CHECK(end.to_text() == "Signaled(9)");
}

TEST_CASE("a folder that is missing") {
  const auto process = Process::start_shell("true", {.directory = "/nosuch/folder"});
  REQUIRE_FALSE(process);
  CHECK(process.error().kind() == ErrorKind::NotFound);
}

TEST_CASE("a group is ended with everything in it") {
  auto pipe = make_pipe();
  REQUIRE(pipe);
  {
    auto process = Process::start_shell(
        "sleep 1000 & echo started; sleep 1000",
        {.output = pipe->write.get(), .group = ProcessGroup::Own}
    );
    REQUIRE(process);
    pipe->write = Fd();
    pollfd waited{pipe->read.get(), POLLIN, 0};
    REQUIRE(::poll(&waited, 1, 10'000) == 1);
    CHECK_FALSE(process->poll());
  }
  // The end of the pipe comes when the last process that could write is gone.
  std::array<char, 64> buffer{};
  CHECK(::read(pipe->read.get(), buffer.data(), buffer.size()) == 8);
  pollfd waited{pipe->read.get(), POLLIN, 0};
  REQUIRE(::poll(&waited, 1, 10'000) == 1);
  CHECK(::read(pipe->read.get(), buffer.data(), buffer.size()) == 0);
}

TEST_CASE("blocked and ignored signals are not inherited") {
  sigset_t mine;
  sigset_t before;
  sigemptyset(&mine);
  sigaddset(&mine, SIGTERM);
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &mine, &before) == 0);
  std::signal(SIGPIPE, SIG_IGN);
  ProcessEnd end;
  CHECK(output_of("kill -TERM $$; echo alive", {}, end).empty());
  CHECK(end.to_text() == "Signaled(15)");
  CHECK(output_of("kill -PIPE $$; echo alive", {}, end).empty());
  CHECK(end.to_text() == "Signaled(13)");
  std::signal(SIGPIPE, SIG_DFL);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("the descriptor is readable at the end") {
  auto process = Process::start_shell("exit 0", {});
  REQUIRE(process);
  pollfd waited{process->descriptor(), POLLIN, 0};
  CHECK(::poll(&waited, 1, 10'000) == 1);
  CHECK(process->poll()->is_success());
}

}  // namespace
}  // namespace whorl::fs
