#include "loader/dependency_files.hpp"

#include "app/file_url.hpp"
#include "loader/lock.hpp"

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

}  // namespace whorl::loader
