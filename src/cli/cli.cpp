#include "cli/cli.hpp"

#include "cli/build_command.hpp"
#include "cli/cloud_command.hpp"
#include "cli/doctor_command.hpp"
#include "cli/help.hpp"
#include "cli/inspect.hpp"
#include "cli/maintenance.hpp"
#include "cli/plugins.hpp"
#include "cli/report.hpp"
#include "cli/trigger_command.hpp"
#include "cli/up.hpp"
#include "cli/version.hpp"
#include "cli/watch_command.hpp"
#include "log/terminal.hpp"
#include "manifest/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <string_view>

namespace whorl::cli {
namespace {

constexpr int kStdout = 1;
constexpr int kStderr = 2;
constexpr std::string_view kProgramUsage = "whorl <COMMAND>";
constexpr std::size_t kSimilarVerbDistance = 2;

constexpr std::array<VerbHelp, 8> kVerbs{
    {{"build", "Build the Spin application"},
     {"deploy", kDeployAbout},
     {"doctor", "Detect and fix problems with Spin applications"},
     {"help", "Print this message or the help of the given subcommand(s)"},
     {"inspect", kInspectAbout},
     {"login", kLoginAbout},
     {"up", kUpAbout},
     {"watch", "Build and run the Spin application, rebuilding and restarting it when files change"}
    }
};

/// Spin's verbs that don't exist here yet, with their aliases.
constexpr std::array<std::string_view, 13> kSpinVerbs{
    "add",
    "a",
    "new",
    "n",
    "plugins",
    "plugin",
    "registry",
    "oci",
    "targets",
    "environments",
    "templates",
    "template",
    "deps"
};

Colour stderr_colour() {
  return log::wants_colour(kStderr) ? Colour::Ansi : Colour::Never;
}

int usage_failure(std::string message) {
  const UsageError error{
      .message = std::move(message), .usage = std::string(kProgramUsage), .cause = {}
  };
  log::write_all(kStderr, format_usage_error(error, stderr_colour()));
  return kExitUsage;
}

int unknown_verb(std::string_view verb) {
  const bool is_spins = std::ranges::find(kSpinVerbs, verb) != kSpinVerbs.end();
  const std::string shown = log::escape_controls(verb, log::LineBreaks::Escape);
  std::string text =
      is_spins
          ? fmt::format(
                "Error: the command '{}' is known from Spin but not supported yet. "
                "See whorl --help.\n\n",
                shown
            )
          : fmt::format("Error: '{}' is not a known Whorl command. See whorl --help.\n\n", shown);
  std::string similar;
  std::size_t count = 0;
  for (const VerbHelp& candidate : kVerbs) {
    if (!is_spins && manifest::edit_distance(verb, candidate.name) <= kSimilarVerbDistance) {
      similar += fmt::format("    {}\n", candidate.name);
      ++count;
    }
  }
  if (count > 0) {
    text += fmt::format(
        "The most similar {}:\n{}\n", count == 1 ? "command is" : "commands are", similar
    );
  }
  log::write_all(kStderr, text);
  return kExitUsage;
}

std::string overview() {
  return program_help(kVerbs, log::terminal_width(kStdout));
}

int run_help(std::span<const std::string_view> arguments, AppRunner& runner) {
  if (arguments.empty()) {
    log::write_all(kStdout, overview());
    return 0;
  }
  if (arguments[0] == "help") {
    log::write_all(
        kStdout,
        "Print this message or the help of the given subcommand(s)\n\n"
        "Usage: whorl help [COMMAND]...\n\n"
        "Arguments:\n  [COMMAND]...  Print help for the subcommand(s)\n"
    );
    return 0;
  }
  if (arguments[0] == "up" || arguments[0] == "u") {
    log::write_all(kStdout, up_help(kUpAbout, log::terminal_width(kStdout)));
    return 0;
  }
  if (arguments[0] == "build" || arguments[0] == "b") {
    log::write_all(kStdout, command_help(build_help(), log::terminal_width(kStdout)));
    return 0;
  }
  if (arguments[0] == "watch" || arguments[0] == "w") {
    log::write_all(kStdout, command_help(watch_help(), log::terminal_width(kStdout)));
    return 0;
  }
  if (arguments[0] == "doctor") {
    log::write_all(kStdout, command_help(doctor_help(), log::terminal_width(kStdout)));
    return 0;
  }
  if (arguments[0] == "inspect") {
    log::write_all(kStdout, inspect_help());
    return 0;
  }
  constexpr std::array<std::string_view, 1> kAsked = {"--help"};
  if (arguments[0] == "trigger") {
    return run_trigger(kAsked, runner);
  }
  if (arguments[0] == "maintenance") {
    return run_maintenance(kAsked);
  }
  return usage_failure(fmt::format(
      "unrecognized subcommand '{}'", log::escape_controls(arguments[0], log::LineBreaks::Escape)
  ));
}

int dispatch(std::span<const std::string_view> arguments, AppRunner& runner) {
  if (arguments.empty()) {
    log::write_all(kStderr, overview());
    return kExitUsage;
  }
  const std::string_view first = arguments[0];
  const auto rest = arguments.subspan(1);
  if (first == "up" || first == "u") {
    return run_up(rest, runner);
  }
  if (first == "build" || first == "b") {
    return run_build(rest, runner);
  }
  if (first == "watch" || first == "w") {
    return run_watch(rest, runner);
  }
  if (first == "doctor") {
    return run_doctor(rest, runner);
  }
  if (first == "inspect") {
    return run_inspect(rest, runner);
  }
  if (first == "deploy" || first == "d" || first == "login") {
    const auto code = run_cloud(first == "login" ? first : "deploy", rest);
    return code ? *code : report_failure(code.error());
  }
  if (first == "trigger") {
    return run_trigger(rest, runner);
  }
  if (first == "maintenance") {
    return run_maintenance(rest);
  }
  if (first == "help") {
    return run_help(rest, runner);
  }
  if (first == "--help" || first == "-h") {
    return run_help({}, runner);
  }
  if (first == "--version" || first == "-V") {
    log::write_all(kStdout, fmt::format("whorl {}\n", version_text()));
    return 0;
  }
  if (first.size() > 1 && first.starts_with('-')) {
    return usage_failure(fmt::format(
        "unexpected argument '{}' found", log::escape_controls(first, log::LineBreaks::Escape)
    ));
  }
  auto plugin = run_plugin(first, rest);
  if (!plugin) {
    return report_failure(plugin.error());
  }
  return *plugin ? **plugin : unknown_verb(first);
}

}  // namespace

std::string ListenAddress::to_text() const {
  return ip.contains(':') ? fmt::format("[{}]:{}", ip, port) : fmt::format("{}:{}", ip, port);
}

int main(int argc, char** argv, AppRunner& runner) {
  const std::vector<std::string_view> arguments(argv + std::min(argc, 1), argv + argc);
  // `source <(COMPLETE=bash whorl)` is how shells ask.
  if (const char* shell = std::getenv("COMPLETE"); shell != nullptr && *shell != '\0') {
    return print_completions(shell);
  }
  return dispatch(arguments, runner);
}

}  // namespace whorl::cli
