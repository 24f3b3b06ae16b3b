#include "cli/trigger_command.hpp"

#include "app/file_url.hpp"
#include "app/json.hpp"
#include "cli/help.hpp"
#include "cli/report.hpp"
#include "cli/up_flags.hpp"
#include "cli/up_source.hpp"
#include "fs/file.hpp"
#include "loader/loader.hpp"
#include "log/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace whorl::cli {
namespace {

constexpr int kStdout = 1;
constexpr int kStderr = 2;
constexpr std::string_view kUsage = "whorl trigger <COMMAND>";
constexpr std::string_view kHelp =
    "Usage: whorl trigger <COMMAND>\n"
    "\n"
    "Commands:\n"
    "  http   A command that runs a TriggerExecutor\n"
    "  redis  A command that runs a TriggerExecutor\n"
    "  help   Print this message or the help of the given subcommand(s)\n"
    "\n"
    "Options:\n"
    "  -h, --help  Print help\n";

/// The flags that are not `up`'s.
std::span<const FlagSpec> trigger_flags() {
  static const std::vector<FlagSpec> kFlags = [] {
    std::vector<FlagSpec> out;
    std::ranges::copy_if(up_flags(), std::back_inserter(out), [](const FlagSpec& spec) {
      return spec.owner == FlagSpec::Owner::Trigger;
    });
    return out;
  }();
  return kFlags;
}

Result<std::string> required_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) {
    return fail(ErrorKind::NotFound, "environment variable not found").context(name);
  }
  return std::string(value);
}

/// The application that the environment names.
class LockSource final : public AppSource {
 public:
  /// @param type  of the triggers that are run
  [[nodiscard]] static Result<LockSource> from_environment(
      std::string_view type, bool transient_write
  ) {
    LockSource out;
    WHORL_TRY(out.folder_, required_variable("SPIN_WORKING_DIR"));
    WHORL_TRY(const std::string url, required_variable("SPIN_LOCKED_URL"));
    const auto path = app::from_file_url(url);
    if (!path) {
      return fail(ErrorKind::InvalidInput, "SPIN_LOCKED_URL is not a file:// URL: {}", url);
    }
    out.path_ = *path;
    if (const char* folder = std::getenv("SPIN_LOCAL_APP_DIR")) {
      out.app_dir_ = folder;
    }
    out.type_ = type;
    out.transient_write_ = transient_write;
    return out;
  }

  [[nodiscard]] Result<SharedApp> load_app() const {
    const loader::LoadOptions options{
        .files = loader::FileMounts::Copy,
        .access = transient_write_ ? loader::MountAccess::ReadWrite : loader::MountAccess::ReadOnly,
        .assets_dir = fs::join(folder_, "assets"),
    };
    WHORL_TRY(const SharedApp loaded, loader::load_lock(path_, options));
    app::LockedApp out = *loaded;
    out.app_dir = app_dir_;
    std::erase_if(out.triggers, [&](const app::Trigger& trigger) { return trigger.type != type_; });
    if (out.triggers.empty()) {
      return fail(ErrorKind::InvalidInput, "No triggers in app");
    }
    return SharedApp(std::make_shared<const app::LockedApp>(std::move(out)));
  }
  void set_variables(std::vector<std::string> variables) { variables_ = std::move(variables); }
  void set_providers(std::vector<VariablesProviderConfig> providers) {
    providers_ = std::move(providers);
  }
  [[nodiscard]] Result<Runnable> complete(SharedApp app) const {
    return make_runnable(std::move(app), variables_, providers_, nullptr);
  }

  // AppSource
  [[nodiscard]] Result<Runnable> load() override {
    WHORL_TRY(SharedApp app, load_app());
    return complete(std::move(app));
  }
  void on_reloaded(const Error* failure) override { report_reload(failure); }

 private:
  std::string path_;
  std::string folder_;
  std::optional<std::string> app_dir_;
  std::string type_;
  bool transient_write_ = false;
  std::vector<std::string> variables_;
  std::vector<VariablesProviderConfig> providers_;
};

Result<int> serve(
    std::string_view type, const ScannedArguments& scanned, TriggerFlags flags, AppRunner& runner
) {
  WHORL_TRY(auto source, LockSource::from_environment(type, scanned.has("allow-transient-write")));
  WHORL_TRY(SharedApp app, source.load_app());
  if (auto answered = answer_about_app(scanned, *app)) {
    return *std::move(answered);
  }
  WHORL_CHECKED(apply_settings(flags));
  source.set_variables(std::move(flags.variables));
  source.set_providers(std::move(flags.providers));
  UpRequest& request = flags.request;
  WHORL_TRY(request.runnable, source.complete(std::move(app)));
  WHORL_CHECKED(check_followed(*request.runnable.app, request.follow));
  apply_default_folders(flags, *request.runnable.app);
  request.source = &source;
  return runner.run(request);
}

int run_type(
    std::string_view type, std::span<const std::string_view> arguments, AppRunner& runner
) {
  if (std::ranges::any_of(arguments, [](auto word) { return word == "--help" || word == "-h"; })) {
    log::write_all(
        kStdout,
        fmt::format(
            "Run the {} triggers of an application that `up` has locked\n\nUsage: {}\n\n"
            "Options:\n  -h, --help\n          Print help\n\n{}",
            type,
            kTriggerUsage,
            trigger_help(log::terminal_width(kStdout), type)
        )
    );
    return 0;
  }
  const ScannedArguments scanned = scan_arguments(arguments, trigger_flags(), kTriggerUsage);
  if (scanned.has("help-args-only")) {
    log::write_all(kStdout, trigger_help(log::terminal_width(kStdout), type));
    return 0;
  }
  if (const auto answered = answer_about_flags(scanned)) {
    return *answered;
  }
  if (scanned.trigger_error) {
    return report_usage(*scanned.trigger_error);
  }
  auto flags = read_trigger_flags(scanned);
  if (const auto* wrong = std::get_if<UsageError>(&flags)) {
    return report_usage(*wrong);
  }
  auto code = serve(type, scanned, std::get<TriggerFlags>(std::move(flags)), runner);
  return code ? *code : report_failure(code.error());
}

/// `{"all_flags": [{"short": "-L", "long": "--log-dir"}, …]}`
std::string launch_metadata() {
  app::Value::Array flags;
  for (const FlagSpec& spec : trigger_flags()) {
    app::Value flag(app::Value::Table{});
    if (spec.letter != '\0') {
      flag.set("short", app::Value(fmt::format("-{}", spec.letter)));
    }
    flag.set("long", app::Value(fmt::format("--{}", spec.name)));
    flags.push_back(std::move(flag));
  }
  app::Value out(app::Value::Table{});
  out.set("all_flags", app::Value(std::move(flags)));
  return app::to_json(out, app::JsonStyle::Pretty) + "\n";
}

Result<int> precompose(const std::string& id, const app::LockedApp& app) {
  if (id.empty()) {
    return fail(ErrorKind::InvalidInput, "got --precompose-only but no --precompose-component-id");
  }
  const app::Component* component = app.find_component(id);
  if (component == nullptr) {
    return fail(ErrorKind::NotFound, "--precompose-component-id: component does not exist");
  }
  WHORL_TRY(
      const Bytes composed,
      loader::compose_component(*component).context("failed to precompose component {}", id)
  );
  if (!log::write_all(kStdout, composed)) {
    return fail(ErrorKind::Disconnected, "failed to write composition to stdout");
  }
  return 0;
}

}  // namespace

std::optional<int> answer_about_flags(const ScannedArguments& arguments) {
  if (arguments.has("help-args-only")) {
    log::write_all(kStdout, trigger_help(log::terminal_width(kStdout)));
    return 0;
  }
  if (arguments.has("launch-metadata-only")) {
    log::write_all(kStderr, launch_metadata());
    return 0;
  }
  return std::nullopt;
}

std::optional<Result<int>> answer_about_app(
    const ScannedArguments& arguments, const app::LockedApp& app
) {
  if (!arguments.has("precompose-only")) {
    return std::nullopt;
  }
  auto ids = arguments.values("precompose-component-id");
  return precompose(ids.empty() ? std::string() : ids.back(), app);
}

int run_trigger(std::span<const std::string_view> arguments, AppRunner& runner) {
  const std::string_view type = arguments.empty() ? std::string_view() : arguments[0];
  if (type == "http" || type == "redis") {
    return run_type(type, arguments.subspan(1), runner);
  }
  // What `up --help` of Spin's asks where there is no application.
  if (type == "provide-help-args-no-app") {
    log::write_all(kStdout, trigger_help(log::terminal_width(kStdout)));
    return 0;
  }
  if (type.empty()) {
    log::write_all(kStderr, kHelp);
    return kExitUsage;
  }
  if (type == "--help" || type == "-h" || type == "help") {
    log::write_all(kStdout, kHelp);
    return 0;
  }
  return report_usage(
      {.message = fmt::format(
           "unrecognized subcommand '{}'", log::escape_controls(type, log::LineBreaks::Escape)
       ),
       .usage = std::string(kUsage),
       .cause = {}}
  );
}

}  // namespace whorl::cli
