/// WatchLoop: from changed files to an application that is ready to be loaded again.
///
/// Files change → after a pause the components they belong to are built → is_due(). A change during
/// a build starts it again; a build that fails leaves everything as it is, and its components are
/// built again with the next change; one that fails its checks is loaded when they pass. Waits for
/// nothing but these. @thread one
#pragma once

#include "base/result.hpp"
#include "build/build_info.hpp"
#include "build/build_run.hpp"
#include "fs/file.hpp"
#include "watch/watched_files.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace whorl::watch {

/// What goes with building beside the commands. @thread that of the WatchLoop
class BuildSteps {
 public:
  BuildSteps() = default;
  BuildSteps(const BuildSteps&) = delete;
  BuildSteps& operator=(const BuildSteps&) = delete;
  virtual ~BuildSteps() = default;

  /// Before the commands of these components run.
  virtual void prepare(
      const build::BuildInfo& info, std::span<const build::ComponentBuild> components
  ) = 0;
  /// After all of them succeeded. @return an error where the application is not to be loaded so
  [[nodiscard]] virtual Result<void> check() = 0;
};

struct WatchOptions {
  std::string manifest_path{};  ///< absolute
  std::string profile{};
  std::chrono::milliseconds debounce{100};  ///< without a change before anything is done
  bool builds = true;                       ///< false: only load what others have built
  bool assets = true;                       ///< false: guests see changes of their files at once
  BuildSteps* steps = nullptr;              ///< outlives the loop; null: there are none
};

class WatchLoop {
 public:
  /// Reads the manifest and begins the first build, or is due at once without builds.
  /// @return errors: those of the manifest; Unavailable when the system gives no descriptors
  [[nodiscard]] static Result<std::unique_ptr<WatchLoop>> start(WatchOptions options);
  WatchLoop(const WatchLoop&) = delete;
  WatchLoop& operator=(const WatchLoop&) = delete;

  /// Readable when is_due() is to be asked.
  [[nodiscard]] int event_fd() const noexcept { return events_.get(); }
  /// Takes note of what has happened. @return whether the application is to be loaded now
  [[nodiscard]] bool is_due();
  /// What went wrong since the last call and does not end the watching.
  [[nodiscard]] std::vector<Error> take_problems() { return std::exchange(problems_, {}); }
  /// Components that are built but say nothing about their sources.
  [[nodiscard]] std::vector<std::string> unwatched() const;

  /// For start().
  WatchLoop(WatchOptions options, WatchedFiles files, fs::Fd events, fs::Fd timer);

 private:
  using Ids = std::set<std::string>;

  [[nodiscard]] Result<void> add_event(int descriptor);
  [[nodiscard]] Result<void> read_manifest();
  void set_rules();
  void arm_timer(std::chrono::nanoseconds delay);
  [[nodiscard]] bool timer_fired();
  void act();
  void reread_manifest();
  void start_build();
  void finish_build();
  /// False, with a problem, where what was built is not to be loaded.
  [[nodiscard]] bool passes_checks();

  WatchOptions options_;
  WatchedFiles files_;
  fs::Fd events_;
  fs::Fd timer_;
  build::BuildInfo info_;
  ChangedFiles pending_;
  Ids unbuilt_;  ///< components to build, or being built
  std::unique_ptr<build::BuildRun> run_;
  bool load_after_build_ = false;
  bool is_due_ = false;
  std::vector<Error> problems_;
};

}  // namespace whorl::watch
