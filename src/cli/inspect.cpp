#include "cli/inspect.hpp"

#include "cli/report.hpp"
#include "fs/file.hpp"
#include "loader/loader.hpp"
#include "log/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace whorl::cli {
namespace {

constexpr int kStdout = 1;
constexpr int kStderr = 2;
constexpr std::string_view kUsage = "whorl inspect [OPTIONS] <FILE>";

enum class Form : std::uint8_t { Text, Wit, Json };

struct InspectRequest {
  std::string file;
  Form form = Form::Text;
};

UsageError usage(std::string message) {
  return {.message = std::move(message), .usage = std::string(kUsage), .cause = {}};
}

/// Nothing: help was asked for.
std::expected<std::optional<InspectRequest>, UsageError> read_arguments(
    std::span<const std::string_view> arguments
) {
  InspectRequest out;
  bool only_files = false;
  for (const std::string_view word : arguments) {
    const std::string shown = log::escape_controls(word, log::LineBreaks::Escape);
    if (!only_files && (word == "--help" || word == "-h")) {
      return std::nullopt;
    }
    if (!only_files && (word == "--json" || word == "--wit")) {
      const Form form = word == "--json" ? Form::Json : Form::Wit;
      if (out.form != Form::Text && out.form != form) {
        return std::unexpected(usage("the argument '--json' cannot be used with '--wit'"));
      }
      out.form = form;
    } else if (!only_files && word == "--") {
      only_files = true;
    } else if (!only_files && word.size() > 1 && word.starts_with('-')) {
      return std::unexpected(usage(fmt::format("unexpected argument '{}' found", shown)));
    } else if (!out.file.empty()) {
      return std::unexpected(usage(fmt::format("unexpected argument '{}' found", shown)));
    } else {
      out.file = word;
    }
  }
  if (out.file.empty()) {
    return std::unexpected(usage("the following required arguments were not provided:\n  <FILE>"));
  }
  return out;
}

Result<std::string> inspect(const InspectRequest& request, AppRunner& runner) {
  WHORL_TRY(const Bytes bytes, fs::read_file(request.file, loader::kMaxWasmBytes));
  auto found = runner.inspect(bytes).context("inspecting {}", fs::quote_path(request.file));
  if (!found) {
    return found.take_error();
  }
  switch (request.form) {
    case Form::Json:
      return inspection_json(request.file, *found);
    case Form::Wit:
      if (found->wit.empty()) {
        return fail(
                   ErrorKind::InvalidInput,
                   "the core module {} does not say what its world is",
                   fs::quote_path(request.file)
        )
            .with_help("only components and modules with a component-type section do");
      }
      return found->wit;
    case Form::Text:
      break;
  }
  return inspection_text(request.file, *found);
}

/// 57031 as "57,031".
std::string grouped(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > 0; at -= 3) {
    out.insert(static_cast<std::size_t>(at), ",");
  }
  return out;
}

/// Names from the file, fit for a terminal.
std::string shown(std::string_view text) {
  return log::escape_controls(text, log::LineBreaks::Escape);
}

template <class Items, class Size>
std::uint64_t sum(const Items& items, Size size) {
  std::uint64_t total = 0;
  for (const auto& item : items) {
    total += item.*size;
  }
  return total;
}

std::string sizes(const component::Inspection& found) {
  using component::Inspection;
  std::string out = fmt::format("Size: {} bytes\n", grouped(found.bytes));
  out += fmt::format("\nCore modules ({}):\n", found.modules.size());
  for (std::size_t i = 0; i < found.modules.size(); ++i) {
    const Inspection::Module& module = found.modules[i];
    out += fmt::format(
        "  {:>3}  {:>12} bytes  code {:>12}  data {:>12}  custom {:>10}  {}\n",
        i,
        grouped(module.bytes),
        grouped(module.code_bytes),
        grouped(module.data_bytes),
        grouped(module.custom_bytes),
        shown(module.name)
    );
    while (out.ends_with(" \n")) {
      out.erase(out.size() - 2, 1);
    }
  }
  if (found.nested_components > 0) {
    out += fmt::format("\nNested components: {}\n", found.nested_components);
  }
  if (!found.customs.empty()) {
    out += fmt::format(
        "\nCustom sections ({} bytes):\n", grouped(sum(found.customs, &Inspection::Custom::bytes))
    );
  }
  for (const Inspection::Custom& custom : found.customs) {
    out += fmt::format("  {:>12} bytes  {}", grouped(custom.bytes), shown(custom.name));
    out += custom.count == 1 ? "\n" : fmt::format(" ({} times)\n", custom.count);
  }
  return out;
}

std::string producers(const component::Inspection& found) {
  std::string out = found.producers.empty() ? "" : "\nProduced by:\n";
  for (const auto& [field, name, version] : found.producers) {
    out += fmt::format(
        "  {}: {}{}{}\n", shown(field), shown(name), version.empty() ? "" : " ", shown(version)
    );
  }
  return out;
}

std::string standing(const component::Inspection::Import& import) {
  using Standing = component::Inspection::Import::Standing;
  switch (import.standing) {
    case Standing::Offered:
      return import.offered == import.name ? "offered"
                                           : fmt::format("offered, as {}", shown(import.offered));
    case Standing::TypesOnly:
      return "types only";
    case Standing::Announced:
      return "links; every call answers with its error";
    case Standing::Missing:
      break;
  }
  return import.offered.empty()
             ? "not offered"
             : fmt::format("not offered in this version; there is {}", shown(import.offered));
}

std::string interfaces(const component::Inspection& found) {
  std::size_t widest = 0;
  for (const auto& import : found.imports) {
    widest = std::max(widest, shown(import.name).size());
  }
  std::string out = fmt::format("\nImports ({}):\n", found.imports.size());
  for (const auto& import : found.imports) {
    out += fmt::format("  {:<{}}  {}\n", shown(import.name), widest, standing(import));
  }
  out += fmt::format("\nExports ({}):\n", found.exports.size());
  for (const std::string& name : found.exports) {
    out += fmt::format("  {}\n", shown(name));
  }
  return out;
}

std::string verdict(const component::Inspection& found) {
  if (!found.refusal) {
    return "\nWould run here: yes\n";
  }
  std::string out = fmt::format("\nWould run here: no\n  {}\n", shown(found.refusal->to_line()));
  if (!found.refusal->help().empty()) {
    out += fmt::format("\nHelp: {}\n", found.refusal->help());
  }
  return out;
}

std::string_view kind_text(const component::Inspection& found) {
  if (found.kind == component::BinaryKind::Component) {
    return "component";
  }
  return found.wit.empty() ? "core module" : "core module that tells its world";
}

}  // namespace

std::string inspection_text(std::string_view file, const component::Inspection& found) {
  std::string out = found.wit;
  out += fmt::format("{}File: {}\n", found.wit.empty() ? "" : "\n", shown(file));
  out += fmt::format("Kind: {}\n", kind_text(found));
  return out + sizes(found) + producers(found) + interfaces(found) + verdict(found);
}

std::string inspect_help() {
  return fmt::format(
      R"({}

Usage: {}

Arguments:
  <FILE>  A component or core module (.wasm)

Options:
      --wit   Print imports, exports and their types as WIT, and nothing else
      --json  Print everything as one JSON object
  -h, --help  Print help

Nothing of the file is compiled or run. What is printed: its world as WIT; its sizes, whole and by core
module and custom section; what made it; which of its imports this host offers; and whether it would
run here, or why not, as `whorl up` would say.

Examples:
  whorl inspect app.wasm
  whorl inspect app.wasm --wit > world.wit
  whorl inspect app.wasm --json
)",
      kInspectAbout,
      kUsage
  );
}

int run_inspect(std::span<const std::string_view> arguments, AppRunner& runner) {
  const auto colour = log::wants_colour(kStderr) ? Colour::Ansi : Colour::Never;
  const auto request = read_arguments(arguments);
  if (!request) {
    log::write_all(kStderr, format_usage_error(request.error(), colour));
    return kExitUsage;
  }
  if (!*request) {
    log::write_all(kStdout, inspect_help());
    return 0;
  }
  const auto text = inspect(**request, runner);
  if (!text) {
    log::write_all(kStderr, format_error(text.error(), colour));
    return kExitFailure;
  }
  log::write_all(kStdout, *text);
  return 0;
}

}  // namespace whorl::cli
