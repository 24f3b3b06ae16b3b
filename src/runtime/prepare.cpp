#include "runtime/prepare.hpp"

#include "async/blocking_pool.hpp"
#include "async/shard.hpp"
#include "host/net_policy/grants.hpp"
#include "log/line_writer.hpp"
#include "runtime/known_good.hpp"
#include "runtime/service_loading.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace whorl::runtime {
namespace {

constexpr std::chrono::milliseconds kPatience{1250};
/// Components that are prepared at the same time at most; a big one keeps several cores busy.
constexpr unsigned kMostAtOnce = 4;

/// Everything but the component itself.
Result<std::shared_ptr<Service>> prepare_settings(
    const app::LockedApp& app, const app::Component& component, const PrepareOptions& options
) {
  auto service = std::make_shared<Service>();
  service->id = component.id;
  service->environment.assign(component.environment.begin(), component.environment.end());
  for (const host::AppCapability* capability : options.capabilities) {
    WHORL_TRY(auto grant, capability->grant(component));
    service->grants.push_back(std::move(grant));
  }
  WHORL_TRY(
      service->allowed_hosts, host::net_policy::allowed_hosts_of(app, component, options.variables)
  );
  service->standard_output = std::make_unique<ComponentOutput>(
      *options.output, component.id, log::GuestStream::Stdout, options.exported_output
  );
  service->standard_error = std::make_unique<ComponentOutput>(
      *options.output, component.id, log::GuestStream::Stderr, options.exported_output
  );
  service->fibers = std::make_shared<ComponentFibers>(options.platform->fiber_stacks());
  const auto own = options.limits_of.find(component.id);
  service->limits = own == options.limits_of.end() ? options.limits : own->second;
  if (service->limits.component_instances != 0) {
    service->gate = std::make_shared<InstanceGate>(service->limits.component_instances);
    if (service->limits.queued != 0) {
      service->queue = std::make_shared<InstanceGate>(service->limits.queued);
    }
  }
  return service;
}

/// Whether an earlier start had no trouble with the same file.
bool can_wait(const Loading& loading, const PrepareOptions& options) {
  if (options.background == nullptr || options.waiting == Waiting::ForAll || !loading.cache) {
    return false;
  }
  const auto identity = identity_of(loading);
  return identity && is_known_good(*loading.cache, *identity);
}

FirstCode first_code(const PrepareOptions& options) noexcept {
  return options.background != nullptr ? FirstCode::MayBeQuick : FirstCode::Optimised;
}

/// Loads one component now.
Result<std::shared_ptr<ServiceSlot>> prepare_now(
    const Loading& loading, const PrepareOptions& options
) {
  WHORL_TRY(auto made, make_service(loading, first_code(options)));
  auto slot = std::make_shared<ServiceSlot>(std::move(made.service));
  if (made.better) {
    options.background->improve(slot, std::move(made.better));
  }
  return slot;
}

/// One component and its place in the outcome.
struct Task {
  Loading loading;
  std::shared_ptr<ServiceSlot>* slot;
};

/// Loads several components at the same time. @return of several errors the first component's
Result<> prepare_now(std::span<const Task> tasks, const PrepareOptions& options) {
  std::vector<std::optional<Result<std::shared_ptr<ServiceSlot>>>> outcomes(tasks.size());
  std::atomic<std::size_t> next{0};
  std::atomic<bool> has_failed{false};
  const auto work = [&] {
    for (std::size_t i = next++; i < tasks.size() && !has_failed; i = next++) {
      auto one = [&] { return prepare_now(tasks[i].loading, options); };
      outcomes[i].emplace(async::BlockingPool::call(one));
      has_failed = has_failed || !*outcomes[i];
    }
  };
  {
    async::BlockingPool helpers(kMostAtOnce);
    const std::size_t hands =
        std::min<std::size_t>({kMostAtOnce, async::ShardSet::default_count(), tasks.size()});
    for (std::size_t i = 1; i < hands; ++i) {
      // One that can't be had leaves more to the others.
      (void)helpers.submit([&work](async::BlockingPool::Fate fate) {
        if (fate == async::BlockingPool::Fate::Run) {
          work();
        }
      });
    }
    work();
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (outcomes[i] && !*outcomes[i]) {
      return outcomes[i]->take_error();
    }
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    *tasks[i].slot = **std::move(outcomes[i]);
  }
  return {};
}

Loading make_loading(const app::Component& component, const PrepareOptions& options) {
  const bool is_command =
      std::ranges::find(options.commands, component.id) != options.commands.end();
  return {
      .component = component,
      .settings = nullptr,
      .entry = is_command ? EntryKind::Command : options.entry,
      .platform = options.platform,
      .cache = options.cache == nullptr ? std::nullopt : std::optional(*options.cache),
      .load = options.load,
      .copies = options.copies,
  };
}

/// The settings of all components: what is wrong with them is said before anything takes long. What
/// can't wait becomes a task, with its place in `services`.
Result<> settle(
    const app::LockedApp& app,
    const std::vector<std::string>& ids,
    const PrepareOptions& options,
    Services& services,
    std::vector<Task>& tasks
) {
  for (const std::string& id : ids) {
    if (services.contains(id)) {
      continue;
    }
    const app::Component* component = app.find_component(id);
    if (component == nullptr) {
      return fail(ErrorKind::NotFound, "no such component \"{}\"", id);
    }
    Loading loading = make_loading(*component, options);
    WHORL_TRY(loading.settings, prepare_settings(app, *component, options));
    std::shared_ptr<ServiceSlot>& slot = services[id];
    if (can_wait(loading, options)) {
      slot = options.background->prepare([loading = std::move(loading)] {
        return make_service(loading, FirstCode::MayBeQuick);
      });
    } else {
      tasks.push_back({std::move(loading), &slot});
    }
  }
  return {};
}

/// prepare_now(), with a word to who waits long.
Result<> prepare_patiently(std::span<const Task> tasks, const PrepareOptions& options) {
  std::mutex mutex;
  std::condition_variable finished;
  std::optional<Result<>> result;
  async::BlockingPool worker(1);
  WHORL_CHECKED(worker.submit([&](async::BlockingPool::Fate fate) {
    auto work = [&] { return prepare_now(tasks, options); };
    auto outcome = fate == async::BlockingPool::Fate::Run
                       ? async::BlockingPool::call(work)
                       : Result<>(fail(ErrorKind::Cancelled, "preparation was stopped"));
    const std::scoped_lock lock(mutex);
    result.emplace(std::move(outcome));
    finished.notify_one();
  }));
  std::unique_lock lock(mutex);
  if (!finished.wait_for(lock, kPatience, [&] { return result.has_value(); })) {
    if (options.signs_of_life == SignsOfLife::Given) {
      log::put_out("Preparing Wasm modules is taking a few seconds...\n");
    }
    finished.wait(lock, [&] { return result.has_value(); });
  }
  return *std::move(result);
}

}  // namespace

Result<Services> prepare_http_services(
    const app::LockedApp& app, const std::vector<std::string>& ids, const PrepareOptions& options
) {
  Services services;
  std::vector<Task> tasks;
  auto work = [&] { return settle(app, ids, options, services, tasks); };
  WHORL_CHECKED(async::BlockingPool::call(work));
  if (!tasks.empty()) {
    WHORL_CHECKED(prepare_patiently(tasks, options));
  }
  return services;
}

Result<std::chrono::milliseconds> precompile(
    const app::Component& component, const PrepareOptions& options
) {
  const auto begin = std::chrono::steady_clock::now();
  Loading loading = make_loading(component, options);
  loading.settings = std::make_shared<const Service>();
  WHORL_CHECKED(load_service(loading, FirstCode::Optimised));
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin
  );
}

}  // namespace whorl::runtime
