#include "engine_start.hpp"

#include "base/error.hpp"
#include "engine/create.hpp"
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

/// The engine, with what the code cache has of it.
Result<std::shared_ptr<engine::Engine>> make(
    const engine::EngineOptions& options, const cli::UpRequest& request
) {
  std::optional<engine::ModuleCache> cache;
  if (request.code_cache == cli::CodeCache::Enabled) {
    // What is wrong with the folder is said when components are prepared.
    if (auto opened = open_cache_folder(request)) {
      cache = *std::move(opened);
    }
  }
  return engine::create_engine(options, cache ? &*cache : nullptr);
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
  const auto options = engine_options(request);
  worker_.emplace(1);
  const auto submitted =
      worker_->submit([this,
                       options,
                       code_cache = request.code_cache,
                       folder = request.code_cache_dir](async::BlockingPool::Fate fate) {
        leave_signals_to_others();
        cli::UpRequest asked;
        asked.code_cache = code_cache;
        asked.code_cache_dir = folder;
        auto work = [&] { return make(options, asked); };
        auto made = fate == async::BlockingPool::Fate::Run
                        ? async::BlockingPool::call(work)
                        : Made(fail(ErrorKind::Cancelled, "the program is stopping"));
        const std::scoped_lock lock(mutex_);
        made_.emplace(std::move(made));
        finished_.notify_one();
      });
  if (submitted) {
    begun_ = options;
  }
}

std::optional<EngineStart::Made> EngineStart::wait() {
  if (!begun_) {
    return std::nullopt;
  }
  std::unique_lock lock(mutex_);
  finished_.wait(lock, [this] { return made_.has_value(); });
  return std::exchange(made_, std::nullopt);
}

Result<std::shared_ptr<engine::Engine>> EngineStart::take(const cli::UpRequest& request) {
  auto made = wait();
  const auto options = engine_options(request);
  const bool is_same = begun_ && begun_->allocation == options.allocation &&
                       begun_->pool_slots == options.pool_slots &&
                       begun_->debug_info == options.debug_info;
  begun_.reset();
  if (made && is_same) {
    return *std::move(made);
  }
  made.reset();  // a process has room for one pool
  return make(options, request);
}

}  // namespace whorl
