#include "fs/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

namespace whorl::fs {
namespace {

/// posix_spawn() takes mutable strings and does not change them.
std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) {
    out.push_back(const_cast<char*>(text.c_str()));
  }
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& added
) {
  std::vector<std::string> out;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view variable = *at;
    const std::string_view name = variable.substr(0, variable.find('='));
    if (std::ranges::none_of(added, [&](const auto& pair) { return pair.first == name; })) {
      out.emplace_back(variable);
    }
  }
  for (const auto& [name, value] : added) {
    out.push_back(name + "=" + value);
  }
  return out;
}

/// What posix_spawn() is to do between fork and exec; freed at the end of its life.
class SpawnPlan {
 public:
  SpawnPlan() noexcept {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  /// @return an error number
  [[nodiscard]] int fill(const ProcessOptions& options) noexcept {
    int failed = 0;
    const auto note = [&](int result) { failed = failed == 0 ? result : failed; };
    if (!options.directory.empty()) {
      note(::posix_spawn_file_actions_addchdir_np(&actions_, options.directory.c_str()));
    }
    if (options.output >= 0) {
      note(::posix_spawn_file_actions_adddup2(&actions_, options.output, STDOUT_FILENO));
      note(::posix_spawn_file_actions_adddup2(&actions_, options.output, STDERR_FILENO));
    }
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (options.group == ProcessGroup::Own) {
      // A background group that reads from the terminal would be stopped.
      note(::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0));
      note(::posix_spawnattr_setpgroup(&attributes_, 0));
      flags |= POSIX_SPAWN_SETPGROUP;
    }
    // Signals that we block or ignore would be blocked and ignored in the child as well.
    sigset_t held;
    sigset_t all;
    sigemptyset(&held);
    sigfillset(&all);
    for (const int signal : options.held_signals) {
      sigaddset(&held, signal);
    }
    note(::posix_spawnattr_setsigmask(&attributes_, &held));
    note(::posix_spawnattr_setsigdefault(&attributes_, &all));
    note(::posix_spawnattr_setflags(&attributes_, flags));
    return failed;
  }

  [[nodiscard]] int spawn(
      pid_t& pid, const std::vector<std::string>& arguments, const ProcessOptions& options
  ) {
    std::vector<char*> argv = pointers_to(arguments);
    const std::vector<std::string> variables = environment_with(options.environment);
    std::vector<char*> envp = pointers_to(variables);
    return ::posix_spawn(
        &pid, arguments.front().c_str(), &actions_, &attributes_, argv.data(), envp.data()
    );
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

std::string ProcessEnd::to_text() const {
  return fmt::format("{}({})", kind == Kind::Exited ? "Exited" : "Signaled", value);
}

Result<Process> Process::start_shell(const std::string& command, const ProcessOptions& options) {
  return start_program({"/bin/sh", "-c", command}, options);
}

Result<Process> Process::start_program(
    const std::vector<std::string>& arguments, const ProcessOptions& options
) {
  SpawnPlan plan;
  pid_t pid = -1;
  int failed = plan.fill(options);
  failed = failed == 0 ? plan.spawn(pid, arguments, options) : failed;
  if (failed != 0) {
    return errno_error(failed);
  }
  Process started(
      pid, options.group, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, O_NONBLOCK)))
  );
  if (!started.descriptor_.is_open()) {
    return errno_error(errno).context("cannot watch a child process");
  }
  return started;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      group_(other.group_),
      descriptor_(std::move(other.descriptor_)),
      end_(other.end_) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    kill_and_reap();
    pid_ = std::exchange(other.pid_, -1);
    group_ = other.group_;
    descriptor_ = std::move(other.descriptor_);
    end_ = other.end_;
  }
  return *this;
}

Process::~Process() {
  kill_and_reap();
}

void Process::kill_and_reap() noexcept {
  if (pid_ >= 0 && !end_) {
    signal(SIGKILL);
    static_cast<void>(reap(0));
  }
}

std::optional<ProcessEnd> Process::reap(int options) {
  if (end_) {
    return end_;
  }
  int status = 0;
  pid_t ended = 0;
  do {
    ended = ::waitpid(pid_, &status, options);
  } while (ended < 0 && errno == EINTR);
  if (ended == pid_ && WIFSIGNALED(status)) {
    end_ = ProcessEnd{.kind = ProcessEnd::Kind::Signaled, .value = WTERMSIG(status)};
  } else if (ended == pid_ && WIFEXITED(status)) {
    end_ = ProcessEnd{.kind = ProcessEnd::Kind::Exited, .value = WEXITSTATUS(status)};
  } else if (ended < 0) {
    // Nobody else waits for our children; should one be gone all the same, it did not end well.
    end_ = ProcessEnd{.kind = ProcessEnd::Kind::Signaled, .value = SIGKILL};
  }
  return end_;
}

std::optional<ProcessEnd> Process::poll() {
  return reap(WNOHANG);
}

ProcessEnd Process::wait() {
  auto end = reap(0);
  while (!end) {
    end = reap(0);
  }
  return *end;
}

void Process::signal(int number) noexcept {
  if (pid_ >= 0 && !end_) {
    ::kill(group_ == ProcessGroup::Own ? -pid_ : pid_, number);
  }
}

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return errno_error(errno);
  }
  Pipe pipe{.read = Fd(ends[0]), .write = Fd(ends[1])};
  if (::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) {
    return errno_error(errno);
  }
  return pipe;
}

}  // namespace whorl::fs
