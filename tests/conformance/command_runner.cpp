#include "command_runner.hpp"

#include "fs/file.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

namespace whorl::conformance {
namespace {

Result<wasi::Preopen> open_preopen(std::string_view text, wasi::files::Grant grant) {
  const std::size_t at = text.find("::");
  const std::string host(text.substr(0, at));
  auto directory = wasi::files::Directory::open_host(host, grant);
  if (!directory) {
    return fs::errno_error(directory.error()).context("opening " + fs::quote_path(host));
  }
  return wasi::Preopen{
      at == std::string_view::npos ? host : std::string(text.substr(at + 2)),
      *std::move(directory),
  };
}

/// Reads one option. @param value  what follows it @return how many words it took; 0: none
Result<std::size_t> read_option(
    std::string_view name, std::optional<std::string_view> value, CommandOptions& out
) {
  if (name == "--stdin") {
    out.reads_stdin = true;
    return std::size_t{1};
  }
  if (!name.starts_with("--")) {
    return std::size_t{0};
  }
  if (!value) {
    return fail(ErrorKind::InvalidInput, "{} needs a value", name);
  }
  if (name == "--env") {
    const std::size_t at = value->find('=');
    if (at == std::string_view::npos) {
      return fail(ErrorKind::InvalidInput, "--env wants NAME=VALUE");
    }
    out.environment.emplace_back(value->substr(0, at), value->substr(at + 1));
  } else if (name == "--dir" || name == "--read-only-dir") {
    const auto grant = name == "--dir" ? wasi::files::Grant::ReadWrite : wasi::files::Grant::Read;
    WHORL_TRY(auto preopen, open_preopen(*value, grant));
    out.preopens.push_back(std::move(preopen));
  } else if (name == "--timeout") {
    int seconds = 0;
    std::from_chars(value->data(), value->data() + value->size(), seconds);
    out.timeout = std::chrono::seconds(seconds);
  } else {
    return fail(ErrorKind::InvalidInput, "unknown option {}", name);
  }
  return std::size_t{2};
}

}  // namespace

Result<CommandOptions> read_options(std::span<char*> words) {
  CommandOptions out;
  while (!words.empty()) {
    std::optional<std::string_view> value;
    if (words.size() > 1) {
      value = words[1];
    }
    WHORL_TRY(const std::size_t taken, read_option(words[0], value, out));
    if (taken == 0) {
      break;
    }
    words = words.subspan(taken);
  }
  if (words.empty()) {
    return fail(ErrorKind::InvalidInput, "no module is given");
  }
  out.module = words[0];
  out.arguments.assign(words.begin(), words.end());
  out.arguments[0] = fs::file_name(out.module);
  return out;
}

int exit_code_of(const engine::Trap& trap) {
  if (trap.kind == engine::TrapKind::Exit) {
    return trap.exit_code;
  }
  log::write_all(STDERR_FILENO, fmt::format("trap: {}\n", trap.to_text()));
  return kTrapped;
}

int run_main(std::span<char*> words, std::move_only_function<Result<int>(CommandOptions)> run) {
  auto options = read_options(words);
  const auto code = options ? run(*std::move(options)) : Result<int>(options.take_error());
  if (!code) {
    log::write_all(STDERR_FILENO, fmt::format("error: {}\n", code.error().to_line()));
    return kCannotRun;
  }
  return *code;
}

}  // namespace whorl::conformance
