#include "cli/up.hpp"

#include "cli/engine_environment.hpp"
#include "cli/help.hpp"
#include "cli/locate.hpp"
#include "cli/report.hpp"
#include "cli/trigger_command.hpp"
#include "cli/up_flags.hpp"
#include "cli/up_source.hpp"
#include "loader/loader.hpp"
#include "log/terminal.hpp"

#include <fmt/format.h>

namespace whorl::cli {
namespace {

constexpr int kStdout = 1;
constexpr int kStderr = 2;

Result<UpSource> find_source(OwnFlags flags, const std::optional<std::string>& stray) {
  std::string note;
  auto location = locate_app(flags, stray, note);
  log::write_all(kStderr, note);
  if (!location) {
    return location.take_error();
  }
  return UpSource::open(*std::move(location), std::move(flags));
}

/// What runs the application's triggers, where that is known without building or loading files.
std::vector<TriggerExecutor> executors_for_help(const ScannedArguments& scanned) {
  const auto own = read_own_flags(scanned);
  const auto* flags = std::get_if<OwnFlags>(&own);
  if (flags == nullptr) {
    return {};
  }
  std::string note;
  const auto location = locate_app(*flags, {}, note);
  if (!location || location->kind != AppLocation::Kind::Manifest) {
    return {};
  }
  const auto app = loader::load_manifest(location->path, {});
  auto found = app ? find_executors(**app)
                   : Result<std::vector<TriggerExecutor>>(std::vector<TriggerExecutor>());
  return found ? *std::move(found) : std::vector<TriggerExecutor>();
}

void print_help(const ScannedArguments& scanned) {
  const unsigned width = log::terminal_width(kStdout);
  const auto executors = executors_for_help(scanned);
  if (executors.size() == 1 && has_foreign(executors)) {
    log::write_all(kStdout, up_own_help(kUpAbout, width));
    print_trigger_help(executors);
  } else if (executors.size() > 1 || (executors.size() == 1 && executors[0].type != "http")) {
    // Of several types, what all have in common.
    log::write_all(kStdout, up_own_help(kUpAbout, width));
    log::write_all(
        kStdout,
        fmt::format(
            "\n{}Trigger Options:\n{}",
            executors.size() == 1 ? "Redis " : "",
            trigger_help(width, "redis")
        )
    );
  } else {
    log::write_all(kStdout, up_help(kUpAbout, width));
  }
}

Result<int> start(UpSource& source, SharedApp app, TriggerFlags flags, AppRunner& runner) {
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

/// Has the runner begin with what no application is needed for.
void expect_run(const ScannedArguments& scanned, AppRunner& runner) {
  for (const char* question :
       {"help-args-only", "launch-metadata-only", "precompose-only", "cache"}) {
    if (scanned.has(question)) {
      return;
    }
  }
  auto read = read_trigger_flags(scanned);
  auto* flags = std::get_if<TriggerFlags>(&read);
  const auto environment = read_engine_environment();
  if (flags == nullptr || scanned.trigger_error || !environment) {
    return;  // what is wrong is said where it belongs
  }
  flags->request.max_instances = environment->max_instances;
  if (environment->allocation && flags->request.allocation == Allocation::Pooling) {
    flags->request.allocation = *environment->allocation;
  }
  runner.expect(flags->request);
}

}  // namespace

// The order of the steps is Spin's, so that of several mistakes the same one is reported.
int run_up(std::span<const std::string_view> arguments, AppRunner& runner) {
  const ScannedArguments scanned = scan_arguments(without_separator(arguments), up_flags());
  if (scanned.up_error) {
    return report_up_usage(*scanned.up_error);
  }
  if (scanned.has("help")) {
    print_help(scanned);
    return 0;
  }
  const auto own = read_own_flags(scanned);
  if (const auto* wrong = std::get_if<UsageError>(&own)) {
    return report_up_usage(*wrong);
  }
  expect_run(scanned, runner);
  auto source = find_source(std::get<OwnFlags>(own), scanned.stray);
  if (!source) {
    return report_failure(source.error());
  }
  if (auto built = source->build_or_warn(); !built) {
    return report_failure(built.error());
  }
  auto app = source->load_app();
  if (!app) {
    return report_failure(app.error());
  }
  auto executors = source->executors(**app);
  if (!executors) {
    return report_failure(executors.error());
  }
  if (has_foreign(*executors)) {
    auto code = source->run_elsewhere(*std::move(app), scanned.passed_on, *source);
    return code ? *code : report_failure(code.error());
  }
  if (const auto answered = answer_about_flags(scanned)) {
    return *answered;
  }
  if (scanned.trigger_error) {
    return report_usage(*scanned.trigger_error);
  }
  if (auto answered = answer_about_app(scanned, **app)) {
    return *answered ? **answered : report_failure(answered->error());
  }
  auto flags = read_trigger_flags(scanned);
  if (const auto* wrong = std::get_if<UsageError>(&flags)) {
    return report_usage(*wrong);
  }
  auto code = start(*source, *std::move(app), std::get<TriggerFlags>(std::move(flags)), runner);
  return code ? *code : report_failure(code.error());
}

}  // namespace whorl::cli
