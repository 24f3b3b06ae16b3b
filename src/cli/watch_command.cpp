#include "cli/watch_command.hpp"

#include "cli/arguments.hpp"
#include "cli/build_command.hpp"
#include "cli/dependency_wits.hpp"
#include "cli/locate.hpp"
#include "cli/report.hpp"
#include "cli/up.hpp"
#include "cli/up_flags.hpp"
#include "cli/up_source.hpp"
#include "cli/values.hpp"
#include "fs/file.hpp"
#include "loader/loader.hpp"
#include "log/terminal.hpp"
#include "watch/watch_loop.hpp"

#include <fmt/format.h>

#include <array>
#include <span>
#include <utility>
#include <variant>

namespace whorl::cli {
namespace {

constexpr int kStdout = 1;
constexpr int kStderr = 2;
constexpr std::uint64_t kMaxDebounceMs = 3'600'000;
/// Cursor home, clear the screen, clear what was scrolled away.
constexpr std::string_view kClearScreen = "\x1b[H\x1b[2J\x1b[3J";

using enum FlagSpec::Owner;
using enum FlagSpec::Repeat;

constexpr std::size_t kDebounceFlag = 3;
constexpr std::array kFlags{
    FlagSpec{
        .name = "from",
        .letter = 'f',
        .value_name = "APP_MANIFEST_FILE",
        .help = "The application to watch. This may be a manifest (spin.toml) file, or a directory "
                "containing a spin.toml file. If omitted, it defaults to \"spin.toml\"",
        .aliases = {"file"},
        .owner = Up
    },
    FlagSpec{
        .name = "profile",
        .value_name = "PROFILE",
        .help = "The build profile to build and run. The default is the anonymous profile (usually "
                "the release build)",
        .owner = Up
    },
    FlagSpec{
        .name = "clear", .letter = 'c', .help = "Clear the screen before each run", .owner = Up
    },
    FlagSpec{
        .name = "debounce",
        .letter = 'd',
        .value_name = "DEBOUNCE",
        .help = "Set the timeout between detected change and re-execution, in milliseconds",
        .default_value = "100",
        .owner = Up
    },
    FlagSpec{
        .name = "skip-build",
        .help = "Only run the Spin application, restarting it when build artifacts change",
        .owner = Up
    },
    FlagSpec{.name = "help", .letter = 'h', .help = "Print help", .owner = Up, .repeat = Many},
};

constexpr std::array kArguments{
    ArgumentHelp{.name = "[UP_ARGS]...", .help = "Arguments to be passed through to spin up"}
};

std::string last_of(const ScannedArguments& scanned, std::string_view name) {
  const auto values = scanned.values(name);
  return values.empty() ? std::string() : values.back();
}

/// Loads what UpSource loads, when the files say so.
class WatchSource final : public AppSource {
 public:
  enum class Screen : std::uint8_t { Keep, Clear };

  WatchSource(UpSource& source, watch::WatchLoop& loop, Screen screen)
      : source_(source), loop_(loop), screen_(screen) {}

  [[nodiscard]] int event_fd() const noexcept override { return loop_.event_fd(); }
  [[nodiscard]] bool is_due() override {
    const bool due = loop_.is_due();
    for (const Error& problem : loop_.take_problems()) {
      report_failure(problem);
    }
    if (due && screen_ == Screen::Clear) {
      log::write_all(kStdout, kClearScreen);
    }
    return due;
  }
  [[nodiscard]] Result<Runnable> load() override { return source_.load(); }
  void on_reloaded(const Error* failure) override {
    if (failure == nullptr) {
      source_.on_reloaded(nullptr);
    } else {
      report_failure(*failure);
    }
  }
  [[nodiscard]] bool keeps_going() const noexcept override { return true; }

 private:
  UpSource& source_;
  watch::WatchLoop& loop_;
  Screen screen_;
};

/// The steps of `build` that are not commands.
class WholeBuild final : public watch::BuildSteps {
 public:
  explicit WholeBuild(BuildRequest request) : request_(std::move(request)) {}

  void prepare(const build::BuildInfo& info, std::span<const build::ComponentBuild> components)
      override {
    write_dependency_wits(info, components, request_.profile);
  }
  [[nodiscard]] Result<void> check() override { return check_built(request_); }

 private:
  BuildRequest request_;
};

/// Where the application's triggers run.
enum class Where : std::uint8_t { Here, Elsewhere };

/// As the manifest says now; what can't be read is said when it is loaded.
Where where_of(const std::string& manifest_path, const std::string& profile) {
  const auto app = loader::load_manifest(manifest_path, {.profile = profile});
  const auto executors = app ? find_executors(**app) : Result<std::vector<TriggerExecutor>>({});
  return executors && has_foreign(*executors) ? Where::Elsewhere : Where::Here;
}

/// What is wrong with arguments for the triggers, where these are our own.
std::optional<int> check_trigger_part(const ScannedArguments& scanned) {
  return scanned.trigger_error ? std::optional(report_usage(*scanned.trigger_error)) : std::nullopt;
}

/// What `up` is told.
struct UpPart {
  UpSource source;
  std::vector<std::string> passed_on;  ///< for triggers that are processes
  TriggerFlags flags;
  bool has_direct_mounts = false;
};

/// @return or the exit code
std::variant<UpPart, int> read_up_part(
    std::span<const std::string_view> arguments,
    const std::string& manifest_path,
    const std::string& profile,
    Where where
) {
  const ScannedArguments scanned = scan_arguments(without_separator(arguments), up_flags());
  if (scanned.up_error) {
    return report_up_usage(*scanned.up_error);
  }
  auto own = read_own_flags(scanned);
  if (const auto* wrong = std::get_if<UsageError>(&own)) {
    return report_up_usage(*wrong);
  }
  if (const auto code = where == Where::Here ? check_trigger_part(scanned) : std::nullopt) {
    return *code;
  }
  auto flags = where == Where::Here ? read_trigger_flags(scanned) : TriggerFlags();
  if (const auto* wrong = std::get_if<UsageError>(&flags)) {
    return report_usage(*wrong);
  }
  // `watch` names the application and the profile itself.
  for (const std::string_view name : {"from", "from-file", "from-registry", "profile"}) {
    if (scanned.has(name)) {
      return report_up_usage(
          {.message = fmt::format(
               "the argument '{}' cannot be used multiple times", up_flag(name).to_text()
           ),
           .usage = std::string(kUpUsage),
           .cause = {}}
      );
    }
  }
  auto& own_flags = std::get<OwnFlags>(own);
  own_flags.profile = profile;
  auto source = UpSource::open(
      {.kind = AppLocation::Kind::Manifest, .path = manifest_path}, std::move(own_flags)
  );
  if (!source) {
    return report_failure(source.error());
  }
  if (where == Where::Elsewhere) {
    return UpPart{
        .source = *std::move(source),
        .passed_on = scanned.passed_on,
        .flags = {},
        .has_direct_mounts = scanned.has("direct-mounts"),
    };
  }
  UpPart out{
      .source = *std::move(source),
      .passed_on = scanned.passed_on,
      .flags = std::get<TriggerFlags>(std::move(flags)),
      .has_direct_mounts = scanned.has("direct-mounts"),
  };
  if (auto applied = apply_settings(out.flags); !applied) {
    return report_failure(applied.error());
  }
  out.source.set_variables(std::move(out.flags.variables));
  out.source.set_providers(std::move(out.flags.providers));
  app::LockedApp folders;
  folders.app_dir = std::string(fs::parent(manifest_path));
  apply_default_folders(out.flags, folders);
  return out;
}

void print_unwatched(const watch::WatchLoop& loop) {
  for (const std::string& id : loop.unwatched()) {
    log::write_all(
        kStderr,
        fmt::format(
            "You haven't configured what to watch for the component: '{}'. Learn how to configure "
            "Spin watch at https://developer.fermyon.com/common/cli-reference#watch\n",
            id
        )
    );
  }
}

Result<int> watch_app(
    UpPart up,
    Where where,
    watch::WatchOptions options,
    WatchSource::Screen screen,
    AppRunner& runner
) {
  options.assets = !up.has_direct_mounts;
  BuildRequest request;
  request.manifest_path = options.manifest_path;
  request.profile = options.profile;
  WholeBuild steps(std::move(request));
  options.steps = &steps;
  WHORL_TRY(const auto loop, watch::WatchLoop::start(std::move(options)));
  print_unwatched(*loop);
  WatchSource source(up.source, *loop, screen);
  if (where == Where::Elsewhere) {
    return up.source.run_elsewhere(nullptr, std::move(up.passed_on), source);
  }
  up.flags.request.source = &source;
  return runner.run(up.flags.request);
}

/// The manifest's absolute path: messages of the running application show it so, as in Spin.
Result<std::string> find_manifest(const ScannedArguments& scanned) {
  std::string note;
  auto path = locate_manifest(last_of(scanned, "from"), note);
  log::write_all(kStderr, note);
  if (!path) {
    return path;
  }
  // Not canonical: the folder may be reached through a link, and is shown as it was named.
  WHORL_TRY(const std::string absolute, fs::absolute(*path));
  return fs::normalised(absolute);
}

}  // namespace

const CommandHelp& watch_help() {
  static constexpr CommandHelp kHelp{
      .name = "watch",
      .alias = "w",
      .about = "Build and run the Spin application, rebuilding and restarting it when files change",
      .usage = "whorl watch [OPTIONS] [UP_ARGS]...",
      .arguments = kArguments,
      .flags = kFlags
  };
  return kHelp;
}

int run_watch(std::span<const std::string_view> arguments, AppRunner& runner) {
  const std::size_t own = own_prefix(arguments, kFlags);
  const auto scanned = scan_arguments(arguments.first(own), kFlags, watch_help().usage);
  if (scanned.up_error) {
    return report_usage(*scanned.up_error);
  }
  if (scanned.has("help")) {
    log::write_all(kStdout, command_help(watch_help(), log::terminal_width(kStdout)));
    return 0;
  }
  watch::WatchOptions options;
  if (const std::string debounce = last_of(scanned, "debounce"); !debounce.empty()) {
    const auto number = parse_number(debounce);
    if (!number || *number > kMaxDebounceMs) {
      const std::string why = number ? fmt::format("{} is not in 0..={}", *number, kMaxDebounceMs)
                                     : number.error().message();
      return report_usage(invalid_value(kFlags[kDebounceFlag], debounce, why));
    }
    options.debounce = std::chrono::milliseconds(*number);
  }
  options.profile = last_of(scanned, "profile");
  options.builds = !scanned.has("skip-build");
  auto manifest_path = find_manifest(scanned);
  if (!manifest_path) {
    return report_failure(manifest_path.error());
  }
  options.manifest_path = *manifest_path;
  const Where where = where_of(*manifest_path, options.profile);
  auto up = read_up_part(arguments.subspan(own), *manifest_path, options.profile, where);
  if (const int* code = std::get_if<int>(&up)) {
    return *code;
  }
  auto code = watch_app(
      std::get<UpPart>(std::move(up)),
      where,
      std::move(options),
      scanned.has("clear") ? WatchSource::Screen::Clear : WatchSource::Screen::Keep,
      runner
  );
  return code ? *code : report_failure(code.error());
}

}  // namespace whorl::cli
