/// BuildRun: the build commands of an application, running as child processes.
///
/// Nothing here waits: the caller sleeps on event_fd() and calls on_ready(), so that a program that
/// serves meanwhile can build as well. run() is the loop for those who do nothing else.
/// @thread one
#pragma once

#include "build/build_info.hpp"
#include "fs/file.hpp"
#include "fs/process.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace whorl::build {

enum class BuildOutput : std::uint8_t {
  Inherited,  ///< the commands write where we do; one component at a time
  Labelled,   ///< line by line, each with its component's id in front
};

struct BuildOptions {
  unsigned jobs = 1;  ///< components that are built at once; 1 with BuildOutput::Inherited
  BuildOutput output = BuildOutput::Inherited;
  fs::ProcessGroup group = fs::ProcessGroup::Ours;
};

class BuildRun {
 public:
  /// @param components  in the order of order_builds(); each waits for those it needs
  BuildRun(BuildInfo info, std::vector<ComponentBuild> components, BuildOptions options);
  BuildRun(const BuildRun&) = delete;
  BuildRun& operator=(const BuildRun&) = delete;
  /// cancel()s.
  ~BuildRun();

  /// Starts the first commands. @return errors: Unavailable when the system gives no descriptors
  [[nodiscard]] Result<void> start();
  /// Readable when on_ready() has something to do.
  [[nodiscard]] int event_fd() const noexcept { return events_.get(); }
  /// Passes on output, notices ends, starts what comes next.
  void on_ready();
  /// Everything has ended.
  [[nodiscard]] bool is_done() const noexcept;
  /// Why it failed; the first reason of several. Nothing is started after it.
  [[nodiscard]] const Error* failure() const noexcept { return failure_ ? &*failure_ : nullptr; }
  /// Ends what runs; nothing is started any more.
  void cancel() noexcept;

  /// Starts, and waits until everything has ended.
  /// @return errors: the first failure
  [[nodiscard]] Result<void> run();

 private:
  struct Job;

  void start_what_can();
  [[nodiscard]] bool can_start(std::size_t index) const;
  void start_step(Job& job);
  [[nodiscard]] Result<void> launch(Job& job, const std::string& command);
  [[nodiscard]] Result<void> watch(int descriptor);
  void read_output(Job& job);
  void print(const Job& job, std::string_view line) const;
  void finish_step(Job& job, const fs::ProcessEnd& end);
  void fail_with(Error error);

  BuildInfo info_;
  BuildOptions options_;
  std::vector<std::unique_ptr<Job>> jobs_;
  fs::Fd events_;
  std::optional<Error> failure_;
  bool is_cancelled_ = false;
};

}  // namespace whorl::build
