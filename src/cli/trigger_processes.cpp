#include "cli/trigger_processes.hpp"

#include "app/json.hpp"
#include "cli/plugins.hpp"
#include "fs/process.hpp"
#include "log/terminal.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

namespace whorl::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// How long a trigger may take to say which flags it has.
constexpr std::chrono::seconds kMetadataTime{10};
constexpr std::size_t kMaxMetadataBytes = std::size_t{1} << 20;
constexpr int kStdout = 1;

int milliseconds_until(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

/// Everything a trigger prints when it is asked something; nothing if that takes too long.
std::optional<std::string> ask(const TriggerExecutor& executor, std::string_view question) {
  auto pipe = fs::make_pipe();
  if (!pipe) {
    return std::nullopt;
  }
  fs::ProcessOptions options = options_for(executor);
  options.output = pipe->write.get();
  options.group = fs::ProcessGroup::Own;
  options.environment.emplace_back("SPIN_PLUGINS_SUPPRESS_COMPATIBILITY_WARNINGS", "1");
  auto process = fs::Process::start_program(words_of(executor, {std::string(question)}), options);
  if (!process) {
    return std::nullopt;
  }
  pipe->write = fs::Fd();
  const auto end = Clock::now() + kMetadataTime;
  std::string out;
  while (out.size() < kMaxMetadataBytes) {
    pollfd readable{pipe->read.get(), POLLIN, 0};
    if (::poll(&readable, 1, milliseconds_until(end)) <= 0) {
      return std::nullopt;
    }
    std::array<char, 4096> piece{};
    const ssize_t size = ::read(pipe->read.get(), piece.data(), piece.size());
    if (size <= 0) {
      break;
    }
    out.append(piece.data(), static_cast<std::size_t>(size));
  }
  return process->wait().is_success() ? std::optional(std::move(out)) : std::nullopt;
}

/// The flags of a trigger, long and short.
std::optional<std::vector<std::string>> flags_of(const TriggerExecutor& executor) {
  const auto text = ask(executor, "--launch-metadata-only");
  const auto json =
      text ? app::parse_json(*text, kMaxMetadataBytes) : Result<app::Value>(app::Value());
  const app::Value* all = json ? json->find("all_flags") : nullptr;
  const auto* list = all == nullptr ? nullptr : all->as_array();
  if (list == nullptr) {
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (const app::Value& flag : *list) {
    for (const char* const form : {"short", "long"}) {
      const app::Value* name = flag.find(form);
      if (name != nullptr && name->as_string() != nullptr) {
        out.push_back(*name->as_string());
      }
    }
  }
  return out;
}

Error no_executor(const std::string& type) {
  const std::string plugin = "trigger-" + type;
  if (is_in_catalogue(plugin)) {
    return fail(
        ErrorKind::NotFound,
        "No built-in trigger named '{}', but plugin '{}' is available to install",
        type,
        plugin
    );
  }
  return fail(
      ErrorKind::NotFound,
      "No built-in trigger named '{}', and no plugin named '{}' was found",
      type,
      plugin
  );
}

}  // namespace

std::vector<std::string> words_of(
    const TriggerExecutor& executor, const std::vector<std::string>& arguments
) {
  std::vector<std::string> out = executor.command;
  out.insert(out.end(), arguments.begin(), arguments.end());
  return out;
}

fs::ProcessOptions options_for(const TriggerExecutor& executor) {
  fs::ProcessOptions out;
  if (!executor.is_builtin) {
    out.environment = plugin_environment();
  }
  return out;
}

Result<std::vector<TriggerExecutor>> find_executors(const app::LockedApp& app) {
  std::vector<TriggerExecutor> out;
  for (const app::Trigger& trigger : app.triggers) {
    if (std::ranges::find(out, trigger.type, &TriggerExecutor::type) != out.end()) {
      continue;
    }
    if (trigger.type == "http" || trigger.type == "redis") {
      out.push_back(
          {.type = trigger.type,
           .command = {own_path(), "trigger", trigger.type},
           .is_builtin = true}
      );
      continue;
    }
    WHORL_TRY(auto program, find_plugin("trigger-" + trigger.type));
    if (!program) {
      return no_executor(trigger.type);
    }
    WHORL_CHECKED(check_compatible("trigger-" + trigger.type));
    out.push_back({.type = trigger.type, .command = {*std::move(program)}});
  }
  return out;
}

Result<std::vector<std::vector<std::string>>> share_arguments(
    const std::vector<std::string>& arguments, const std::vector<std::vector<std::string>>& flags
) {
  std::vector<std::vector<std::string>> out(flags.size());
  for (std::size_t at = 0; at < arguments.size();) {
    const std::string& flag = arguments[at];
    const bool has_value = at + 1 < arguments.size() && !arguments[at + 1].starts_with('-');
    const std::size_t end = at + (has_value ? 2 : 1);
    bool is_claimed = false;
    for (std::size_t i = 0; i < flags.size(); ++i) {
      if (std::ranges::find(flags[i], flag.substr(0, flag.find('='))) == flags[i].end()) {
        continue;
      }
      is_claimed = true;
      for (std::size_t word = at; word < end; ++word) {
        out[i].push_back(arguments[word]);
      }
    }
    if (!is_claimed) {
      return fail(ErrorKind::InvalidInput, "Unrecognised trigger option \"{}\"", flag);
    }
    at = end;
  }
  return out;
}

Result<std::vector<std::vector<std::string>>> arguments_of(
    const std::vector<TriggerExecutor>& executors, const std::vector<std::string>& arguments
) {
  std::vector<std::vector<std::string>> everything(executors.size(), arguments);
  if (executors.size() == 1 || arguments.empty()) {
    return everything;
  }
  std::vector<std::vector<std::string>> flags;
  for (const TriggerExecutor& executor : executors) {
    auto known = flags_of(executor);
    if (!known) {
      return everything;
    }
    flags.push_back(*std::move(known));
  }
  return share_arguments(arguments, flags);
}

void print_trigger_help(const std::vector<TriggerExecutor>& executors) {
  for (const TriggerExecutor& executor : executors) {
    if (const auto text = ask(executor, "--help-args-only")) {
      log::write_all(kStdout, "\n" + *text);
    }
  }
}

}  // namespace whorl::cli
