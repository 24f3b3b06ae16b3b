/// Child processes: commands of the operator, run through the shell, and programs.
///
/// A child gets this process's environment and standard input, an empty signal mask, and no
/// descriptor of ours but the standard ones. @thread one at a time
#pragma once

#include "base/result.hpp"
#include "fs/file.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace whorl::fs {

/// How a process ended.
struct ProcessEnd {
  enum class Kind : std::uint8_t { Exited, Signaled };
  Kind kind = Kind::Exited;
  int value = 0;  ///< exit code or signal number

  [[nodiscard]] bool is_success() const noexcept { return kind == Kind::Exited && value == 0; }
  /// "Exited(3)", "Signaled(9)".
  [[nodiscard]] std::string to_text() const;
};

enum class ProcessGroup : std::uint8_t {
  Ours,  ///< gets Ctrl-C of our terminal too
  Own,   ///< can be ended with everything it started; reads nothing
};

struct ProcessOptions {
  std::string directory{};  ///< to run in; empty: ours
  int output = -1;          ///< descriptor that becomes its standard output and error; -1: ours
  ProcessGroup group = ProcessGroup::Ours;
  /// Added to our environment, or instead of what is there under the same name.
  std::vector<std::pair<std::string, std::string>> environment{};
  /// Signals that wait until the program takes them: one that is sent early is not lost.
  std::vector<int> held_signals{};
};

/// A running child. Destroying it kills what still runs.
class Process {
 public:
  /// Starts `sh -c <command>`.
  /// @return errors: what the kernel said (NotFound when the folder is missing)
  [[nodiscard]] static Result<Process> start_shell(
      const std::string& command, const ProcessOptions& options
  );
  /// Starts a program.
  /// @param arguments  the first is the program's path
  [[nodiscard]] static Result<Process> start_program(
      const std::vector<std::string>& arguments, const ProcessOptions& options
  );
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  /// Readable when the process has ended.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }
  /// How it ended; nothing while it runs. Does not wait.
  [[nodiscard]] std::optional<ProcessEnd> poll();
  /// Waits for the end.
  [[nodiscard]] ProcessEnd wait();
  /// Sends a signal to it, and to its group when that is its own. No effect once it ended.
  void signal(int number) noexcept;

 private:
  Process(pid_t pid, ProcessGroup group, Fd descriptor) noexcept
      : pid_(pid), group_(group), descriptor_(std::move(descriptor)) {}
  [[nodiscard]] std::optional<ProcessEnd> reap(int options);
  void kill_and_reap() noexcept;

  pid_t pid_ = -1;  ///< -1 when it has been moved from
  ProcessGroup group_ = ProcessGroup::Ours;
  Fd descriptor_;
  std::optional<ProcessEnd> end_;
};

/// Both ends of a pipe, close-on-exec, the reading one non-blocking.
struct Pipe {
  Fd read;
  Fd write;
};
[[nodiscard]] Result<Pipe> make_pipe();

}  // namespace whorl::fs
