#include "cli/trigger_processes.hpp"

#include "app/file_url.hpp"
#include "app/json.hpp"
#include "app/lock_file.hpp"
#include "cli/plugins.hpp"
#include "fs/file.hpp"
#include "fs/process.hpp"
#include "log/terminal.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

namespace whorl::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// How long a trigger may take to say which flags it has.
constexpr std::chrono::seconds kMetadataTime{10};
/// How long triggers may take to end, once they were told to.
constexpr std::chrono::seconds kEndTime{8};
constexpr std::size_t kMaxMetadataBytes = std::size_t{1} << 20;
constexpr int kMaxExitCode = 255;
constexpr int kSignalledCode = 128;
constexpr int kStdout = 1;

int milliseconds_until(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

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

/// The arguments of each trigger; all for all if one cannot be asked.
Result<std::vector<std::vector<std::string>>> share(
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

/// Signals that end the program, as something to wait for, while it lives.
class EndSignals {
 public:
  EndSignals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
      sigaddset(&set, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
    fd_ = fs::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;
  ~EndSignals() {
    // What was seen must not arrive a second time.
    signalfd_siginfo info{};
    while (::read(fd_.get(), &info, sizeof info) == sizeof info) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }

 private:
  sigset_t before_{};
  fs::Fd fd_;
};

class Processes {
 public:
  [[nodiscard]] Result<void> start(
      const TriggerExecutor& executor,
      const std::vector<std::string>& arguments,
      const std::vector<std::pair<std::string, std::string>>& contract
  ) {
    fs::ProcessOptions options = options_for(executor);
    options.environment.insert(options.environment.end(), contract.begin(), contract.end());
    WHORL_TRY(
        auto process,
        fs::Process::start_program(words_of(executor, arguments), options)
            .context("cannot start the '{}' trigger", executor.type)
    );
    list_.push_back(std::move(process));
    return {};
  }

  /// @return the exit code of the whole
  [[nodiscard]] int run(const EndSignals& signals) {
    const auto first = wait(signals.descriptor(), Clock::time_point::max());
    int code = 0;
    if (first && !first->is_success()) {
      code = first->kind == fs::ProcessEnd::Kind::Exited ? first->value
                                                         : kSignalledCode + first->value;
      if (list_.size() > 1) {
        log::write_all(kStdout, "A trigger exited unexpectedly. Terminating.\n");
      }
    }
    end_all();
    return std::min(code, kMaxExitCode);
  }

 private:
  /// Waits until a process that ran ends, or the other descriptor is readable, or the time is over.
  /// @return how the process ended
  std::optional<fs::ProcessEnd> wait(int other, Clock::time_point end) {
    std::vector<pollfd> fds = {{other, POLLIN, 0}};
    for (const fs::Process& process : list_) {
      fds.push_back({process.descriptor(), POLLIN, 0});
    }
    while (true) {
      const bool forever = end == Clock::time_point::max();
      const int ready = ::poll(fds.data(), fds.size(), forever ? -1 : milliseconds_until(end));
      for (std::size_t i = 0; ready > 0 && i < list_.size(); ++i) {
        if (fds[i + 1].revents == 0) {
          continue;
        }
        if (const auto ended = list_[i].poll()) {
          return ended;
        }
      }
      if ((ready > 0 && fds[0].revents != 0) || ready == 0) {
        return std::nullopt;
      }
    }
  }

  /// Tells all to end; those that take too long are killed when they are destroyed.
  void end_all() {
    for (fs::Process& process : list_) {
      process.signal(SIGTERM);
    }
    const auto end = Clock::now() + kEndTime;
    for (fs::Process& process : list_) {
      pollfd ended{process.descriptor(), POLLIN, 0};
      while (!process.poll() && Clock::now() < end) {
        (void)::poll(&ended, 1, milliseconds_until(end));
      }
    }
    list_.clear();
  }

  std::vector<fs::Process> list_;
};

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

Result<int> run_trigger_processes(
    const std::vector<TriggerExecutor>& executors, const TriggerTask& task
) {
  WHORL_TRY(const auto arguments, share(executors, task.arguments));
  const std::string lock = fs::join(task.folder, "spin.lock");
  WHORL_CHECKED(fs::write_file_atomic(lock, as_bytes(app::write_lock(*task.app))));
  std::vector<std::pair<std::string, std::string>> contract = {
      {"SPIN_LOCKED_URL", app::to_file_url(lock)},
      {"SPIN_WORKING_DIR", task.folder},
  };
  if (task.app->app_dir) {
    contract.emplace_back("SPIN_LOCAL_APP_DIR", *task.app->app_dir);
  }
  const EndSignals signals;
  Processes processes;
  for (std::size_t i = 0; i < executors.size(); ++i) {
    WHORL_CHECKED(processes.start(executors[i], arguments[i], contract));
  }
  return processes.run(signals);
}

void print_trigger_help(const std::vector<TriggerExecutor>& executors) {
  for (const TriggerExecutor& executor : executors) {
    if (const auto text = ask(executor, "--help-args-only")) {
      log::write_all(kStdout, "\n" + *text);
    }
  }
}

}  // namespace whorl::cli
