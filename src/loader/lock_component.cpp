// One component: its source, its dependencies, its grants, its files.

#include "app/allowed_hosts.hpp"
#include "app/file_url.hpp"
#include "app/static_files.hpp"
#include "fs/file.hpp"
#include "loader/assets.hpp"
#include "loader/deferred_copies.hpp"
#include "loader/lock.hpp"
#include "loader/sources.hpp"
#include "manifest/package_names.hpp"

#include <fmt/format.h>

#include <utility>
#include <variant>

namespace whorl::loader {
namespace {

constexpr std::string_view kWasm = "application/wasm";
constexpr std::string_view kDigestPrefix = "sha256:";

Error unsupported(
    std::string message, std::source_location where = std::source_location::current()
) {
  return Error(ErrorKind::Unsupported, std::move(message), where);
}

Result<std::string> find_remote(const manifest::RemoteSource& source, const LockContext& context) {
  if (!source.digest.starts_with(kDigestPrefix)) {
    return fail(
        ErrorKind::InvalidInput, "invalid `digest` \"{}\"; must start with 'sha256:'", source.digest
    );
  }
  if (!is_digest(source.digest)) {
    return fail(
        ErrorKind::InvalidInput,
        "invalid `digest` \"{}\"; after 'sha256:' must come 64 hexadecimal digits in lower case",
        source.digest
    );
  }
  if (context.options.cache_dir.empty()) {
    return unsupported("this command does not download components");
  }
  return DigestCache(context.options.cache_dir)
      .get(source.url, source.digest, kMaxWasmBytes, context.options.fetcher);
}

/// @param where  how a file is named in the package's place
Result<std::string> find_package(
    const manifest::PackageSource& source,
    const std::string& package,
    std::string_view where,
    const LockContext& context
) {
  if (context.options.packages == nullptr) {
    return unsupported("packages from a registry are not supported yet")
        .with_help(fmt::format(
            "fetch it, for example with `wkg get {}@{} -o {}.wasm`, and write the file in its "
            "place: {}",
            package,
            source.version,
            package.substr(package.find(':') + 1),
            where
        ));
  }
  return context.options.packages->fetch(
      {.registry = source.registry, .package = package, .version = source.version}
  );
}

std::string find_local(const manifest::LocalSource& source, const LockContext& context) {
  return fs::normalised(fs::join(context.folder, source.path));
}

Result<std::string> find_package_source(
    const manifest::PackageSource& source, const std::string& id, const LockContext& context
) {
  if (const auto version = manifest::parse_version(source.version); !version) {
    return version.error().clone().context(fmt::format(
        "Component {} specifies an invalid semantic version (\"{}\") for its package version",
        id,
        source.version
    ));
  }
  return find_package(source, source.package, "source = \"…\"", context);
}

/// The path of a component's wasm file, which may not be there yet.
Result<std::string> find_source(
    const manifest::ComponentSource& source, const std::string& id, const LockContext& context
) {
  if (const auto* local = std::get_if<manifest::LocalSource>(&source)) {
    return find_local(*local, context);
  }
  if (const auto* remote = std::get_if<manifest::RemoteSource>(&source)) {
    return find_remote(*remote, context)
        .context(
            "Failed to load Wasm source \"{}\" with digest \"{}\"", remote->url, remote->digest
        );
  }
  const auto& package = std::get<manifest::PackageSource>(source);
  return find_package_source(package, id, context)
      .context(
          "Failed to load Wasm source \"{}@{}\" from {}",
          package.package,
          package.version,
          package.registry.empty() ? "default registry"
                                   : fmt::format("registry Registry({})", package.registry)
      );
}

/// Of a source they are looked at when it is parsed; of a dependency only now, as in Spin.
/// @param name  of the dependency; null for one of a trigger
Result<void> check_package_names(
    const manifest::PackageSource& source, const manifest::DependencyName* name
) {
  const auto complaint = [&](const std::string& why, std::string_view what, std::string_view text) {
    constexpr std::string_view kLabel = "invalid label: ";
    const bool has_cause = why.starts_with(kLabel);
    Error out(ErrorKind::InvalidInput, has_cause ? why.substr(kLabel.size()) : why);
    if (has_cause) {
      out.add_context(why);
    }
    return std::move(out).context(fmt::format(
        "{} specifies an invalid {} name (\"{}\")",
        name == nullptr ? "Trigger dependency"
                        : "Component dependency " + manifest::debug_form(*name),
        what,
        text
    ));
  };
  if (!source.package.empty()) {
    if (const auto why = manifest::why_no_package(source.package)) {
      return complaint(*why, "package", source.package);
    }
  }
  if (!source.registry.empty()) {
    if (const auto why = manifest::why_no_registry(source.registry)) {
      return complaint(*why, "registry", source.registry);
    }
  }
  return {};
}

Result<std::string> find_dependency(
    const manifest::Dependency& from, const manifest::DependencyName* name, LockContext& context
) {
  if (const auto* local = std::get_if<manifest::LocalSource>(&from.source)) {
    return find_local(*local, context);
  }
  if (const auto* remote = std::get_if<manifest::RemoteSource>(&from.source)) {
    return find_remote(*remote, context);
  }
  const auto* package = std::get_if<manifest::PackageSource>(&from.source);
  if (package == nullptr) {
    return fail(ErrorKind::Internal, "a dependency on a component was not resolved");
  }
  WHORL_CHECKED(check_package_names(*package, name));
  const bool is_named = !package->package.empty() || name == nullptr;
  return find_package(
      *package,
      is_named ? package->package : fmt::format("{}:{}", name->space, name->package),
      "{ path = \"…\" }",
      context
  );
}

app::Value texts(const std::vector<std::string>& values) {
  app::Value::Array out;
  for (const std::string& value : values) {
    out.emplace_back(value);
  }
  return app::Value(std::move(out));
}

app::Value build_metadata(const manifest::BuildConfig& build) {
  app::Value out(app::Value::Table{});
  const bool is_single = !build.is_list && !build.commands.empty();
  out.set("command", is_single ? app::Value(build.commands.front()) : texts(build.commands));
  if (!build.watch.empty()) {
    out.set("watch", texts(build.watch));
  }
  if (!build.workdir.empty()) {
    out.set("workdir", app::Value(build.workdir));
  }
  return out;
}

/// The patterns of both generations, checked as far as they can be.
Result<std::vector<std::string>> lock_hosts(const manifest::Component& from, LockContext& context) {
  std::vector<std::string> out = from.allowed_outbound_hosts;
  if (!from.allowed_http_hosts.empty()) {
    WHORL_TRY(
        const std::vector<std::string> patterns,
        app::from_allowed_http_hosts(from.allowed_http_hosts)
            .context("`allowed_http_hosts` is malformed")
    );
    out.insert(out.end(), patterns.begin(), patterns.end());
    std::string shown;
    for (const std::string& pattern : patterns) {
      shown += fmt::format("{}\"{}\"", shown.empty() ? "" : ", ", pattern);
    }
    context.warnings.push_back(fmt::format(
        "Use of the deprecated field `allowed_http_hosts` - to fix, replace `allowed_http_hosts` "
        "with `allowed_outbound_hosts = [{}]`",
        shown
    ));
  }
  WHORL_CHECKED(app::check_allowed_hosts(out, context.variable_defaults)
                    .context("`allowed_outbound_hosts` is malformed"));
  return out;
}

Result<void> mount_directly(
    const manifest::Component& from, const LockContext& context, app::Component& out
) {
  if (!from.exclude_files.empty()) {
    return fail(
        ErrorKind::InvalidInput,
        "Cannot load a component with `exclude_files` using --direct-mounts"
    );
  }
  for (const manifest::FileGrant& grant : from.files) {
    const std::string folder = fs::normalised(fs::join(context.folder, grant.source));
    if (fs::kind_of(folder) != fs::Kind::Directory) {
      return fail(
          ErrorKind::InvalidInput,
          "Only directory mounts are supported with `--direct-mounts`; {} is not a directory.",
          fs::quote_path(grant.source)
      );
    }
    const std::string& guest_path = grant.destination ? *grant.destination : grant.source;
    out.files.push_back(
        {.content = {.url = app::to_file_url(folder), .inline_bytes = {}}, .path = guest_path}
    );
    out.mounts.push_back(
        {.host_path = folder,
         .guest_path = guest_path,
         .is_writable = context.options.access == MountAccess::ReadWrite}
    );
  }
  return {};
}

Result<void> mount_copies(
    const manifest::Component& from, LockContext& context, app::Component& out
) {
  WHORL_TRY(
      CopyPlan plan, plan_copies(from.files, from.exclude_files, context.folder, context.warnings)
  );
  const std::string folder = fs::join(context.options.assets_dir, from.id);
  out.files.push_back(
      {.content = {.url = app::to_file_url(folder), .inline_bytes = {}}, .path = "/"}
  );
  // What no trigger runs needs no files, and may have many; whoever else reads the lock finds them.
  if (!context.used.contains(from.id)) {
    if (context.options.deferred != nullptr) {
      context.options.deferred->add(folder, std::move(plan));
    }
    return {};
  }
  if (context.options.deferred != nullptr) {
    WHORL_CHECKED(check_readable(plan, folder));
    context.options.deferred->add(folder, std::move(plan));
  } else {
    WHORL_CHECKED(carry_out(plan, folder));
    context.copies.push_back(folder);
  }
  out.mounts.push_back(
      {.host_path = folder,
       .guest_path = "/",
       .is_writable = context.options.access == MountAccess::ReadWrite}
  );
  return {};
}

Result<void> mount_files(
    const manifest::Component& from, LockContext& context, app::Component& out
) {
  if (from.files.empty()) {
    return {};
  }
  switch (context.options.files) {
    case FileMounts::None:
      return {};
    case FileMounts::Copy:
      return mount_copies(from, context, out);
    case FileMounts::Direct:
      return mount_directly(from, context, out);
  }
  return {};
}

Result<void> lock_dependencies(
    const manifest::Component& from, LockContext& context, app::Component& out
) {
  for (const manifest::NamedDependency& named : from.dependencies) {
    WHORL_TRY(
        out.dependencies[named.name.text],
        lock_dependency(named.dependency, &named.name, context)
            .context("Failed to load component dependency `{}` for `{}`", named.name.text, from.id)
    );
  }
  return {};
}

}  // namespace

Result<app::Dependency> lock_dependency(
    const manifest::Dependency& from, const manifest::DependencyName* name, LockContext& context
) {
  app::Dependency out;
  WHORL_TRY(const std::string path, find_dependency(from, name, context));
  out.source.url = app::to_file_url(path);
  out.content_type = kWasm;
  out.export_name = from.export_name;
  out.inherit = from.inherit.value_or(app::Inherit());
  return out;
}

Result<app::Component> lock_component(manifest::Component from, LockContext& context) {
  app::Component out;
  out.metadata = app::Value(app::Value::Table{});
  WHORL_TRY(out.allowed_outbound_hosts, lock_hosts(from, context));
  WHORL_TRY(out.source_path, find_source(from.source, from.id, context));
  out.source.url = app::to_file_url(out.source_path);
  out.content_type = kWasm;
  WHORL_CHECKED(lock_dependencies(from, context, out));
  WHORL_CHECKED(mount_files(from, context, out));
  out.id = std::move(from.id);
  out.description = std::move(from.description);
  out.environment = std::move(from.environment);
  out.variables = std::move(from.variables);
  out.key_value_stores = std::move(from.key_value_stores);
  out.sqlite_databases = std::move(from.sqlite_databases);
  out.ai_models = std::move(from.ai_models);
  if (from.build) {
    out.metadata.set("build", build_metadata(*from.build));
  }
  // What is meant for us is kept; other tools' tables are theirs.
  if (const app::Value* own = from.tools.find(app::kOwnTool)) {
    out.metadata.set(app::kOwnTool, *own);
  }
  if (app::needs_service_chaining(out.allowed_outbound_hosts)) {
    out.host_requirements["local_service_chaining"] = "required";
  }
  return out;
}

}  // namespace whorl::loader
