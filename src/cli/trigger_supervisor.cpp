#include "cli/trigger_supervisor.hpp"

#include "app/file_url.hpp"
#include "app/lock_file.hpp"
#include "cli/report.hpp"
#include "cli/trigger_part.hpp"
#include "fs/file.hpp"
#include "fs/process.hpp"
#include "log/terminal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <utility>

namespace whorl::cli {
namespace {

using Clock = std::chrono::steady_clock;
using SharedApp = std::shared_ptr<const app::LockedApp>;
using Words = std::vector<std::string>;

/// How long triggers may take to end, once they were told to.
constexpr std::chrono::seconds kEndTime{8};
/// A plugin that was started anew and fails within this time takes the version back.
constexpr std::chrono::milliseconds kTrialTime{500};
constexpr int kMaxExitCode = 255;
constexpr int kSignalledCode = 128;
constexpr int kStdout = 1;
constexpr int kStderr = 2;

int milliseconds_until(Clock::time_point end) {
  if (end == Clock::time_point::max()) {
    return -1;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

int exit_code(const fs::ProcessEnd& end) {
  const bool has_exited = end.kind == fs::ProcessEnd::Kind::Exited;
  return std::min(has_exited ? end.value : kSignalledCode + end.value, kMaxExitCode);
}

/// The signals of this process as something to wait for, while it lives.
class Signals {
 public:
  enum class Kind : std::uint8_t { None, Stop, Reload };

  Signals() : terminal_(::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
      sigaddset(&set, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
    fd_ = fs::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals() {
    // What was seen must not arrive a second time.
    while (take() != Kind::None) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }
  /// With a terminal a hangup ends the program, as everywhere.
  [[nodiscard]] Kind take() {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != sizeof info) {
      return Kind::None;
    }
    return info.ssi_signo == SIGHUP && !terminal_.is_open() ? Kind::Reload : Kind::Stop;
  }

 private:
  sigset_t before_{};
  fs::Fd fd_;
  fs::Fd terminal_;
};

/// A trigger type's process, and what it was started with.
struct Running {
  TriggerExecutor executor;
  Words arguments;
  std::string part;  ///< of a plugin: what it would notice of a change
  SharedApp app;     ///< whose files it may use
  SharedApp before;  ///< of one that replaces it in place: what its last requests may use
  fs::Process process;
};

/// Takes those away that do not stay.
std::vector<Running> take_away(
    std::vector<Running>& from, std::move_only_function<bool(const Running&)> stays
) {
  std::vector<Running> left;
  std::vector<Running> taken;
  for (Running& each : from) {
    (stays(each) ? left : taken).push_back(std::move(each));
  }
  from = std::move(left);
  return taken;
}

class Supervisor {
 public:
  explicit Supervisor(TriggerTask task)
      : task_(std::move(task)), lock_(fs::join(task_.folder, "spin.lock")) {}

  [[nodiscard]] Result<int> run() {
    if (task_.first) {
      WHORL_CHECKED(begin(*std::exchange(task_.first, std::nullopt)));
    }
    while (true) {
      wait(Clock::time_point::max());
      switch (signals_.take()) {
        case Signals::Kind::Stop:
          end_all();
          return 0;
        case Signals::Kind::Reload:
          next_version();
          continue;
        case Signals::Kind::None:
          break;
      }
      if (auto ended = take_ended()) {
        if (const auto code = end_with(*ended)) {
          return *code;
        }
      } else if (task_.events->is_due()) {
        next_version();
      }
    }
  }

 private:
  /// A version with what its processes are to be started with.
  struct Plan {
    TriggerVersion version;
    std::vector<Words> arguments;  ///< of each executor
    Words parts;                   ///< of each plugin; empty for what is our own
  };

  [[nodiscard]] Result<Plan> plan(TriggerVersion version) const {
    Plan out;
    WHORL_TRY(out.arguments, arguments_of(version.executors, task_.arguments));
    for (const TriggerExecutor& executor : version.executors) {
      std::string part;
      if (!executor.is_builtin) {
        const std::string copies = fs::join(task_.folder, "assets");
        WHORL_TRY(part, part_of(*version.app, executor.type, copies));
      }
      out.parts.push_back(std::move(part));
    }
    out.version = std::move(version);
    return out;
  }

  [[nodiscard]] Result<> write_lock(const app::LockedApp& app) const {
    return fs::write_file_atomic(lock_, as_bytes(app::write_lock(app)));
  }

  [[nodiscard]] Result<Running> started(
      TriggerExecutor executor, Words arguments, std::string part, SharedApp app
  ) const {
    fs::ProcessOptions options = options_for(executor);
    options.environment.emplace_back("SPIN_LOCKED_URL", app::to_file_url(lock_));
    options.environment.emplace_back("SPIN_WORKING_DIR", task_.folder);
    if (app->app_dir) {
      options.environment.emplace_back("SPIN_LOCAL_APP_DIR", *app->app_dir);
    }
    if (executor.is_builtin) {
      options.environment.emplace_back("WHORL_SUPERVISED", "1");
      options.held_signals = {SIGHUP};
    }
    WHORL_TRY(
        auto process,
        fs::Process::start_program(words_of(executor, arguments), options)
            .context("cannot start the '{}' trigger", executor.type)
    );
    return Running{
        .executor = std::move(executor),
        .arguments = std::move(arguments),
        .part = std::move(part),
        .app = std::move(app),
        .before = nullptr,
        .process = std::move(process),
    };
  }

  /// Starts everything.
  [[nodiscard]] Result<> begin(TriggerVersion version) {
    WHORL_TRY(Plan plan, this->plan(std::move(version)));
    WHORL_CHECKED(write_lock(*plan.version.app));
    for (std::size_t i = 0; i < plan.version.executors.size(); ++i) {
      WHORL_TRY(
          auto one,
          started(
              plan.version.executors[i],
              std::move(plan.arguments[i]),
              std::move(plan.parts[i]),
              plan.version.app
          )
      );
      running_.push_back(std::move(one));
    }
    app_ = plan.version.app;
    return {};
  }

  void next_version() {
    auto version = task_.load();
    auto outcome = !version           ? Result<>(version.take_error())
                   : running_.empty() ? begin(*std::move(version))
                                      : replace(*std::move(version));
    if (!outcome) {
      task_.events->on_reloaded(&outcome.error());
    } else if (std::ranges::none_of(running_, [](const Running& each) {
                 return each.executor.is_builtin;  // it says so itself, when it has it
               })) {
      task_.events->on_reloaded(nullptr);
    }
  }

  [[nodiscard]] Running* find(std::string_view type) {
    const auto at = std::ranges::find(running_, type, [](const Running& each) -> std::string_view {
      return each.executor.type;
    });
    return at == running_.end() ? nullptr : &*at;
  }

  /// Gives what runs another version, or leaves everything as it is.
  [[nodiscard]] Result<> replace(TriggerVersion version) {
    WHORL_TRY(Plan plan, this->plan(std::move(version)));
    WHORL_CHECKED(write_lock(*plan.version.app));
    std::vector<Running> stopped = stop_changed(plan);
    if (auto tried = start_missing(plan); !tried) {
      take_back(plan, std::move(stopped));
      return tried;
    }
    for (Running& each : running_) {
      if (each.executor.is_builtin && each.app != plan.version.app) {
        each.before = std::exchange(each.app, plan.version.app);
        each.process.signal(SIGHUP);
      }
    }
    app_ = plan.version.app;
    return {};
  }

  /// Ends what the version has no more, and plugins whose part is another one.
  [[nodiscard]] std::vector<Running> stop_changed(const Plan& plan) {
    const auto stays = [&](const Running& each) {
      const auto& executors = plan.version.executors;
      const auto at = std::ranges::find(executors, each.executor.type, &TriggerExecutor::type);
      return at != executors.end() &&
             each.part == plan.parts[static_cast<std::size_t>(at - executors.begin())];
    };
    std::vector<Running> out = take_away(running_, stays);
    end(out);
    return out;
  }

  /// Starts what does not run, and looks whether it stays.
  [[nodiscard]] Result<> start_missing(const Plan& plan) {
    const std::size_t first = running_.size();
    for (std::size_t i = 0; i < plan.version.executors.size(); ++i) {
      const TriggerExecutor& executor = plan.version.executors[i];
      if (find(executor.type) == nullptr) {
        WHORL_TRY(auto one, started(executor, plan.arguments[i], plan.parts[i], plan.version.app));
        running_.push_back(std::move(one));
      }
    }
    if (running_.size() == first) {
      return {};
    }
    const auto over = Clock::now() + kTrialTime;
    while (Clock::now() < over) {
      wait_for_processes(over);
      for (std::size_t i = first; i < running_.size(); ++i) {
        const auto ended = running_[i].process.poll();
        if (ended && !ended->is_success()) {
          return fail(
              ErrorKind::Unavailable,
              "the '{}' trigger ended with exit code {} as soon as it was started",
              running_[i].executor.type,
              exit_code(*ended)
          );
        }
        if (ended) {
          return {};  // which is an end of the whole, noticed where others are
        }
      }
    }
    return {};
  }

  /// Ends what was started for a version, and starts again what it had replaced.
  void take_back(const Plan& plan, std::vector<Running> stopped) {
    std::vector<Running> tried =
        take_away(running_, [&](const Running& each) { return each.app != plan.version.app; });
    end(tried);
    if (auto written = write_lock(*app_); !written) {
      report_failure(written.error());
    }
    for (Running& each : stopped) {
      auto again = started(each.executor, each.arguments, each.part, each.app);
      if (again) {
        running_.push_back(*std::move(again));
      } else {
        report_failure(again.error());
      }
    }
  }

  /// The first process that was found to have ended by itself.
  [[nodiscard]] std::optional<fs::ProcessEnd> take_ended() {
    for (Running& each : running_) {
      if (const auto ended = each.process.poll()) {
        return ended;
      }
    }
    return std::nullopt;
  }

  /// One has ended, so all do. @return the exit code of the whole, unless the next version is
  /// waited for
  [[nodiscard]] std::optional<int> end_with(const fs::ProcessEnd& first) {
    if (!first.is_success() && running_.size() > 1) {
      log::write_all(kStdout, "A trigger exited unexpectedly. Terminating.\n");
    }
    end_all();
    if (first.is_success() || !task_.events->keeps_going()) {
      return exit_code(first);
    }
    log::write_all(
        kStderr,
        fmt::format(
            "The application ended with exit code {}; waiting for a change.\n", exit_code(first)
        )
    );
    return std::nullopt;
  }

  void end_all() {
    end(running_);
    running_.clear();
  }

  /// Tells processes to end; those that take too long are killed when they are destroyed.
  static void end(std::vector<Running>& processes) {
    for (Running& each : processes) {
      each.process.signal(SIGTERM);
    }
    const auto over = Clock::now() + kEndTime;
    for (Running& each : processes) {
      pollfd ended{each.process.descriptor(), POLLIN, 0};
      while (!each.process.poll() && Clock::now() < over) {
        (void)::poll(&ended, 1, milliseconds_until(over));
      }
    }
  }

  void wait(Clock::time_point over) {
    std::vector<pollfd> fds = descriptors();
    fds.push_back({signals_.descriptor(), POLLIN, 0});
    fds.push_back({task_.events->event_fd(), POLLIN, 0});  // a negative one is left out
    (void)::poll(fds.data(), fds.size(), milliseconds_until(over));
  }

  /// A signal waits until the version that is being tried has stood or fallen.
  void wait_for_processes(Clock::time_point over) {
    std::vector<pollfd> fds = descriptors();
    (void)::poll(fds.data(), fds.size(), milliseconds_until(over));
  }

  [[nodiscard]] std::vector<pollfd> descriptors() const {
    std::vector<pollfd> out;
    for (const Running& each : running_) {
      out.push_back({each.process.descriptor(), POLLIN, 0});
    }
    return out;
  }

  TriggerTask task_;
  std::string lock_;
  Signals signals_;
  SharedApp app_;  ///< that is run; null: none
  std::vector<Running> running_;
};

}  // namespace

Result<int> run_trigger_processes(TriggerTask task) {
  return Supervisor(std::move(task)).run();
}

}  // namespace whorl::cli
