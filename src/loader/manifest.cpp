// Manifest → locked app.

#include "manifest/manifest.hpp"

#include "fs/file.hpp"
#include "loader/loader.hpp"

#include <fmt/format.h>

#include <utility>
#include <variant>

namespace whorl::loader {
namespace {

constexpr std::string_view kDigestPrefix = "sha256:";

bool has_entries(const app::Value& value) {
  return value.as_table() != nullptr && !value.as_table()->empty();
}

Error unsupported(
    std::string message, std::source_location where = std::source_location::current()
) {
  return Error(ErrorKind::Unsupported, std::move(message), where);
}

/// What a component says that is known and cannot be done yet, where leaving it out would run
/// something else than was written.
Result<void> refuse_unsupported(const manifest::Component& component) {
  if (has_entries(component.dependencies)) {
    return unsupported("component `dependencies` are not supported yet");
  }
  if (!component.allowed_http_hosts.empty()) {
    return unsupported("the deprecated `allowed_http_hosts` is not supported yet")
        .with_help("write `allowed_outbound_hosts` instead, each host with its scheme");
  }
  return {};
}

Result<std::string> resolve_source(
    const manifest::ComponentSource& source, const std::string& folder
) {
  if (const auto* local = std::get_if<manifest::LocalSource>(&source)) {
    return fs::normalised(fs::join(folder, local->path));
  }
  if (const auto* remote = std::get_if<manifest::RemoteSource>(&source)) {
    auto error = remote->digest.starts_with(kDigestPrefix)
                     ? unsupported("components from a URL are not supported yet")
                     : fail(
                           ErrorKind::InvalidInput,
                           "invalid `digest` \"{}\"; must start with 'sha256:'",
                           remote->digest
                       );
    return std::move(error).context(fmt::format(
        "Failed to load Wasm source \"{}\" with digest \"{}\"", remote->url, remote->digest
    ));
  }
  const auto& package = std::get<manifest::PackageSource>(source);
  return unsupported("components from a package registry are not supported yet")
      .context(fmt::format(
          "Failed to load Wasm source \"{}@{}\" from {}",
          package.package,
          package.version,
          package.registry.empty() ? "default registry" : fmt::format("\"{}\"", package.registry)
      ));
}

app::Value build_metadata(const manifest::BuildConfig& build) {
  const auto list = [](const std::vector<std::string>& texts) {
    app::Value::Array out;
    for (const std::string& text : texts) {
      out.emplace_back(text);
    }
    return app::Value(std::move(out));
  };
  app::Value out(app::Value::Table{});
  out.set("command", build.is_list ? list(build.commands) : app::Value(build.commands.front()));
  if (!build.watch.empty()) {
    out.set("watch", list(build.watch));
  }
  if (!build.workdir.empty()) {
    out.set("workdir", app::Value(build.workdir));
  }
  return out;
}

Result<app::Component> lock_component(manifest::Component from, const std::string& folder) {
  WHORL_CHECKED(refuse_unsupported(from));
  app::Component out;
  WHORL_TRY(out.source_path, resolve_source(from.source, folder));
  out.id = std::move(from.id);
  out.description = std::move(from.description);
  out.environment = std::move(from.environment);
  out.variables = std::move(from.variables);
  out.allowed_outbound_hosts = std::move(from.allowed_outbound_hosts);
  out.key_value_stores = std::move(from.key_value_stores);
  out.sqlite_databases = std::move(from.sqlite_databases);
  out.ai_models = std::move(from.ai_models);
  out.metadata = app::Value(app::Value::Table{});
  if (from.build) {
    out.metadata.set("build", build_metadata(*from.build));
  }
  return out;
}

Result<app::Trigger> lock_trigger(manifest::Trigger from) {
  if (!from.components.is_null()) {
    return unsupported("several `components` of one trigger are not supported yet");
  }
  if (has_entries(from.dependencies)) {
    return unsupported("`dependencies` of a trigger (middleware) are not supported yet");
  }
  app::Value::Table config;
  if (from.component) {
    config.push_back({"component", app::Value(std::get<std::string>(*from.component))});
  }
  config.insert(config.end(), from.config.as_table()->begin(), from.config.as_table()->end());
  return app::Trigger{
      .id = std::move(from.id),
      .type = std::move(from.type),
      .config = app::Value(std::move(config))
  };
}

Result<void> lock_variables(const manifest::Manifest& from, app::LockedApp& out) {
  for (const manifest::Variable& variable : from.variables) {
    if (variable.is_required == variable.default_value.has_value()) {
      return fail(ErrorKind::InvalidInput, "must be `required` OR have a `default`")
          .with_help(fmt::format("see `{}`, line {}", variable.name, variable.span.line));
    }
    out.variables[variable.name] = {
        .description = variable.description,
        .default_value = variable.default_value,
        .is_secret = variable.is_secret
    };
  }
  return {};
}

Result<app::LockedApp> lock(manifest::Manifest from, const std::string& folder) {
  app::LockedApp out;
  WHORL_CHECKED(lock_variables(from, out));
  out.name = std::move(from.name);
  out.version = std::move(from.version);
  out.description = std::move(from.description);
  out.authors = std::move(from.authors);
  out.trigger_globals = std::move(from.trigger_globals);
  for (manifest::Trigger& trigger : from.triggers) {
    const std::string id = trigger.id;
    WHORL_TRY(
        app::Trigger locked,
        lock_trigger(std::move(trigger)).context("Failed to load trigger `{}`", id)
    );
    out.triggers.push_back(std::move(locked));
  }
  for (manifest::Component& component : from.components) {
    const std::string id = component.id;
    WHORL_TRY(
        app::Component locked,
        lock_component(std::move(component), folder).context("Failed to load component `{}`", id)
    );
    out.components.push_back(std::move(locked));
  }
  return out;
}

Result<app::LockedApp> lock_at(manifest::Manifest from, const std::string& path) {
  WHORL_TRY(const std::string canonical, fs::canonical(path));
  WHORL_TRY(app::LockedApp out, lock(std::move(from), std::string(fs::parent(canonical))));
  out.origin = "file://" + canonical;
  out.app_dir = std::string(fs::parent(path));
  return out;
}

}  // namespace

Result<std::shared_ptr<const app::LockedApp>> load_manifest(const std::string& path) {
  WHORL_TRY(const Bytes bytes, fs::read_file(path, manifest::kMaxManifestBytes));
  // What is wrong with the text itself is reported bare: it says where it stands.
  WHORL_TRY(manifest::Manifest parsed, manifest::parse_manifest(as_text(bytes), path));
  manifest::normalise(parsed);
  WHORL_TRY(
      app::LockedApp locked,
      lock_at(std::move(parsed), path)
          .context("Failed to load Spin app from {}", fs::quote_path(path))
          .context("Failed to load manifest from {}", fs::quote_path(path))
          .context("Failed to load application")
  );
  return std::make_shared<const app::LockedApp>(std::move(locked));
}

}  // namespace whorl::loader
