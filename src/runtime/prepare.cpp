#include "runtime/prepare.hpp"

#include "async/blocking_pool.hpp"
#include "async/shard.hpp"
#include "base/hash.hpp"
#include "engine/code_views.hpp"
#include "fs/file.hpp"
#include "host/net_policy/grants.hpp"
#include "loader/loader.hpp"
#include "log/log.hpp"
#include "log/terminal.hpp"
#include "runtime/known_good.hpp"
#include "wasi/command.hpp"
#include "wasi/p2/candidates.hpp"
#include "wasi/spin1/http.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace whorl::runtime {
namespace {

constexpr std::string_view kLogTarget = "whorl::runtime";
constexpr std::chrono::milliseconds kPatience{1250};
/// Components that are prepared at the same time at most; a big one keeps several cores busy.
constexpr unsigned kMostAtOnce = 4;

/// What a component that is no HTTP handler is told; scripts match Spin's first sentence.
constexpr std::string_view kNoHandler =
    "Expected component to export one of `wasi:http/incoming-handler@0.2.0-rc-2023-10-18`, "
    "`wasi:http/incoming-handler@0.2.0-rc-2023-11-10`, `wasi:http/incoming-handler@0.2.*`, "
    "`wasi:http/handler@0.3.0-rc-2026-03-15`, `wasi:http/handler@0.3.*`, or "
    "`fermyon:spin/inbound-http` but it exported none of those.";

constexpr std::string_view kSeveralHandlers =
    "component exports multiple different handlers but it's expected to export only one";

struct HandlerExport {
  std::string_view interface;
  std::string_view version;
  HandlerKind kind;
};
constexpr std::array<HandlerExport, 4> kHandlers{{
    {"wasi:http/incoming-handler", "0.2.0", HandlerKind::Wasi2},
    {"wasi:http/incoming-handler", wasi::p2::kCandidateVersion, HandlerKind::Wasi2},
    {"wasi:http/handler", "0.3.0", HandlerKind::Wasi3},
    {"wasi:http/handler", wasi::p3::kReleaseCandidate, HandlerKind::Wasi3},
}};

/// Whether a service may begin on code that was compiled in a hurry.
enum class FirstCode : std::uint8_t { Optimised, MayBeQuick };

/// What is left to do of a service once its settings are known: reading, checking, linking and
/// compiling. Owns all but the platform.
struct Loading {
  app::Component component;
  std::shared_ptr<const Service> settings;  ///< the service without what is loaded
  EntryKind entry;
  const Platform* platform;
  std::optional<engine::ModuleCache> cache;
  component::LoadOptions load;
  std::shared_ptr<loader::DeferredCopies> copies;
};

/// What tells the files of a component from those of another build.
Sha256Digest digest_of(const loader::ComponentParts& read) {
  Sha256 digest;
  for (const component::Part& part : read.parts) {
    digest.update(sha256(part.bytes));
  }
  return digest.finish();
}

Result<std::shared_ptr<const component::Component>> load_component(
    const Loading& loading,
    const std::shared_ptr<engine::Engine>& engine,
    const loader::ComponentParts& read
) {
  const app::Component& component = loading.component;
  auto loaded = component::Component::load(
      engine,
      loading.cache ? &*loading.cache : nullptr,
      loading.platform->registry(),
      read.parts,
      loading.load
  );
  if (!loaded) {
    return loaded.take_error().context(fmt::format(
        "failed to prepare component \"{}\" from {}",
        component.id,
        fs::quote_path(component.source_path)
    ));
  }
  for (const std::string& note : (*loaded)->notes()) {
    log::warn(kLogTarget, "component \"{}\": {}", component.id, note);
  }
  return loaded;
}

/// Opens the folders that a component was given.
/// @param copies  may be null
Result<std::vector<wasi::Preopen>> prepare_preopens(
    const app::Component& component, loader::DeferredCopies* copies
) {
  std::vector<wasi::Preopen> preopens;
  for (const app::Mount& mount : component.mounts) {
    if (copies != nullptr) {
      WHORL_CHECKED(copies->make(mount.host_path));
    }
    auto directory = wasi::files::Directory::open_host(
        mount.host_path,
        mount.is_writable ? wasi::files::Grant::ReadWrite : wasi::files::Grant::Read
    );
    if (!directory) {
      return fs::errno_error(directory.error())
          .context(fmt::format(
              "cannot open {} for component \"{}\"", fs::quote_path(mount.host_path), component.id
          ));
    }
    preopens.push_back({mount.guest_path, *std::move(directory)});
  }
  return preopens;
}

Result<> find_http_handler(const app::Component& component, Service& service) {
  std::size_t handlers = 0;
  for (const HandlerExport& known : kHandlers) {
    const auto* found = service.component->find_export(known.interface, known.version, "handle");
    if (found != nullptr) {
      ++handlers;
      service.http_handler = found;
      service.handler_kind = known.kind;
    }
  }
  service.spin1_handler = wasi::spin1::find_inbound_http(*service.component);
  if (service.spin1_handler != nullptr) {
    ++handlers;
  }
  if (handlers == 1) {
    return {};
  }
  if (handlers > 1) {
    return fail(ErrorKind::InvalidInput, "{}", kSeveralHandlers)
        .context(fmt::format("component \"{}\"", component.id));
  }
  return fail(ErrorKind::InvalidInput, "{}", kNoHandler)
      .context(fmt::format("component \"{}\" cannot answer HTTP requests", component.id))
      .with_help(
          "this version runs components that export wasi:http/incoming-handler@0.2.x, "
          "wasi:http/handler@0.3.0 or fermyon:spin/inbound-http; for the other interfaces named "
          "above build against one of these, or see docs/differences.md"
      );
}

/// The function that answers requests.
Result<> find_entry(const app::Component& component, EntryKind entry, Service& service) {
  if (entry == EntryKind::Command) {
    service.command = wasi::find_command(*service.component);
    if (service.command == nullptr) {
      return fail(
                 ErrorKind::InvalidInput, "failed to find wasi command interface for wagi executor"
      )
          .context(fmt::format("component \"{}\"", component.id));
    }
    return {};
  }
  if (entry == EntryKind::RedisMessage) {
    service.message_handler =
        service.component->find_export("fermyon:spin/inbound-redis", "", "handle-message");
    if (service.message_handler == nullptr) {
      return fail(ErrorKind::InvalidInput, "component does not export a Redis interface")
          .context(fmt::format("component \"{}\" cannot take messages", component.id))
          .with_help("this version runs components that export fermyon:spin/inbound-redis");
    }
    return {};
  }
  return find_http_handler(component, service);
}

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
  service->limits = options.limits;
  if (options.limits.component_instances != 0) {
    service->gate = std::make_unique<InstanceGate>(options.limits.component_instances);
  }
  return service;
}

std::optional<Sha256Digest> identity_of(const Loading& loading) {
  return loading.cache ? preparation_identity(loading.component, loading.entry, loading.load)
                       : std::nullopt;
}

void remember(const Loading& loading, const std::optional<Sha256Digest>& identity) {
  if (identity && !is_known_good(*loading.cache, *identity)) {
    remember_good(*loading.cache, *identity);
  }
}

/// The same service on optimised code, compiled behind the back of the one that answers meanwhile.
/// @param digest  of the files that one came from
Result<std::shared_ptr<const Service>> make_better(
    const Loading& loading, const std::shared_ptr<const Service>& first, const Sha256Digest& digest
) {
  const auto identity = identity_of(loading);
  WHORL_TRY(const loader::ComponentParts read, loader::read_component(loading.component));
  if (digest_of(read) != digest) {
    return fail(
        ErrorKind::InvalidInput,
        "{} has changed since",
        fs::quote_path(loading.component.source_path)
    );
  }
  auto service = std::make_shared<Service>(*first);
  WHORL_TRY(
      service->component,
      load_component(loading, engine::in_background(loading.platform->engine()), read)
  );
  WHORL_CHECKED(find_entry(loading.component, loading.entry, *service));
  remember(loading, identity);
  return std::shared_ptr<const Service>(std::move(service));
}

/// @param quality  whether quick code will do for now; the service comes with a way to better it
///                 then
Result<BackgroundPreparer::Made> finish(const Loading& loading, FirstCode quality) {
  // Before the file is read: a change in between must not be taken for the file that was checked.
  const auto identity = identity_of(loading);
  WHORL_TRY(const loader::ComponentParts read, loader::read_component(loading.component));
  const auto& whole = loading.platform->engine();
  const auto engine = quality == FirstCode::MayBeQuick ? engine::in_a_hurry(whole) : whole;
  auto service = std::make_shared<Service>(*loading.settings);
  WHORL_TRY(service->component, load_component(loading, engine, read));
  WHORL_CHECKED(find_entry(loading.component, loading.entry, *service));
  WHORL_TRY(service->preopens, prepare_preopens(loading.component, loading.copies.get()));
  BackgroundPreparer::Made made{.service = service};
  if (!engine::has_quick_code(*engine)) {
    remember(loading, identity);
    return made;
  }
  log::info(
      kLogTarget,
      "component \"{}\": code that was compiled quickly answers; the optimised code is being made",
      service->id
  );
  made.better = [loading,
                 first = std::shared_ptr<const Service>(service),
                 digest = digest_of(read)] { return make_better(loading, first, digest); };
  return made;
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
  WHORL_TRY(auto made, finish(loading, first_code(options)));
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

/// The settings of all components first: what is wrong with them is said before anything takes
/// long.
Result<Services> prepare_all(
    const app::LockedApp& app, const std::vector<std::string>& ids, const PrepareOptions& options
) {
  Services services;
  std::vector<Task> tasks;
  for (const std::string& id : ids) {
    if (services.contains(id)) {
      continue;
    }
    const app::Component* component = app.find_component(id);
    if (component == nullptr) {
      return fail(ErrorKind::NotFound, "no such component \"{}\"", id);
    }
    const bool is_command = std::ranges::find(options.commands, id) != options.commands.end();
    Loading loading{
        .component = *component,
        .settings = nullptr,
        .entry = is_command ? EntryKind::Command : options.entry,
        .platform = options.platform,
        .cache = options.cache == nullptr ? std::nullopt : std::optional(*options.cache),
        .load = options.load,
        .copies = options.copies,
    };
    WHORL_TRY(loading.settings, prepare_settings(app, *component, options));
    std::shared_ptr<ServiceSlot>& slot = services[id];
    if (can_wait(loading, options)) {
      slot = options.background->prepare([loading = std::move(loading)] {
        return finish(loading, FirstCode::MayBeQuick);
      });
    } else {
      tasks.push_back({std::move(loading), &slot});
    }
  }
  WHORL_CHECKED(prepare_now(tasks, options));
  return services;
}

}  // namespace

Result<Services> prepare_http_services(
    const app::LockedApp& app, const std::vector<std::string>& ids, const PrepareOptions& options
) {
  std::mutex mutex;
  std::condition_variable finished;
  std::optional<Result<Services>> result;
  async::BlockingPool worker(1);
  WHORL_CHECKED(worker.submit([&](async::BlockingPool::Fate fate) {
    auto work = [&] { return prepare_all(app, ids, options); };
    auto outcome = fate == async::BlockingPool::Fate::Run
                       ? async::BlockingPool::call(work)
                       : Result<Services>(fail(ErrorKind::Cancelled, "preparation was stopped"));
    const std::scoped_lock lock(mutex);
    result.emplace(std::move(outcome));
    finished.notify_one();
  }));
  std::unique_lock lock(mutex);
  if (!finished.wait_for(lock, kPatience, [&] { return result.has_value(); })) {
    if (options.signs_of_life == SignsOfLife::Given) {
      log::write_all(2, "Preparing Wasm modules is taking a few seconds...\n");
    }
    finished.wait(lock, [&] { return result.has_value(); });
  }
  return *std::move(result);
}

}  // namespace whorl::runtime
