#include "cli/build_command.hpp"

#include "build/build_info.hpp"
#include "build/build_run.hpp"
#include "cli/arguments.hpp"
#include "cli/dependency_wits.hpp"
#include "cli/locate.hpp"
#include "cli/report.hpp"
#include "cli/target_report.hpp"
#include "cli/up.hpp"
#include "cli/values.hpp"
#include "fs/file.hpp"
#include "log/terminal.hpp"
#include "manifest/document.hpp"
#include "manifest/manifest.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace whorl::cli {
namespace {

constexpr int kStdout = 1;
constexpr int kStderr = 2;
constexpr std::uint64_t kMaxJobs = 256;

using enum FlagSpec::Owner;
using enum FlagSpec::Repeat;

constexpr std::array kFlags{
    FlagSpec{
        .name = "from",
        .letter = 'f',
        .value_name = "APP_MANIFEST_FILE",
        .help = "The application to build. This may be a manifest (spin.toml) file, or a directory "
                "containing a spin.toml file. If omitted, it defaults to \"spin.toml\"",
        .aliases = {"file"},
        .owner = Up
    },
    FlagSpec{
        .name = "profile",
        .value_name = "PROFILE",
        .help = "The build profile to build. The default is the anonymous profile (usually the "
                "release build)",
        .owner = Up
    },
    FlagSpec{
        .name = "component-id",
        .letter = 'c',
        .value_name = "COMPONENT_ID",
        .help = "Component ID to build. This can be specified multiple times. The default is all "
                "components",
        .owner = Up,
        .repeat = Many
    },
    FlagSpec{
        .name = "jobs",
        .letter = 'j',
        .value_name = "N",
        .help = "Build up to N components at once, with the component's ID in front of each line "
                "of output. The default is one after the other",
        .owner = Up
    },
    FlagSpec{
        .name = "skip-target-checks",
        .help = "By default, if the application manifest specifies one or more deployment targets, "
                "Spin checks that all components are compatible with those deployment targets. "
                "Specify this option to bypass those target checks",
        .aliases = {"skip-target-check"},
        .owner = Up
    },
    FlagSpec{
        .name = "skip-generate-wits",
        .help = "By default, the build command generates WIT files for components' dependencies. "
                "Specify this option to bypass generating WITs",
        .aliases = {"skip-generate-wit"},
        .owner = Up
    },
    FlagSpec{
        .name = "up", .letter = 'u', .help = "Run the application after building", .owner = Up
    },
    FlagSpec{.name = "help", .letter = 'h', .help = "Print help", .owner = Up, .repeat = Many},
};

constexpr std::array kArguments{ArgumentHelp{.name = "[UP_ARGS]...", .help = ""}};

std::string last_of(const ScannedArguments& scanned, std::string_view name) {
  const auto values = scanned.values(name);
  return values.empty() ? std::string() : values.back();
}

/// What a manifest that cannot be read otherwise says of targets.
bool names_targets(std::string_view text) {
  const auto document = manifest::parse_document(text, "");
  const manifest::Entry* application = document ? document->find("application") : nullptr;
  const manifest::Entry* targets =
      application == nullptr ? nullptr : application->value.find("targets");
  return targets != nullptr && !targets->value.items.empty();
}

/// The manifest may be wrong where building does not look; that is worth knowing.
/// @return nothing if it is
std::optional<manifest::Manifest> read_whole(const BuildRequest& request) {
  const auto bytes = fs::read_file(request.manifest_path, manifest::kMaxManifestBytes);
  if (!bytes) {
    return std::nullopt;
  }
  auto parsed = manifest::parse_manifest(as_text(*bytes), request.manifest_path);
  if (parsed) {
    return *std::move(parsed);
  }
  log::write_all(
      kStderr,
      fmt::format(
          "Warning: The manifest has errors not related to the Wasm component build. Error "
          "details:\n{}\n",
          parsed.error().message()
      )
  );
  if (!request.skip_target_checks && names_targets(as_text(*bytes))) {
    log::write_all(
        kStderr,
        "Warning: The manifest error(s) prevented Spin from checking the deployment targets.\n"
    );
  }
  return std::nullopt;
}

Result<void> run_commands(
    build::BuildInfo info, std::vector<build::ComponentBuild> components, unsigned jobs
) {
  build::BuildRun run(
      std::move(info),
      std::move(components),
      {.jobs = jobs,
       .output = jobs > 1 ? build::BuildOutput::Labelled : build::BuildOutput::Inherited}
  );
  return run.run();
}

}  // namespace

const CommandHelp& build_help() {
  static constexpr CommandHelp kHelp{
      .name = "build",
      .alias = "b",
      .about = "Build the Spin application",
      .usage = "whorl build [OPTIONS] [UP_ARGS]...",
      .arguments = kArguments,
      .flags = kFlags
  };
  return kHelp;
}

Result<void> check_built(const BuildRequest& request) {
  auto whole = read_whole(request);
  return whole && !request.skip_target_checks ? check_build_targets(*std::move(whole), request)
                                              : Result<void>();
}

Result<void> build_app(const BuildRequest& request) {
  WHORL_TRY(
      const build::BuildInfo info, build::read_build_info(request.manifest_path, request.profile)
  );
  WHORL_TRY(auto components, build::order_builds(info, request.components));
  Result<void> built;
  if (components.empty()) {
    log::write_all(
        kStdout,
        "None of the components have a build command.\n"
        "For information on specifying a build command, see "
        "https://spinframework.dev/build#setting-up-for-spin-build.\n"
    );
  } else {
    if (!request.skip_generate_wits) {
      write_dependency_wits(info, components, request.profile);
    }
    built = run_commands(info, std::move(components), request.jobs);
    if (built) {
      log::write_all(kStdout, "Finished building all Spin components\n");
    }
  }
  auto whole = read_whole(request);
  WHORL_CHECKED(std::move(built));
  // It serves a warning only: a folder that cannot be written is no reason to fail.
  static_cast<void>(build::write_last_profile(info.folder(), request.profile));
  return whole && !request.skip_target_checks ? check_build_targets(*std::move(whole), request)
                                              : Result<void>();
}

int run_build(std::span<const std::string_view> arguments, AppRunner& runner) {
  const std::size_t own = own_prefix(arguments, kFlags);
  const auto scanned = scan_arguments(arguments.first(own), kFlags, build_help().usage);
  if (scanned.up_error) {
    return report_usage(*scanned.up_error);
  }
  if (scanned.has("help")) {
    log::write_all(kStdout, command_help(build_help(), log::terminal_width(kStdout)));
    return 0;
  }
  if (own < arguments.size() && !scanned.has("up")) {
    return report_usage(
        {.message = "the following required arguments were not provided:\n  --up",
         .usage = "whorl build --up <UP_ARGS>...",
         .cause = {}}
    );
  }
  BuildRequest request;
  request.profile = last_of(scanned, "profile");
  request.components = scanned.values("component-id");
  request.skip_target_checks = scanned.has("skip-target-checks");
  request.skip_generate_wits = scanned.has("skip-generate-wits");
  if (const std::string jobs = last_of(scanned, "jobs"); !jobs.empty()) {
    const auto number = parse_number(jobs);
    if (!number || *number < 1 || *number > kMaxJobs) {
      const std::string why =
          number ? fmt::format("{} is not in 1..={}", *number, kMaxJobs) : number.error().message();
      return report_usage(invalid_value(kFlags[3], jobs, why));
    }
    request.jobs = static_cast<unsigned>(*number);
  }
  std::string note;
  auto path = locate_manifest(last_of(scanned, "from"), note);
  log::write_all(kStderr, note);
  if (!path) {
    return report_failure(path.error());
  }
  request.manifest_path = *std::move(path);
  if (auto built = build_app(request); !built) {
    return report_failure(built.error());
  }
  if (!scanned.has("up")) {
    return 0;
  }
  std::vector<std::string_view> up_arguments{"-f", request.manifest_path};
  if (!request.profile.empty()) {
    up_arguments.insert(up_arguments.end(), {"--profile", request.profile});
  }
  const auto rest = without_separator(arguments.subspan(own));
  up_arguments.insert(up_arguments.end(), rest.begin(), rest.end());
  return run_up(up_arguments, runner);
}

}  // namespace whorl::cli
