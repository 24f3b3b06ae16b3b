/// What the runners of WASI commands share: the command line, and standard streams that are those
/// of this process.
#pragma once

#include "base/result.hpp"
#include "engine/trap.hpp"
#include "log/terminal.hpp"
#include "wasi/context.hpp"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::conformance {

/// Exit codes beside the guest's.
inline constexpr int kTrapped = 134;
inline constexpr int kCannotRun = 2;

struct CommandOptions {
  std::string module;
  std::vector<std::string> arguments;
  std::vector<wasi::EnvironmentVariable> environment;
  std::vector<wasi::Preopen> preopens;
  bool reads_stdin = false;
  std::chrono::seconds timeout{60};
};

/// `[--env NAME=VALUE]… [--dir HOST::GUEST]… [--read-only-dir HOST::GUEST]… [--stdin]
/// [--timeout SECONDS] MODULE [ARGUMENT]…`
[[nodiscard]] Result<CommandOptions> read_options(std::span<char*> words);
/// Reads the options, runs the command with them and says what went wrong.
/// @return what main() returns
[[nodiscard]] int run_main(
    std::span<char*> words, std::move_only_function<Result<int>(CommandOptions)> run
);
/// The exit code of a guest that ended so.
[[nodiscard]] int exit_code_of(const engine::Trap& trap);

/// Standard output or error of this process.
class ProcessOutput final : public wasi::OutputSink {
 public:
  explicit ProcessOutput(int fd) noexcept : fd_(fd) {}
  [[nodiscard]] std::size_t room() const noexcept override { return std::size_t{64} * 1024; }
  void write(ByteView bytes) override { log::write_all(fd_, as_text(bytes)); }

 private:
  int fd_;
};

/// Standard input of this process; reading it blocks, which harms nobody here.
class ProcessInput final : public wasi::InputSource {
 public:
  [[nodiscard]] ByteView available() override {
    if (begin_ == end_ && !ended_) {
      const ssize_t got = ::read(STDIN_FILENO, buffer_.data(), buffer_.size());
      ended_ = got <= 0;
      begin_ = 0;
      end_ = ended_ ? 0 : static_cast<std::size_t>(got);
    }
    return ByteView(buffer_).subspan(begin_, end_ - begin_);
  }
  void consume(std::size_t count) override { begin_ += count; }
  [[nodiscard]] bool is_ended() override { return ended_; }

 private:
  std::array<std::uint8_t, 4096> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
};

}  // namespace whorl::conformance
