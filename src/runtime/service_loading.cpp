#include "runtime/service_loading.hpp"

#include "engine/code_views.hpp"
#include "fs/file.hpp"
#include "loader/loader.hpp"
#include "log/log.hpp"
#include "runtime/message.hpp"
#include "wasi/command.hpp"
#include "wasi/p2/candidates.hpp"
#include "wasi/p3/handler.hpp"
#include "wasi/spin1/http.hpp"

#include <array>
#include <utility>

namespace whorl::runtime {
namespace {

constexpr std::string_view kLogTarget = "whorl::runtime";

/// What a component that is no HTTP handler is told; scripts match Spin's first sentence.
constexpr std::string_view kNoHandler =
    "Expected component to export one of `wasi:http/incoming-handler@0.2.0-rc-2023-10-18`, "
    "`wasi:http/incoming-handler@0.2.0-rc-2023-11-10`, `wasi:http/incoming-handler@0.2.*`, "
    "`wasi:http/handler@0.3.0-rc-2026-03-15`, `wasi:http/handler@0.3.*`, or "
    "`fermyon:spin/inbound-http` but it exported none of those.";

constexpr std::string_view kSeveralHandlers =
    "component exports multiple different handlers but it's expected to export only one";

/// The interface whose instances may be shared.
constexpr std::string_view kShareable = "0.3.0";

struct HandlerExport {
  std::string_view interface;
  std::string_view version;
  HandlerKind kind;
};
constexpr std::array<HandlerExport, 5> kHandlers{{
    {"wasi:http/incoming-handler", "0.2.0", HandlerKind::Wasi2},
    {"wasi:http/incoming-handler", wasi::p2::kCandidateVersions[0], HandlerKind::Wasi2},
    {"wasi:http/incoming-handler", wasi::p2::kCandidateVersions[1], HandlerKind::Wasi2},
    {"wasi:http/handler", kShareable, HandlerKind::Wasi3},
    {"wasi:http/handler", wasi::p3::kReleaseCandidate, HandlerKind::Wasi3},
}};

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
    if (found != nullptr && known.kind == HandlerKind::Wasi3 && !wasi::p3::is_handler(*found)) {
      return fail(ErrorKind::InvalidInput, "its {}#handle is of another type", known.interface)
          .context(fmt::format("component \"{}\" cannot answer HTTP requests", component.id));
    }
    if (found != nullptr) {
      ++handlers;
      service.http_handler = found;
      service.handler_kind = known.kind;
      // As in Spin: the candidate has an instance for each request.
      service.is_shared = known.kind == HandlerKind::Wasi3 && known.version == kShareable &&
                          service.limits.reuse.is_on();
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
      service.message_handler = find_async_message_handler(*service.component);
    }
    if (service.message_handler == nullptr) {
      return fail(ErrorKind::InvalidInput, "component does not export a Redis interface")
          .context(fmt::format("component \"{}\" cannot take messages", component.id))
          .with_help(
              "this version runs components that export fermyon:spin/inbound-redis or "
              "spin:redis/inbound-redis@3.0.0"
          );
    }
    return {};
  }
  return find_http_handler(component, service);
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

}  // namespace

std::optional<Sha256Digest> identity_of(const Loading& loading) {
  return loading.cache ? preparation_identity(loading.component, loading.entry, loading.load)
                       : std::nullopt;
}

Result<LoadedService> load_service(const Loading& loading, FirstCode quality) {
  // Before the file is read: a change in between must not be taken for the file that was checked.
  const auto identity = identity_of(loading);
  WHORL_TRY(const loader::ComponentParts read, loader::read_component(loading.component));
  const auto& whole = loading.platform->engine();
  const auto engine = quality == FirstCode::MayBeQuick ? engine::in_a_hurry(whole) : whole;
  LoadedService loaded{.service = std::make_shared<Service>(*loading.settings)};
  WHORL_TRY(loaded.service->component, load_component(loading, engine, read));
  WHORL_CHECKED(find_entry(loading.component, loading.entry, *loaded.service));
  if (engine::has_quick_code(*engine)) {
    loaded.quick_from = digest_of(read);
  } else {
    remember(loading, identity);
  }
  return loaded;
}

Result<BackgroundPreparer::Made> make_service(const Loading& loading, FirstCode quality) {
  WHORL_TRY(const LoadedService loaded, load_service(loading, quality));
  WHORL_TRY(loaded.service->preopens, prepare_preopens(loading.component, loading.copies.get()));
  BackgroundPreparer::Made made{.service = loaded.service};
  if (loaded.quick_from) {
    log::info(
        kLogTarget,
        "component \"{}\": code that was compiled quickly answers; the optimised code is being "
        "made",
        loading.component.id
    );
    made.better = [loading, first = made.service, digest = *loaded.quick_from] {
      return make_better(loading, first, digest);
    };
  }
  return made;
}

}  // namespace whorl::runtime
