#include "runtime/prepare.hpp"

#include "async/blocking_pool.hpp"
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
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace whorl::runtime {
namespace {

constexpr std::chrono::milliseconds kPatience{1250};

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

/// What is left to do of a service once its settings are known: reading, checking, linking and
/// compiling. Owns all but the platform.
struct Loading {
  app::Component component;
  std::shared_ptr<Service> service;
  EntryKind entry;
  const Platform* platform;
  std::optional<engine::ModuleCache> cache;
  component::LoadOptions load;
  std::shared_ptr<loader::DeferredCopies> copies;
};

Result<std::shared_ptr<const component::Component>> load_component(const Loading& loading) {
  const app::Component& component = loading.component;
  WHORL_TRY(const loader::ComponentParts read, loader::read_component(component));
  auto loaded = component::Component::load(
      loading.platform->engine(),
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
    log::warn("whorl::runtime", "component \"{}\": {}", component.id, note);
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

Result<std::shared_ptr<const Service>> finish(const Loading& loading) {
  // Before the file is read: a change in between must not be taken for the file that was checked.
  const auto identity = loading.cache
                            ? preparation_identity(loading.component, loading.entry, loading.load)
                            : std::nullopt;
  WHORL_TRY(loading.service->component, load_component(loading));
  WHORL_CHECKED(find_entry(loading.component, loading.entry, *loading.service));
  WHORL_TRY(loading.service->preopens, prepare_preopens(loading.component, loading.copies.get()));
  if (identity && !is_known_good(*loading.cache, *identity)) {
    remember_good(*loading.cache, *identity);
  }
  return std::shared_ptr<const Service>(loading.service);
}

/// Whether an earlier start had no trouble with the same file.
bool can_wait(const Loading& loading, const PrepareOptions& options) {
  if (options.background == nullptr || !loading.cache) {
    return false;
  }
  const auto identity = preparation_identity(loading.component, loading.entry, loading.load);
  return identity && is_known_good(*loading.cache, *identity);
}

/// One component at a time, the settings first: what is wrong with them is said before anything
/// takes long.
Result<std::shared_ptr<ServiceSlot>> prepare_one(
    const app::LockedApp& app, const app::Component& component, const PrepareOptions& options
) {
  const bool is_command =
      std::ranges::find(options.commands, component.id) != options.commands.end();
  Loading loading{
      .component = component,
      .service = nullptr,
      .entry = is_command ? EntryKind::Command : options.entry,
      .platform = options.platform,
      .cache = options.cache == nullptr ? std::nullopt : std::optional(*options.cache),
      .load = options.load,
      .copies = options.copies,
  };
  WHORL_TRY(loading.service, prepare_settings(app, component, options));
  if (can_wait(loading, options)) {
    return options.background->prepare([loading = std::move(loading)] { return finish(loading); });
  }
  WHORL_TRY(auto service, finish(loading));
  return std::make_shared<ServiceSlot>(std::move(service));
}

Result<Services> prepare_all(
    const app::LockedApp& app, const std::vector<std::string>& ids, const PrepareOptions& options
) {
  Services services;
  for (const std::string& id : ids) {
    if (services.contains(id)) {
      continue;
    }
    const app::Component* component = app.find_component(id);
    if (component == nullptr) {
      return fail(ErrorKind::NotFound, "no such component \"{}\"", id);
    }
    WHORL_TRY(services[id], prepare_one(app, *component, options));
  }
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
    log::write_all(2, "Preparing Wasm modules is taking a few seconds...\n");
    finished.wait(lock, [&] { return result.has_value(); });
  }
  return *std::move(result);
}

}  // namespace whorl::runtime
