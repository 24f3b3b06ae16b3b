#include "engine_start.hpp"

#include "base/error.hpp"
#include "engine/create.hpp"
#include "engine/late.hpp"
#include "log/log.hpp"

#include <csignal>
#include <filesystem>
#include <utility>

namespace whorl {
namespace {

engine::EngineOptions engine_options(const cli::UpRequest& request) {
  engine::EngineOptions options;
  options.allocation = request.allocation == cli::Allocation::Pooling
                           ? engine::InstanceAllocation::Pooling
                           : engine::InstanceAllocation::OnDemand;
  options.debug_info = request.debug_info == cli::DebugInfo::On;
  options.pool_slots = request.max_instances.value_or(options.pool_slots);
  return options;
}

/// What the engine's making finds of earlier runs, if anything. What is wrong with the folder is
/// said when components are prepared.
std::optional<engine::ModuleCache> cache_for_making(
    cli::CodeCache code_cache, const std::string& folder
) {
  if (code_cache == cli::CodeCache::Disabled) {
    return std::nullopt;
  }
  cli::UpRequest asked;
  asked.code_cache_dir = folder;
  auto opened = open_cache_folder(asked);
  return opened ? std::optional(*std::move(opened)) : std::nullopt;
}

/// Signals are for the main thread, which has not said yet how it wants to hear of them.
void leave_signals_to_others() {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

Result<engine::ModuleCache> open_cache_folder(const cli::UpRequest& request) {
  return engine::ModuleCache::open(
      request.code_cache_dir.empty() ? engine::ModuleCache::default_directory()
                                     : std::filesystem::path(request.code_cache_dir)
  );
}

std::optional<engine::ModuleCache> open_cache(const cli::UpRequest& request) {
  if (request.code_cache == cli::CodeCache::Disabled) {
    return std::nullopt;
  }
  auto cache = open_cache_folder(request);
  if (!cache) {
    log::warn("whorl::trigger", "compiled code is not kept: {}", cache.error().to_line());
    return std::nullopt;
  }
  return *std::move(cache);
}

void EngineStart::begin(const cli::UpRequest& request) {
  begun_ = engine_options(request);
  engine_ = engine::plan_engine(*begun_);
  worker_.emplace(1);
  const auto submitted =
      worker_->submit([engine = engine_,
                       code_cache = request.code_cache,
                       folder = request.code_cache_dir](async::BlockingPool::Fate fate) {
        if (fate == async::BlockingPool::Fate::Dropped) {
          engine::abandon_engine(*engine, fail(ErrorKind::Cancelled, "the program is stopping"));
          return;
        }
        leave_signals_to_others();
        const auto cache = cache_for_making(code_cache, folder);
        engine::finish_engine(*engine, cache ? &*cache : nullptr);
      });
  if (!submitted) {
    engine_.reset();
  }
}

Result<std::shared_ptr<engine::Engine>> EngineStart::take(const cli::UpRequest& request) {
  const auto options = engine_options(request);
  auto begun = std::exchange(engine_, nullptr);
  if (begun != nullptr && begun_->allocation == options.allocation &&
      begun_->pool_slots == options.pool_slots && begun_->debug_info == options.debug_info) {
    return begun;
  }
  // A process has room for one pool.
  begun.reset();
  worker_.reset();
  const auto cache = cache_for_making(request.code_cache, request.code_cache_dir);
  return engine::create_engine(options, cache ? &*cache : nullptr);
}

}  // namespace whorl
