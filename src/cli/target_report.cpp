#include "cli/target_report.hpp"

#include "build/target_checks.hpp"
#include "cli/report.hpp"
#include "cli/up_source.hpp"
#include "fs/file.hpp"
#include "loader/loader.hpp"
#include "log/terminal.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace whorl::cli {

Result<void> check_build_targets(manifest::Manifest manifest, const BuildRequest& request) {
  if (!build::has_targets(manifest)) {
    return {};
  }
  loader::HttpFetcher fetcher;
  const std::string downloads = download_folder({});
  const build::TargetChecks checks{
      .manifest_path = request.manifest_path,
      .components = request.components,
      .load = {.profile = request.profile, .cache_dir = downloads, .fetcher = &fetcher},
      .catalogue =
          downloads.empty() ? std::string() : fs::join(fs::parent(downloads), "environments/envs")
  };
  const auto check = [&]() -> Result<std::vector<std::string>> {
    WHORL_CHECKED(manifest::normalise(manifest, request.profile));
    return build::check_targets(manifest, checks);
  };
  WHORL_TRY(
      const std::vector<std::string> problems,
      check().context("unable to check if the application is compatible with deployment targets")
  );
  for (const std::string& problem : problems) {
    report_problem(problem);
  }
  if (!problems.empty()) {
    return fail(
        ErrorKind::InvalidInput,
        "All components built successfully, but one or more was incompatible with one or more of "
        "the deployment targets."
    );
  }
  return {};
}

}  // namespace whorl::cli
