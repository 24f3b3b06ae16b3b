#include "cli/shell_texts.hpp"

#include "cli/build_command.hpp"
#include "cli/cloud_command.hpp"
#include "cli/doctor_command.hpp"
#include "cli/help.hpp"
#include "cli/inspect.hpp"
#include "cli/up.hpp"
#include "cli/up_flags.hpp"
#include "cli/watch_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace whorl::cli {
namespace {

std::vector<CommandHelp> commands() {
  const CommandHelp up{
      .name = "up",
      .alias = "u",
      .about = kUpAbout,
      .usage = kUpUsage,
      .arguments = {},
      .flags = up_flags()
  };
  const CommandHelp inspect{
      .name = "inspect",
      .alias = {},
      .about = kInspectAbout,
      .usage = "whorl inspect [OPTIONS] <FILE>",
      .arguments = {},
      .flags = {}
  };
  const auto of_plugin = [](std::string_view name,
                            std::string_view alias,
                            std::string_view about,
                            std::string_view usage) {
    return CommandHelp{
        .name = name, .alias = alias, .about = about, .usage = usage, .arguments = {}, .flags = {}
    };
  };
  return {
      build_help(),
      of_plugin("deploy", "d", kDeployAbout, "whorl deploy [ARGS]..."),
      doctor_help(),
      inspect,
      of_plugin("login", {}, kLoginAbout, "whorl login [ARGS]..."),
      up,
      watch_help()
  };
}

std::vector<const FlagSpec*> offered(const CommandHelp& command) {
  std::vector<const FlagSpec*> out;
  for (const FlagSpec& flag : command.flags) {
    if (flag.standing == FlagSpec::Standing::Offered) {
      out.push_back(&flag);
    }
  }
  return out;
}

/// The first sentence or line of a description.
std::string_view summary(const FlagSpec& flag) {
  return flag.help.substr(0, flag.help.find_first_of(".\n"));
}

std::string names_of(const CommandHelp& command, char between) {
  return command.alias.empty() ? std::string(command.name)
                               : fmt::format("{}{}{}", command.name, between, command.alias);
}

std::string bash_script() {
  std::string names;
  std::string cases;
  for (const CommandHelp& command : commands()) {
    names += fmt::format("{} ", command.name);
    std::string flags;
    for (const FlagSpec* flag : offered(command)) {
      flags += fmt::format("--{} ", flag->name);
      flags += flag->letter == '\0' ? "" : fmt::format("-{} ", flag->letter);
    }
    cases += fmt::format("    {}) words=\"{}\" ;;\n", names_of(command, '|'), flags);
  }
  return fmt::format(
      "_whorl() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} words=\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W \"{}help --help --version\" -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case ${{COMP_WORDS[1]}} in\n{}  esac\n"
      "  case $current in\n"
      "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;\n"
      "    *) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n"
      "  esac\n"
      "}}\n"
      "complete -o filenames -F _whorl whorl\n",
      names,
      cases
  );
}

/// Text between single quotes of a shell, without what means something to zsh's _arguments.
std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else if (c == '[' || c == ']' || c == ':') {
      out += fmt::format("\\{}", c);
    } else {
      out += c;
    }
  }
  return out;
}

std::string zsh_script() {
  std::string names;
  std::string cases;
  for (const CommandHelp& command : commands()) {
    names += fmt::format("    '{}:{}'\n", command.name, quoted(command.about));
    cases += fmt::format("    {}) _arguments", names_of(command, '|'));
    for (const FlagSpec* flag : offered(command)) {
      const std::string value =
          flag->takes_value() ? fmt::format(":{}:_files", flag->name) : std::string();
      cases += fmt::format(" \\\n      '*--{}[{}]{}'", flag->name, quoted(summary(*flag)), value);
    }
    cases += " \\\n      '*:file:_files' ;;\n";
  }
  return fmt::format(
      "#compdef whorl\n"
      "_whorl() {{\n"
      "  local -a commands=(\n{}  )\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  local command=${{words[2]}}\n"
      "  shift words\n"
      "  (( CURRENT-- ))\n"
      "  case $command in\n{}  esac\n"
      "}}\n"
      "compdef _whorl whorl\n",
      names,
      cases
  );
}

std::string fish_script() {
  std::string out = "complete -c whorl -f -n __fish_use_subcommand -l version -s V\n";
  for (const CommandHelp& command : commands()) {
    out += fmt::format(
        "complete -c whorl -f -n __fish_use_subcommand -a {} -d '{}'\n",
        command.name,
        quoted(command.about)
    );
    for (const FlagSpec* flag : offered(command)) {
      out += fmt::format(
          "complete -c whorl -n '__fish_seen_subcommand_from {}' -l {}{}{} -d '{}'\n",
          names_of(command, ' '),
          flag->name,
          flag->letter == '\0' ? "" : fmt::format(" -s {}", flag->letter),
          flag->takes_value() ? " -r" : "",
          quoted(summary(*flag))
      );
    }
  }
  return out;
}

/// Text as roff takes it literally.
std::string roff(std::string_view text) {
  std::string out;
  bool is_line_start = true;
  for (const char c : text) {
    if (is_line_start && (c == '.' || c == '\'')) {
      out += "\\&";
    }
    out += c == '\\' ? "\\\\" : c == '-' ? "\\-" : std::string(1, c);
    is_line_start = c == '\n';
  }
  return out;
}

std::string flag_entry(const FlagSpec& flag) {
  std::string out = ".TP\n";
  out += flag.letter == '\0' ? "" : fmt::format("\\fB\\-{}\\fR, ", flag.letter);
  out += fmt::format("\\fB\\-\\-{}\\fR", roff(flag.name));
  out += flag.takes_value() ? fmt::format(" \\fI{}\\fR", roff(flag.value_name)) : "";
  out += "\n" + roff(flag.help.empty() ? "Print help" : flag.help) + "\n";
  if (!flag.default_value.empty()) {
    out += fmt::format("The default is {}.\n", roff(flag.default_value));
  }
  if (!flag.environment.empty()) {
    out += fmt::format("The variable {} of the environment stands in for it.\n", flag.environment);
  }
  return out;
}

/// A description without line breaks.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '\n') {
      out += c;
    } else if (!out.ends_with(' ')) {
      out += ' ';
    }
  }
  return out;
}

std::string reference_entry(const FlagSpec& flag) {
  std::string out = "* ";
  out += flag.letter == '\0' ? "" : fmt::format("`-{}`, ", flag.letter);
  out += fmt::format(
      "`{}` \xE2\x80\x94 {}\n",
      flag.to_text(),
      one_line(flag.help.empty() ? std::string_view("Print help") : flag.help)
  );
  if (!flag.default_value.empty()) {
    out += fmt::format("\n  Default value: `{}`\n", flag.default_value);
  }
  if (!flag.environment.empty()) {
    out += fmt::format("\n  Environment variable: `{}`\n", flag.environment);
  }
  return out;
}

}  // namespace

std::optional<std::string> completions_for(std::string_view shell) {
  if (shell == "bash") {
    return bash_script();
  }
  if (shell == "zsh") {
    return zsh_script();
  }
  return shell == "fish" ? std::optional(fish_script()) : std::nullopt;
}

std::string manual_page() {
  std::string out =
      ".TH WHORL 1\n.SH NAME\nwhorl \\- build and run WebAssembly applications\n"
      ".SH SYNOPSIS\n.B whorl\n.I command\n[\\fIoptions\\fR]\n"
      ".SH DESCRIPTION\nRuns the application that a \\fIspin.toml\\fR describes: every request is "
      "answered by its own fresh instance of a component.\n"
      ".SH COMMANDS\n";
  for (const CommandHelp& command : commands()) {
    out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", names_of(command, ' '), roff(command.about));
  }
  for (const CommandHelp& command : commands()) {
    const auto flags = offered(command);
    out += flags.empty() ? "" : fmt::format(".SH OPTIONS OF {}\n", command.name);
    for (const FlagSpec* flag : flags) {
      out += flag_entry(*flag);
    }
  }
  return out +
         ".SH SIGNALS\n.TP\nSIGINT, SIGTERM\nFinish the requests in flight and end with exit code "
         "0; a second one ends at once.\n.TP\nSIGHUP\nWithout a terminal: read the application "
         "anew and replace it in place. With one: as SIGTERM.\n"
         ".SH EXIT STATUS\n0 success, 1 failure, 2 wrong usage.\n";
}

std::string reference_text() {
  std::string overview;
  std::string verbs;
  std::string pages;
  for (const CommandHelp& command : commands()) {
    overview += fmt::format("* [`whorl {0}`\xE2\x86\xB4](#whorl-{0})\n", command.name);
    verbs += fmt::format("* `{}` \xE2\x80\x94 {}\n", command.name, command.about);
    pages += fmt::format(
        "## `whorl {}`\n\n{}\n\n**Usage:** `{}`\n\n", command.name, command.about, command.usage
    );
    pages += command.alias.empty() ? std::string()
                                   : fmt::format("**Alias:** `whorl {}`\n\n", command.alias);
    std::vector<const FlagSpec*> flags = offered(command);
    std::ranges::sort(flags, {}, &FlagSpec::name);
    pages += flags.empty() ? "" : "###### **Options:**\n\n";
    for (const FlagSpec* flag : flags) {
      pages += reference_entry(*flag);
    }
    pages += "\n\n";
  }
  return fmt::format(
      "# Command-Line Help for `whorl`\n\n"
      "This document contains the help content for the `whorl` command-line program.\n\n"
      "**Command Overview:**\n\n* [`whorl`\xE2\x86\xB4](#whorl)\n{}\n"
      "## `whorl`\n\nThe Whorl CLI\n\n**Usage:** `whorl <COMMAND>`\n\n"
      "###### **Subcommands:**\n\n{}\n\n\n{}",
      overview,
      verbs,
      pages.substr(0, pages.size() - 1)
  );
}

}  // namespace whorl::cli
