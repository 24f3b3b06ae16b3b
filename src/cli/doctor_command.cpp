#include "cli/doctor_command.hpp"

#include "cli/arguments.hpp"
#include "cli/build_command.hpp"
#include "cli/locate.hpp"
#include "cli/report.hpp"
#include "doctor/diagnose.hpp"
#include "doctor/edit.hpp"
#include "doctor/upgrade.hpp"
#include "fs/file.hpp"
#include "fs/process.hpp"
#include "log/terminal.hpp"
#include "manifest/document.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// The answer's first letter, small; 0 for none.
char ask(std::string_view question) {
  log::write_all(kStdout, fmt::format("{} ", question));
  char letter = '\0';
  char answer = '\0';
  for (bool is_first = true; ::read(STDIN_FILENO, &letter, 1) == 1 && letter != '\n';
       is_first = false) {
    answer = is_first ? static_cast<char>(letter | 0x20) : answer;
  }
  return answer;
}

Result<void> add_rust_target() {
  WHORL_TRY(fs::Process rustup, fs::Process::start_shell("rustup target add wasm32-wasip2", {}));
  const fs::ProcessEnd end = rustup.wait();
  if (!end.is_success()) {
    return fail(
        ErrorKind::Unavailable, "`rustup target add wasm32-wasip2` ended with {}", end.to_text()
    );
  }
  return {};
}

Result<void> cure(const Diagnosis& diagnosis, const std::string& manifest_path) {
  switch (diagnosis.cure) {
    case Diagnosis::Cure::Build:
      return build_app({.manifest_path = manifest_path, .components = {diagnosis.value}});
    case Diagnosis::Cure::Upgrade:
      return doctor::upgrade_manifest(manifest_path);
    case Diagnosis::Cure::AddRustTarget:
      return add_rust_target();
    default:
      return doctor::edit_manifest(manifest_path, diagnosis);
  }
}

/// What a cure does, in Spin's words where Spin has one.
std::string summary_of(const Diagnosis& diagnosis) {
  switch (diagnosis.cure) {
    case Diagnosis::Cure::Build:
      return "Run `whorl build`";
    case Diagnosis::Cure::Upgrade:
      return "Upgrade manifest to version 2 (the old one is kept as .v1_backup)";
    case Diagnosis::Cure::AddRustTarget:
      return "Install the Rust wasm32-wasip2 target";
    case Diagnosis::Cure::AddTrigger:
      return "Add default HTTP trigger config";
    case Diagnosis::Cure::AddRoute:
      return "Set trigger.route '/...'";
    default:
      return fmt::format("Set manifest version to {}", diagnosis.value);
  }
}

/// The lines that an edit changes.
std::string difference(std::string_view before, std::string_view after) {
  const auto lines = [](std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      out.push_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
  };
  std::vector<std::string_view> old_lines = lines(before);
  std::vector<std::string_view> new_lines = lines(after);
  while (!old_lines.empty() && !new_lines.empty() && old_lines.back() == new_lines.back()) {
    old_lines.pop_back();
    new_lines.pop_back();
  }
  const auto [from_old, from_new] = std::ranges::mismatch(old_lines, new_lines);
  std::string out;
  for (auto line = from_old; line != old_lines.end(); ++line) {
    out += fmt::format("-{}\n", *line);
  }
  for (auto line = from_new; line != new_lines.end(); ++line) {
    out += fmt::format("+{}\n", *line);
  }
  return out;
}

/// What a cure would do, exactly; empty where there is no more to say.
std::string details_of(const Diagnosis& diagnosis, const std::string& manifest_path) {
  switch (diagnosis.cure) {
    case Diagnosis::Cure::Build:
      return fmt::format(
          "Run `whorl build -f {} --component-id {}`\n", manifest_path, diagnosis.value
      );
    case Diagnosis::Cure::AddRustTarget:
      return "Run the following command:\n    `rustup target add wasm32-wasip2`\n";
    case Diagnosis::Cure::Upgrade:
      return {};
    default:
      break;
  }
  const auto before = fs::read_file(manifest_path, manifest::kMaxManifestBytes);
  const auto after = before ? doctor::edited(as_text(*before), diagnosis)
                            : Result<std::string>(fail(ErrorKind::NotFound, "no manifest"));
  return after ? fmt::format(
                     "Apply the following diff to {}:\n{}",
                     fs::quote_path(manifest_path),
                     difference(as_text(*before), *after)
                 )
               : after.error().message() + "\n";
}

bool is_wanted(const Diagnosis& diagnosis, const std::string& manifest_path) {
  const std::string question = fmt::format(
      "{}The Spin Doctor can help! {}? [y/N, d: details]",
      has_icons() ? "\xF0\x9F\xA9\xB9 " : "",
      summary_of(diagnosis)
  );
  char answer = ask(question);
  if (answer == 'd') {
    const std::string details = details_of(diagnosis, manifest_path);
    log::write_all(
        kStdout, fmt::format("\n{}\n", log::escape_controls(details, log::LineBreaks::Keep))
    );
    answer = ask("Would you like to apply this fix? [y/N]");
  }
  return answer == 'y';
}

enum class Outcome : std::uint8_t { Left, Failed, Cured };

Outcome treat(const Diagnosis& diagnosis, const std::string& manifest_path) {
  const bool is_error = diagnosis.severity == Diagnosis::Severity::Error;
  log::write_all(kStdout, "\n");
  say(is_error ? "\xE2\x9D\x97 " : "\xE2\x9A\xA0  ",
      "Diagnosis: " + log::escape_controls(diagnosis.text, log::LineBreaks::Keep));
  if (!diagnosis.advice.empty()) {
    log::write_all(kStdout, fmt::format("{}\n", diagnosis.advice));
  }
  if (diagnosis.cure == Diagnosis::Cure::None) {
    return Outcome::Left;
  }
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    say("\xE2\x81\x89\xEF\xB8\x8F ", "Prompt error: IO error: not a terminal");
    log::write_all(kStdout, "\nCaused by:\n    not a terminal\n");
    return Outcome::Left;
  }
  if (!is_wanted(diagnosis, manifest_path)) {
    return Outcome::Left;
  }
  if (auto cured = cure(diagnosis, manifest_path); !cured) {
    report_failure(cured.error());
    return Outcome::Failed;
  }
  say("\xE2\x9D\xA4  ", "Treatment applied!");
  return Outcome::Cured;
}

/// Goes through what is wrong; after each cure what is left is looked for anew, and what could not
/// be cured before is tried again.
Result<void> see_patient(const std::string& manifest_path) {
  std::set<std::string> seen;
  std::vector<std::string> failed;
  bool is_to_be_examined = true;
  for (bool is_first = true; is_to_be_examined; is_first = false) {
    WHORL_TRY(const doctor::Examination found, doctor::examine(manifest_path));
    for (const std::string& note : found.notes) {
      log::write_all(2, is_first ? fmt::format("Warning: {}\n", note) : std::string());
    }
    is_to_be_examined = false;
    for (const Diagnosis& diagnosis : found.diagnoses) {
      if (is_to_be_examined || !seen.insert(diagnosis.text).second) {
        continue;
      }
      const Outcome outcome = treat(diagnosis, manifest_path);
      is_to_be_examined = outcome == Outcome::Cured;
      if (outcome == Outcome::Failed) {
        failed.push_back(diagnosis.text);
      }
    }
    for (const std::string& text : std::exchange(failed, {})) {
      if (is_to_be_examined) {
        seen.erase(text);
      } else {
        failed.push_back(text);
      }
    }
  }
  if (seen.empty()) {
    say("\xE2\x9D\xA4  ", "No problems found.");
  }
  return {};
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
  if (const auto seen = see_patient(*path); !seen) {
    return report_failure(seen.error());
  }
  return 0;
}

}  // namespace whorl::cli
