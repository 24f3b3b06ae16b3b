// What is installed to build with Rust, asked of the tools themselves.
#include "doctor/diagnose.hpp"
#include "fs/file.hpp"
#include "fs/process.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::doctor {
namespace {

constexpr std::string_view kTarget = "wasm32-wasip2";
/// What `rustup` prints is a line a target.
constexpr std::size_t kMaxOutput = 100'000;

bool is_on_path(std::string_view program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    const std::string candidate = fs::join(rest.substr(0, end), program);
    if (fs::kind_of(candidate) == fs::Kind::File && ::access(candidate.c_str(), X_OK) == 0) {
      return true;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

/// What a command prints; nothing if it cannot be run or fails.
std::optional<std::string> output_of(const std::string& command) {
  auto pipe = fs::make_pipe();
  if (!pipe) {
    return std::nullopt;
  }
  auto child = fs::Process::start_shell(command, {.output = pipe->write.get()});
  pipe->write = fs::Fd();
  if (!child) {
    return std::nullopt;
  }
  std::string out;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t count = ::read(pipe->read.get(), part.data(), part.size());
    if (count > 0 && out.size() < kMaxOutput) {
      out.append(part.data(), static_cast<std::size_t>(count));
    } else if (count < 0 && errno == EAGAIN) {
      pollfd waiting{.fd = pipe->read.get(), .events = POLLIN, .revents = 0};
      ::poll(&waiting, 1, -1);
    } else if (count >= 0 || errno != EINTR) {
      break;
    }
  }
  // Who still writes is not waited for.
  pipe->read = fs::Fd();
  return child->wait().is_success() ? std::optional(std::move(out)) : std::nullopt;
}

bool has_line(std::string_view text, std::string_view line) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (text.substr(0, end) == line) {
      return true;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

}  // namespace

RustTools find_rust_tools() {
  RustTools out{.has_cargo = is_on_path("cargo"), .target = RustTools::Target::Unknown};
  if (!is_on_path("rustup")) {
    return out;
  }
  out.has_cargo = true;
  if (const auto installed = output_of("rustup target list --installed")) {
    out.target =
        has_line(*installed, kTarget) ? RustTools::Target::Installed : RustTools::Target::Missing;
  }
  return out;
}

}  // namespace whorl::doctor
