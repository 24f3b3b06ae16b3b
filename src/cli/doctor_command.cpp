#include "cli/doctor_command.hpp"

#include "cli/arguments.hpp"
#include "cli/build_command.hpp"
#include "cli/locate.hpp"
#include "cli/report.hpp"
#include "doctor/diagnose.hpp"
#include "doctor/upgrade.hpp"
#include "fs/file.hpp"
#include "log/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace whorl::cli {
namespace {

constexpr int kStdout = 1;

using doctor::Diagnosis;

constexpr std::array kFlags{
    FlagSpec{
        .name = "from",
        .letter = 'f',
        .value_name = "APP_MANIFEST_FILE",
        .help = "The application to check. This may be a manifest (spin.toml) file, or a directory "
                "containing a spin.toml file. If omitted, it defaults to \"spin.toml\"",
        .aliases = {"file"},
        .owner = FlagSpec::Owner::Up
    },
    FlagSpec{
        .name = "help",
        .letter = 'h',
        .help = "Print help",
        .owner = FlagSpec::Owner::Up,
        .repeat = FlagSpec::Repeat::Many
    },
};

/// Icons stand before the texts where the locale can show them.
bool has_icons() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') {
      const std::string_view locale = value;
      return locale.contains("UTF-8") || locale.contains("utf8") || locale.contains("UTF8");
    }
  }
  return false;
}

void say(std::string_view icon, std::string_view text) {
  log::write_all(kStdout, fmt::format("{}{}\n", has_icons() ? icon : "", text));
}

/// @return whether the answer begins with a y
bool ask(std::string_view question) {
  log::write_all(kStdout, fmt::format("{} [y/N] ", question));
  char answer = '\0';
  bool is_yes = false;
  for (bool is_first = true; ::read(STDIN_FILENO, &answer, 1) == 1 && answer != '\n';
       is_first = false) {
    is_yes = is_first ? answer == 'y' || answer == 'Y' : is_yes;
  }
  return is_yes;
}

Result<void> cure(const Diagnosis& diagnosis, const std::string& manifest_path) {
  switch (diagnosis.cure) {
    case Diagnosis::Cure::Build:
      return build_app({.manifest_path = manifest_path});
    case Diagnosis::Cure::Upgrade:
      return doctor::upgrade_manifest(manifest_path);
    default:
      return doctor::write_version(manifest_path);
  }
}

std::string_view question_of(Diagnosis::Cure cure) {
  switch (cure) {
    case Diagnosis::Cure::Build:
      return "Run `whorl build` now?";
    case Diagnosis::Cure::Upgrade:
      return "Rewrite the manifest in version 2 (the old one is kept as .v1_backup)?";
    default:
      return "Add `spin_manifest_version = 2` to the manifest (the old one is kept as .bak)?";
  }
}

void treat(const Diagnosis& diagnosis, const std::string& manifest_path) {
  const bool is_error = diagnosis.severity == Diagnosis::Severity::Error;
  log::write_all(kStdout, "\n");
  say(is_error ? "\xE2\x9D\x97 " : "\xE2\x9A\xA0  ",
      "Diagnosis: " + log::escape_controls(diagnosis.text, log::LineBreaks::Keep));
  if (!diagnosis.advice.empty()) {
    log::write_all(kStdout, fmt::format("{}\n", diagnosis.advice));
  }
  if (diagnosis.cure == Diagnosis::Cure::None) {
    return;
  }
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    say("\xE2\x81\x89\xEF\xB8\x8F ", "Prompt error: IO error: not a terminal");
    log::write_all(kStdout, "\nCaused by:\n    not a terminal\n");
    return;
  }
  if (!ask(question_of(diagnosis.cure))) {
    return;
  }
  if (auto cured = cure(diagnosis, manifest_path); !cured) {
    report_failure(cured.error());
  }
}

}  // namespace

const CommandHelp& doctor_help() {
  static constexpr CommandHelp kHelp{
      .name = "doctor",
      .alias = {},
      .about = "Detect and fix problems with Spin applications",
      .usage = "whorl doctor [OPTIONS]",
      .arguments = {},
      .flags = kFlags
  };
  return kHelp;
}

int run_doctor(std::span<const std::string_view> arguments, AppRunner&) {
  const std::size_t own = own_prefix(arguments, kFlags);
  const auto scanned = scan_arguments(arguments.first(own), kFlags, doctor_help().usage);
  if (scanned.up_error) {
    return report_usage(*scanned.up_error);
  }
  if (scanned.has("help")) {
    log::write_all(kStdout, command_help(doctor_help(), log::terminal_width(kStdout)));
    return 0;
  }
  if (own < arguments.size()) {
    const std::string shown = log::escape_controls(arguments[own], log::LineBreaks::Escape);
    return report_usage(
        {.message = fmt::format("unexpected argument '{}' found", shown),
         .usage = std::string(doctor_help().usage),
         .cause = {}}
    );
  }
  const auto given = scanned.values("from");
  std::string note;
  auto path = locate_manifest(given.empty() ? std::string() : given.back(), note);
  if (!path) {
    return report_failure(path.error());
  }
  if (!note.empty()) {
    return report_failure(fail(
        ErrorKind::NotFound, "No spin.toml in current directory - did you mean '--from {}'?", *path
    ));
  }
  say("\xF0\x9F\x93\x9F ", "The Spin Doctor is in.");
  say("\xF0\x9F\xA9\xBA ", fmt::format("Checking {}...", *path));
  const auto found = doctor::examine(*path);
  if (!found) {
    return report_failure(found.error());
  }
  for (const Diagnosis& diagnosis : *found) {
    treat(diagnosis, *path);
  }
  if (found->empty()) {
    say("\xE2\x9D\xA4  ", "No problems found.");
  }
  return 0;
}

}  // namespace whorl::cli
