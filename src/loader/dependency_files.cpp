#include "loader/dependency_files.hpp"

#include "app/file_url.hpp"
#include "fs/file.hpp"
#include "loader/dependencies.hpp"
#include "loader/lock.hpp"

#include <fmt/format.h>

#include <utility>
#include <variant>

namespace whorl::loader {

Result<std::vector<DependencyFile>> dependency_files(
    const manifest::Component& component, const std::string& folder, const LoadOptions& options
) {
  LockContext context{.options = options, .folder = folder};
  std::vector<DependencyFile> out;
  for (const manifest::NamedDependency& named : component.dependencies) {
    WHORL_TRY(
        const app::Dependency found,
        lock_dependency(named.dependency, &named.name, context)
            .context("failed to load dependency {}", named.name.text)
    );
    out.push_back(
        {named.name.text, found.export_name, app::from_file_url(found.source.url).value_or("")}
    );
  }
  return out;
}

Result<ComponentParts> component_parts(
    const manifest::Component& component, const std::string& folder, const LoadOptions& options
) {
  LockContext context{.options = options, .folder = folder};
  manifest::Component bare;
  bare.id = component.id;
  bare.source = component.source;
  bare.dependencies = component.dependencies;
  WHORL_TRY(const app::Component locked, lock_component(std::move(bare), context));
  constexpr const char* kStep = "an error occurred when preparing dependencies";
  auto bytes = fs::read_file(locked.source_path, kMaxWasmBytes);
  if (!bytes) {
    const auto* local = std::get_if<manifest::LocalSource>(&component.source);
    return fail(bytes.error().kind(), "{}", bytes.error().message())
        .context(fmt::format(
            "reading {}", fs::quote_path(local == nullptr ? locked.source_path : local->path)
        ))
        .context(kStep);
  }
  return find_parts(locked, *std::move(bytes));
}

}  // namespace whorl::loader
