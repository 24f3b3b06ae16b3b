#include "cli/build_command.hpp"

#include "build/build_info.hpp"
#include "build/build_run.hpp"
#include "cli/arguments.hpp"
#include "cli/dependency_wits.hpp"
#include "cli/locate.hpp"
#include "cli/report.hpp"
#include "cli/up.hpp"
#include "cli/values.hpp"
#include "fs/file.hpp"
#include "log/terminal.hpp"
#include "manifest/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

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

/// The manifest may be wrong where building does not look; that is worth knowing.
void warn_of_other_errors(const std::string& manifest_path) {
  const auto bytes = fs::read_file(manifest_path, manifest::kMaxManifestBytes);
  if (!bytes) {
    return;
  }
  if (const auto parsed = manifest::parse_manifest(as_text(*bytes), manifest_path); !parsed) {
    log::write_all(
        kStderr,
        fmt::format(
            "Warning: The manifest has errors not related to the Wasm component build. Error "
            "details:\n{}\n",
            parsed.error().message()
        )
    );
  }
}

/// What Spin's build does beside the commands, and this one does not do yet.
void warn_of_undone(const BuildRequest& request) {
  const auto bytes = fs::read_file(request.manifest_path, manifest::kMaxManifestBytes);
  const auto parsed = bytes ? manifest::parse_manifest(as_text(*bytes), request.manifest_path)
                            : Result<manifest::Manifest>(fail(ErrorKind::NotFound, "no manifest"));
  if (!parsed) {
    return;
  }
  const auto& components = parsed->components;
  const bool has_targets =
      !parsed->targets.empty() || std::ranges::any_of(components, [](const auto& component) {
        return component.targets && !component.targets->empty();
      });
  if (has_targets && !request.skip_target_checks) {
    log::write_all(
        kStderr,
        "Warning: Whorl does not check components against deployment targets yet. "
        "`--skip-target-checks` silences this.\n"
    );
  }
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

Result<void> build_app(const BuildRequest& request) {
  WHORL_TRY(
      const build::BuildInfo info, build::read_build_info(request.manifest_path, request.profile)
  );
  WHORL_TRY(auto components, build::order_builds(info, request.components));
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
    WHORL_CHECKED(run_commands(info, std::move(components), request.jobs));
    log::write_all(kStdout, "Finished building all Spin components\n");
  }
  // It serves a warning only: a folder that cannot be written is no reason to fail.
  static_cast<void>(build::write_last_profile(info.folder(), request.profile));
  warn_of_other_errors(request.manifest_path);
  warn_of_undone(request);
  return {};
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
  const auto rest = arguments.subspan(own);
  up_arguments.insert(up_arguments.end(), rest.begin(), rest.end());
  return run_up(up_arguments, runner);
}

}  // namespace whorl::cli
