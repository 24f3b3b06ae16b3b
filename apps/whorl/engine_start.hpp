/// EngineStart: the engine, whose making begins before it is known what will be run.
///
/// Setting up the pool is a third of a start, and needs nothing of the application: it goes on
/// beside reading the manifest, setting up the host's side, and decoding and linking components.
#pragma once

#include "async/blocking_pool.hpp"
#include "base/result.hpp"
#include "cli/cli.hpp"
#include "engine/engine.hpp"
#include "engine/module.hpp"

#include <memory>
#include <optional>

namespace whorl {

/// The code cache. @return errors: engine::ModuleCache::open()'s
[[nodiscard]] Result<engine::ModuleCache> open_cache_folder(const cli::UpRequest& request);
/// The code cache, or nothing with a warning: a folder that cannot be used costs compiling.
[[nodiscard]] std::optional<engine::ModuleCache> open_cache(const cli::UpRequest& request);

/// @thread the main thread
class EngineStart {
 public:
  /// Begins to make the engine for such a request, on a thread of its own.
  void begin(const cli::UpRequest& request);
  /// The engine for a request: the one that was begun if it is the same, which may still be under
  /// way (engine/late.hpp), else a new one. Once.
  /// @return errors: engine::Engine::create()'s
  [[nodiscard]] Result<std::shared_ptr<engine::Engine>> take(const cli::UpRequest& request);

 private:
  std::optional<engine::EngineOptions> begun_;
  std::shared_ptr<engine::Engine> engine_;     ///< until it is taken
  std::optional<async::BlockingPool> worker_;  ///< that makes it
};

}  // namespace whorl
