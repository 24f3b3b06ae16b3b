#include "cli/help.hpp"

#include "cli/up_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

namespace whorl::cli {
namespace {

constexpr unsigned kParagraphIndent = 10;
constexpr unsigned kMinWidth = 40;

unsigned columns_of(std::string_view text) {
  return static_cast<unsigned>(std::ranges::count_if(text, [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

/// "  -f, --from <APPLICATION>" or "      --temp <TMP>".
std::string spec_column(const FlagSpec& spec) {
  return spec.letter == '\0' ? fmt::format("      {}", spec.to_text())
                             : fmt::format("  -{}, {}", spec.letter, spec.to_text());
}

std::vector<const FlagSpec*> offered(FlagSpec::Owner owner) {
  std::vector<const FlagSpec*> out;
  for (const FlagSpec& spec : up_flags()) {
    if (spec.owner == owner && spec.standing == FlagSpec::Standing::Offered) {
      out.push_back(&spec);
    }
  }
  return out;
}

/// "[env: X=<its value now>]"; empty without a variable.
std::string environment_note(const FlagSpec& spec) {
  if (spec.environment.empty()) {
    return {};
  }
  const char* value = std::getenv(std::string(spec.environment).c_str());
  return fmt::format("[env: {}={}]", spec.environment, value == nullptr ? "" : value);
}

/// Two columns: what is said about each stands right of it.
std::string in_columns(
    const std::vector<std::pair<std::string, std::string>>& rows, unsigned width
) {
  unsigned widest = 0;
  for (const auto& [left, right] : rows) {
    widest = std::max(widest, columns_of(left));
  }
  std::string out;
  for (const auto& [left, right] : rows) {
    out += left + std::string(widest + 2 - columns_of(left), ' ');
    out += wrap(right, width > widest + 2 ? width - widest - 2 : 1, widest + 2) + "\n";
  }
  return out;
}

std::string below(std::string_view text, unsigned width) {
  const std::string indent(kParagraphIndent, ' ');
  return indent + wrap(text, width - kParagraphIndent, kParagraphIndent) + "\n";
}

/// A flag with its description under it.
std::string flag_paragraphs(const FlagSpec& spec, unsigned width) {
  const std::string empty_line = std::string(kParagraphIndent, ' ') + "\n";
  std::string out = spec_column(spec) + "\n";
  bool is_first = true;
  const auto begin_paragraph = [&] {
    out += is_first ? "" : empty_line;
    is_first = false;
  };
  std::string_view rest = spec.help;
  while (!rest.empty()) {
    const auto end = rest.find("\n\n");
    begin_paragraph();
    out += below(rest.substr(0, end), width);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 2);
  }
  if (!spec.choices[0].empty()) {
    begin_paragraph();
    out += below("Possible values:", width);
    const std::size_t widest = std::max(spec.choices[0].size(), spec.choices[1].size());
    for (std::size_t i = 0; i < spec.choices.size(); ++i) {
      const std::string blanks(widest - spec.choices[i].size(), ' ');
      out += below(fmt::format("- {}:", spec.choices[i]), width);
      out.pop_back();
      out += fmt::format("{} {}\n", blanks, spec.choice_help[i]);
    }
  }
  const std::string environment = environment_note(spec);
  if (!environment.empty() || !spec.default_value.empty()) {
    begin_paragraph();
  }
  if (!environment.empty()) {
    out += below(environment, width);
  }
  if (!spec.default_value.empty()) {
    out += below(fmt::format("[default: {}]", spec.default_value), width);
  }
  return out;
}

/// Flags that mean something to HTTP triggers only.
constexpr auto kHttpFlags = std::to_array<std::string_view>(
    {"listen",
     "tls-cert",
     "tls-key",
     "http1-max-buf-size",
     "find-free-port",
     "format",
     "max-instance-reuse-count",
     "max-instance-concurrent-reuse-count",
     "request-timeout",
     "idle-instance-timeout",
     "access-log",
     "access-log-format",
     "takeover",
     "tls-client-ca",
     "proxy-protocol",
     "header-timeout",
     "idle-timeout",
     "body-timeout",
     "write-timeout",
     "min-body-rate",
     "min-write-rate",
     "rate-grace",
     "max-connections",
     "max-client-connections",
     "max-request-body"}
);

}  // namespace

std::string wrap(std::string_view text, unsigned width, unsigned indent) {
  std::string out;
  unsigned column = 0;
  while (!text.empty()) {
    const auto end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    const unsigned length = columns_of(word);
    if (column > 0 && column + 1 + length > width) {
      out += "\n" + std::string(indent, ' ');
      column = 0;
    }
    if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += length;
  }
  return out;
}

std::string command_help(const CommandHelp& command, unsigned width) {
  width = std::max(width, kMinWidth);
  std::string out = fmt::format("{}\n\nUsage: {}\n\n", command.about, command.usage);
  if (!command.arguments.empty()) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const ArgumentHelp& argument : command.arguments) {
      rows.emplace_back(fmt::format("  {}", argument.name), argument.help);
    }
    out += fmt::format("Arguments:\n{}\n", in_columns(rows, width));
  }
  std::vector<std::pair<std::string, std::string>> rows;
  for (const FlagSpec& spec : command.flags) {
    std::string text(spec.help);
    if (!spec.default_value.empty()) {
      text += fmt::format(" [default: {}]", spec.default_value);
    }
    if (spec.standing == FlagSpec::Standing::Offered) {
      rows.emplace_back(spec_column(spec), std::move(text));
    }
  }
  return out + fmt::format("Options:\n{}", in_columns(rows, width));
}

std::string program_help(std::span<const VerbHelp> verbs, unsigned width) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const VerbHelp& verb : verbs) {
    rows.emplace_back(fmt::format("  {}", verb.name), verb.about);
  }
  return fmt::format(
      "The Whorl CLI\n\nUsage: whorl <COMMAND>\n\nCommands:\n{}\n"
      "Options:\n  -h, --help     Print help\n  -V, --version  Print version\n",
      in_columns(rows, std::max(width, kMinWidth))
  );
}

std::string up_help(std::string_view about, unsigned width) {
  return up_own_help(about, width) + "\nHTTP Trigger Options:\n" + trigger_help(width);
}

std::string up_own_help(std::string_view about, unsigned width) {
  width = std::max(width, kMinWidth);
  std::vector<std::pair<std::string, std::string>> own;
  for (const FlagSpec* spec : offered(FlagSpec::Owner::Up)) {
    own.emplace_back(spec_column(*spec), spec->help);
  }
  return fmt::format("{}\n\nUsage: {}\n\nOptions:\n{}", about, kUpUsage, in_columns(own, width));
}

std::string trigger_help(unsigned width, std::string_view type) {
  width = std::max(width, kMinWidth);
  std::string out;
  bool is_first = true;
  for (const FlagSpec* spec : offered(FlagSpec::Owner::Trigger)) {
    if (type != "http" && std::ranges::find(kHttpFlags, spec->name) != kHttpFlags.end()) {
      continue;
    }
    out += is_first ? "" : "\n";
    is_first = false;
    out += flag_paragraphs(*spec, width);
  }
  return out;
}

}  // namespace whorl::cli
