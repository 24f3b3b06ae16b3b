#include "loader/loader.hpp"

#include "app/file_url.hpp"
#include "component/composition_encoder.hpp"
#include "fs/file.hpp"
#include "loader/dependencies.hpp"

#include <fmt/format.h>

#include <utility>

namespace whorl::loader {

Result<std::shared_ptr<const app::LockedApp>> load_bare_wasm(const std::string& path) {
  constexpr std::string_view kTriggerId = "http-trigger1";
  constexpr std::string_view kComponentId = "http-trigger1-component";
  app::LockedApp out;
  out.name = fs::stem(path);
  app::Component component;
  component.id = kComponentId;
  WHORL_TRY(component.source_path, fs::canonical(path));
  component.source.url = app::to_file_url(component.source_path);
  component.metadata = app::Value(app::Value::Table{});
  out.components.push_back(std::move(component));
  app::Value config(app::Value::Table{});
  config.set("component", app::Value(std::string(kComponentId)));
  config.set("route", app::Value(std::string("/...")));
  out.triggers.push_back(
      {.id = std::string(kTriggerId), .type = "http", .config = std::move(config)}
  );
  out.trigger_globals = app::Value(app::Value::Table{});
  out.metadata = app::Value(app::Value::Table{});
  return std::make_shared<const app::LockedApp>(std::move(out));
}

namespace {

/// The bytes of the component itself.
Result<Bytes> read_source(const app::Component& component) {
  if (component.source.inline_bytes) {
    const ByteView inline_bytes = as_bytes(*component.source.inline_bytes);
    return Bytes(inline_bytes.begin(), inline_bytes.end());
  }
  if (component.source_path.empty()) {
    return fail(
        ErrorKind::Unsupported,
        "its wasm file is known by URL or digest only ({}), and there is no store of such files "
        "yet",
        component.source.digest.empty() ? component.source.url : component.source.digest
    );
  }
  auto bytes = fs::read_file(component.source_path, kMaxWasmBytes);
  if (bytes) {
    return bytes;
  }
  // The step's own context would repeat the path.
  const Error& why = bytes.error();
  return Error(why.kind(), why.message(), why.where())
      .context(fmt::format(
          "failed to read component source from disk at path {}",
          fs::quote_path(component.source_path)
      ));
}

}  // namespace

Result<ComponentParts> read_component(const app::Component& component, CoreModules modules) {
  const auto failed = [&](Error error) {
    return std::move(error).context(
        fmt::format("failed to resolve dependencies for component \"{}\"", component.id)
    );
  };
  const auto read = [&]() -> Result<Bytes> {
    WHORL_TRY(Bytes file, read_source(component));
    return as_part(std::move(file), modules, component.source_path);
  };
  auto bytes = read().context("an error occurred when preparing dependencies");
  if (!bytes) {
    return failed(bytes.take_error());
  }
  if (component.dependencies.empty() && component.trigger_dependencies.empty()) {
    ComponentParts out;
    out.files.push_back(*std::move(bytes));
    out.parts.push_back({.bytes = out.files.back(), .name = component.source_path});
    return out;
  }
  auto parts = find_parts(component, *std::move(bytes), modules);
  return parts ? std::move(parts) : Result<ComponentParts>(failed(parts.take_error()));
}

Result<Bytes> compose_component(const app::Component& component) {
  WHORL_TRY(const ComponentParts parts, read_component(component, CoreModules::AsComponents));
  return component::encode_composition(parts.parts);
}

}  // namespace whorl::loader
