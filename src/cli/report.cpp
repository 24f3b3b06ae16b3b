#include "cli/report.hpp"

#include "log/terminal.hpp"

#include <fmt/format.h>

#include <string_view>
#include <vector>

namespace whorl::cli {
namespace {

constexpr int kStderr = 2;

Colour stderr_colour() {
  return log::wants_colour(kStderr) ? Colour::Ansi : Colour::Never;
}

std::string red(std::string_view text, Colour colour) {
  return colour == Colour::Ansi ? fmt::format("\x1b[1;31m{}\x1b[0m", text) : std::string(text);
}

}  // namespace

std::string format_error(const Error& error, Colour colour) {
  // Texts of an application's author are in it, which must not steer the terminal.
  const auto shown = [](const std::string& text) {
    return log::escape_controls(text, log::LineBreaks::Keep);
  };
  std::vector<std::string> chain;
  for (auto context = error.contexts().rbegin(); context != error.contexts().rend(); ++context) {
    chain.push_back(shown(*context));
  }
  chain.push_back(shown(error.message()));
  std::string out = fmt::format("{}: {}\n", red("Error", colour), chain.front());
  if (chain.size() > 1) {
    out += "\nCaused by:\n";
  }
  if (chain.size() == 2) {
    out += fmt::format("      {}\n", chain.back());
  }
  for (std::size_t i = 1; chain.size() > 2 && i < chain.size(); ++i) {
    out += fmt::format("{:>4}: {}\n", i - 1, chain[i]);
  }
  if (!error.help().empty()) {
    out += fmt::format("{}Help: {}\n", out.ends_with("\n\n") ? "" : "\n", shown(error.help()));
  }
  return out;
}

std::string format_usage_error(const UsageError& error, Colour colour) {
  std::string out = fmt::format("{}: {}\n\n", red("error", colour), error.message);
  if (!error.usage.empty()) {
    out += fmt::format("Usage: {}\n\n", error.usage);
  }
  return out + "For more information, try '--help'.\n";
}

std::string format_up_usage_error(const UsageError& error, Colour colour) {
  std::string out = fmt::format("{}: error: {}\n\n", red("Error", colour), error.message);
  if (!error.usage.empty()) {
    out += fmt::format("Usage: {}\n\n", error.usage);
  }
  if (!error.cause.empty()) {
    out += fmt::format("\nCaused by:\n      {}\n", error.cause);
  }
  return out;
}

int report_failure(const Error& error) {
  log::write_all(kStderr, format_error(error, stderr_colour()));
  return kExitFailure;
}

int report_usage(const UsageError& error) {
  log::write_all(kStderr, format_usage_error(error, stderr_colour()));
  return kExitUsage;
}

int report_up_usage(const UsageError& error) {
  log::write_all(kStderr, format_up_usage_error(error, stderr_colour()));
  return kExitFailure;
}

void report_problem(const std::string& text) {
  log::write_all(
      kStderr,
      fmt::format(
          "{}: {}\n",
          red("Error", stderr_colour()),
          log::escape_controls(text, log::LineBreaks::Keep)
      )
  );
}

}  // namespace whorl::cli
