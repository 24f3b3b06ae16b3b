/// VersionMaker: prepares what is served of an application, its first version and those that
/// replace it, in the one engine of the process.
#pragma once

#include "capabilities.hpp"
#include "engine_start.hpp"
#include "fleet.hpp"
#include "observatory.hpp"

#include "app/http_trigger.hpp"
#include "app/redis_trigger.hpp"
#include "cli/cli.hpp"
#include "log/guest_output.hpp"
#include "runtime/background_preparer.hpp"
#include "runtime/platform.hpp"
#include "runtime/prepare.hpp"
#include "trigger/redis/redis_listener.hpp"

#include <memory>
#include <vector>

namespace whorl {

/// Everything that is served of an application.
struct Version {
  Fleet::App http;
  trigger::RedisApp redis;
};

/// Errors of a trigger's own settings come with a log line that says so, as in Spin.
[[nodiscard]] Error trigger_failed(Error error);

/// @thread main
class VersionMaker {
 public:
  /// @param request, engine, output  outlive this object
  VersionMaker(const cli::UpRequest& request, EngineStart& engine, log::GuestOutput& output);

  /// Fills the code cache with the components of the application.
  /// @return errors: InvalidInput where there is no cache; those of the compiler
  [[nodiscard]] Result<> precompile();

  /// What is served first, with the start-up lines on the way. May be called again after an error.
  /// @return errors: those of settings, variables, components and capabilities
  [[nodiscard]] Result<Version> first(const cli::Runnable& runnable);
  /// What replaces a version that is served. All of it is ready, or nothing. After first().
  [[nodiscard]] Result<Version> next(const cli::Runnable& runnable);

  /// What is compiled when the program is to stop can't be cancelled, and nothing waits for it:
  /// it goes on, with all that it uses, until the process ends.
  /// @return whether there is such a thing; the process must end without taking anything else apart
  [[nodiscard]] bool abandon_background();

  [[nodiscard]] Capabilities& capabilities() noexcept { return capabilities_; }
  /// What first() made; none before.
  [[nodiscard]] runtime::Platform& platform() noexcept { return *platform_; }
  [[nodiscard]] Observatory& observatory() noexcept { return *observatory_; }
  [[nodiscard]] runtime::BackgroundPreparer& background() noexcept { return *background_; }

 private:
  using Triggers = std::vector<app::HttpTrigger>;
  using RedisTriggers = std::vector<app::RedisTrigger>;

  [[nodiscard]] Result<Version> prepare(
      const cli::Runnable& runnable,
      Triggers triggers,
      const RedisTriggers& redis,
      runtime::Waiting waiting
  );
  /// Once: there is one engine with pooled instances in a process.
  [[nodiscard]] Result<> create_platform();

  const cli::UpRequest& request_;
  EngineStart& engine_;
  log::GuestOutput& output_;
  Capabilities capabilities_;
  std::unique_ptr<runtime::Platform> platform_;
  std::unique_ptr<Observatory> observatory_;
  std::unique_ptr<runtime::BackgroundPreparer> background_;
};

}  // namespace whorl
