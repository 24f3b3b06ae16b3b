#include "cli/maintenance.hpp"

#include "app/lock_file.hpp"
#include "cli/cli.hpp"
#include "cli/report.hpp"
#include "cli/shell_texts.hpp"
#include "fs/file.hpp"
#include "loader/loader.hpp"
#include "log/terminal.hpp"
#include "manifest/manifest.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace whorl::cli {
namespace {

constexpr int kStdout = 1;
constexpr int kStderr = 2;
constexpr std::string_view kUsage = "whorl maintenance <COMMAND>";
constexpr std::string_view kSchemaUsage = "whorl maintenance generate-manifest-schema [OPTIONS]";
constexpr std::string_view kLockUsage = "whorl maintenance generate-lock [OPTIONS]";
constexpr std::string_view kHelp =
    "Commands for Whorl maintenance tasks\n"
    "\n"
    "Usage: whorl maintenance <COMMAND>\n"
    "\n"
    "Commands:\n"
    "  generate-completions      Print a script of completions for a shell\n"
    "  generate-lock             Print the locked form of an application, without its files\n"
    "  generate-man-page         Print the manual page, whorl(1)\n"
    "  generate-manifest-schema  Generate JSON schema for application manifest\n"
    "  generate-reference        Generate CLI reference docs in Markdown format\n"
    "  help                      Print this message\n"
    "\n"
    "Options:\n"
    "  -h, --help  Print help\n";
constexpr std::string_view kSchemaHelp =
    "Generate JSON schema for application manifest\n"
    "\n"
    "Usage: whorl maintenance generate-manifest-schema [OPTIONS]\n"
    "\n"
    "Options:\n"
    "  -o <OUTPUT>  The file to which to generate the JSON schema. If omitted, it is generated to "
    "stdout\n"
    "  -h, --help   Print help\n";

constexpr std::string_view kReferenceUsage = "whorl maintenance generate-reference [OPTIONS]";
constexpr std::string_view kReferenceHelp =
    "Generate CLI reference docs in Markdown format\n"
    "\n"
    "Usage: whorl maintenance generate-reference [OPTIONS]\n"
    "\n"
    "Options:\n"
    "  -o <OUTPUT>  The file to which to generate the reference Markdown. If omitted, it is "
    "generated to\n               stdout\n"
    "  -h, --help   Print help\n";

constexpr std::string_view kLockHelp =
    "Print the locked form of an application, without its files\n"
    "\n"
    "Usage: whorl maintenance generate-lock [OPTIONS]\n"
    "\n"
    "Options:\n"
    "  -f, --from <APPLICATION>  The manifest (spin.toml) file. If omitted, it defaults to "
    "\"spin.toml\"\n"
    "      --profile <PROFILE>   The build profile. The default is the anonymous profile\n"
    "  -h, --help                Print help\n";

int usage_failure(std::string message, std::string_view usage) {
  return report_usage({.message = std::move(message), .usage = std::string(usage), .cause = {}});
}

int write_text(const std::string& text, const std::optional<std::string>& output) {
  if (!output) {
    log::write_all(kStdout, text);
    return 0;
  }
  if (auto written = fs::write_file_atomic(*output, as_bytes(text)); !written) {
    return report_failure(written.error());
  }
  return 0;
}

/// What prints one text, or writes it to the file that `-o` names.
int run_text(
    std::span<const std::string_view> arguments,
    std::string (*text)(),
    std::string_view help,
    std::string_view usage
) {
  std::optional<std::string> output;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word == "--help" || word == "-h") {
      log::write_all(kStdout, help);
      return 0;
    }
    if (!word.starts_with("-o") || output) {
      const std::string shown = log::escape_controls(word, log::LineBreaks::Escape);
      return usage_failure(
          output && word.starts_with("-o")
              ? "the argument '-o <OUTPUT>' cannot be used multiple times"
              : fmt::format("unexpected argument '{}' found", shown),
          usage
      );
    }
    if (word.size() > 2) {
      output = word.substr(word[2] == '=' ? 3 : 2);
    } else if (++i < arguments.size()) {
      output = arguments[i];
    } else {
      return usage_failure("a value is required for '-o <OUTPUT>' but none was supplied", usage);
    }
  }
  return write_text(text(), output);
}

int write_lock(const std::string& path, const std::string& profile) {
  std::vector<std::string> warnings;
  const auto app = loader::load_manifest(path, {.profile = profile, .warnings = &warnings});
  for (const std::string& warning : warnings) {
    log::write_all(kStderr, fmt::format("Warning: {}\n", warning));
  }
  if (!app) {
    return report_failure(app.error());
  }
  log::write_all(kStdout, app::write_lock(**app) + "\n");
  return 0;
}

int run_lock(std::span<const std::string_view> arguments) {
  std::string path = "spin.toml";
  std::string profile;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word == "--help" || word == "-h") {
      log::write_all(kStdout, kLockHelp);
      return 0;
    }
    const bool is_path = word == "-f" || word == "--from";
    if (!is_path && word != "--profile") {
      const std::string shown = log::escape_controls(word, log::LineBreaks::Escape);
      return usage_failure(fmt::format("unexpected argument '{}' found", shown), kLockUsage);
    }
    if (++i == arguments.size()) {
      return usage_failure(
          fmt::format("a value is required for '{}' but none was supplied", word), kLockUsage
      );
    }
    (is_path ? path : profile) = arguments[i];
  }
  return write_lock(path, profile);
}

/// The environment names the shell, which is looked at before any command is; it may be given, too.
int run_completions(std::span<const std::string_view> arguments) {
  if (arguments.empty()) {
    return report_failure(fail(
        ErrorKind::InvalidInput,
        "Set the COMPLETE environment variable to the name of your shell while generating "
        "completions."
    ));
  }
  return print_completions(arguments[0]);
}

}  // namespace

int print_completions(std::string_view shell) {
  const auto script = completions_for(shell);
  if (!script) {
    return usage_failure(
        fmt::format(
            "unknown shell `{}`, expected one of `bash`, `fish`, `zsh`",
            log::escape_controls(shell, log::LineBreaks::Escape)
        ),
        {}
    );
  }
  log::write_all(kStdout, *script);
  return 0;
}

int run_maintenance(std::span<const std::string_view> arguments) {
  if (arguments.empty()) {
    log::write_all(kStderr, kHelp);
    return kExitUsage;
  }
  const std::string_view first = arguments[0];
  if (first == "help" || first == "--help" || first == "-h") {
    log::write_all(kStdout, kHelp);
    return 0;
  }
  if (first == "generate-manifest-schema") {
    return run_text(arguments.subspan(1), manifest::manifest_schema, kSchemaHelp, kSchemaUsage);
  }
  if (first == "generate-lock") {
    return run_lock(arguments.subspan(1));
  }
  if (first == "generate-completions") {
    return run_completions(arguments.subspan(1));
  }
  if (first == "generate-man-page") {
    log::write_all(kStdout, manual_page());
    return 0;
  }
  if (first == "generate-reference") {
    return run_text(arguments.subspan(1), reference_text, kReferenceHelp, kReferenceUsage);
  }
  const std::string shown = log::escape_controls(first, log::LineBreaks::Escape);
  return usage_failure(
      first.starts_with('-') ? fmt::format("unexpected argument '{}' found", shown)
                             : fmt::format("unrecognized subcommand '{}'", shown),
      kUsage
  );
}

}  // namespace whorl::cli
