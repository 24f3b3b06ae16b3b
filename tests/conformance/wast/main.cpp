// wast-runner: runs converted .wast scripts, of components and of core modules, against the real
// loader, linker and engine. Not part of the product.
#include "expectations.hpp"
#include "runner.hpp"

#include "base/check.hpp"
#include "engine/engine.hpp"
#include "log/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::conformance {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr std::string_view kHelp =
    R"(Run converted WebAssembly scripts, of components and of core modules

Usage: wast-runner [OPTIONS] <SCRIPT.json | FOLDER>...

A script is what `wasm-tools json-from-wast X.wast -o script.json --wasm-dir .` makes of X.wast: a list
of commands, and binaries beside it. A folder stands for every script.json in it, at any depth.

Each failed command is one line: where it stands in the .wast, what was expected, what happened. The
last line is `N passed, N failed, N skipped`. Texts of expected traps and refusals need not match word
for word, but a trap whose cause is another one for certain is a failure.

Options:
      --expect <FILE>    Known failures, one a line: `PATH:LINE reason`, where PATH is the end of the
                         script's path. They count as skipped. One that passes, or that is not in its
                         script any more, is a failure: the list may only shrink
      --ours-only        Judge components by Whorl's own checks, without the engine's validator
      --validate-only    Check modules and components without instantiating any; for scripts that
                         import what nobody offers
  -v, --verbose          Print the commands that passed and that were skipped too
  -h, --help             Print help

Scripts may import `spectest` (core modules) and `host` (components): functions that return numbers and
strings, and resources that count their drops. What they import of an instance that they named before
is an instance of its own, made of the same component.

Exit codes: 0 when nothing failed, 1 when something did, 2 for wrong usage or an unreadable file.

Examples:
  wast-runner suites/component-model/test/values
  wast-runner --expect known.txt --verbose linking/unit.json.d/script.json
)";

struct Options {
  std::vector<std::string> scripts;
  std::string expect;
  Checks checks = Checks::OursAndEngines;
  Depth depth = Depth::Run;
  bool is_verbose = false;
  bool wants_help = false;
};

Result<> add_scripts(const std::string& path, std::vector<std::string>& out) {
  namespace fs = std::filesystem;
  std::error_code code;
  if (!fs::is_directory(path, code)) {
    out.push_back(path);
    return {};
  }
  const std::size_t before = out.size();
  for (fs::recursive_directory_iterator at(path, code), end; !code && at != end;
       at.increment(code)) {
    if (at->path().filename() == "script.json") {
      out.push_back(at->path().string());
    }
  }
  if (code) {
    return fail(ErrorKind::Unavailable, "reading the folder {}: {}", path, code.message());
  }
  if (out.size() == before) {
    return fail(ErrorKind::NotFound, "there is no script.json in {}", path)
        .with_help(
            "convert X.wast with: wasm-tools json-from-wast X.wast -o script.json --wasm-dir ."
        );
  }
  std::sort(out.begin() + static_cast<std::ptrdiff_t>(before), out.end());
  return {};
}

Result<Options> read_options(std::span<char*> words) {
  Options out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--help" || word == "-h") {
      out.wants_help = true;
      return out;
    }
    if (word == "--ours-only") {
      out.checks = Checks::Ours;
    } else if (word == "--validate-only") {
      out.depth = Depth::Validate;
    } else if (word == "--verbose" || word == "-v") {
      out.is_verbose = true;
    } else if (word == "--expect") {
      if (++i == words.size()) {
        return fail(ErrorKind::InvalidInput, "--expect wants a file");
      }
      out.expect = words[i];
    } else if (word.starts_with('-')) {
      return fail(ErrorKind::InvalidInput, "unexpected argument '{}' found", word);
    } else {
      WHORL_CHECKED(add_scripts(std::string(word), out.scripts));
    }
  }
  if (out.scripts.empty()) {
    return fail(ErrorKind::InvalidInput, "no script is given");
  }
  return out;
}

struct Tally {
  unsigned passed = 0;
  unsigned failed = 0;
  unsigned skipped = 0;

  Tally& operator+=(const Tally& other) {
    passed += other.passed;
    failed += other.failed;
    skipped += other.skipped;
    return *this;
  }
  [[nodiscard]] std::string to_text() const {
    return fmt::format("{} passed, {} failed, {} skipped", passed, failed, skipped);
  }
};

void print(std::string_view text) {
  log::write_all(STDOUT_FILENO, text);
}

/// Runs one script, prints what is to be told of its commands.
Tally run_script(
    const Script& script,
    const std::shared_ptr<engine::Engine>& engine,
    const Options& options,
    Expectations& known
) {
  ScriptRunner runner(engine, options.checks, options.depth);
  Tally tally;
  for (const Command& command : script.commands) {
    const Verdict verdict = runner.run(command);
    const std::string place = fmt::format("{}:{}", script.path, command.line);
    const std::string* reason = known.find(script.path, command.line);
    const auto tell = [&](std::string_view mark, std::string_view text) {
      print(
          log::escape_controls(
              fmt::format("{} {}: {}: {}", mark, place, command.type, text), log::LineBreaks::Escape
          ) +
          "\n"
      );
    };
    if (verdict.kind == Verdict::Kind::Failed) {
      const std::string text = fmt::format("expected {}; {}", verdict.wanted, verdict.happened);
      if (reason != nullptr) {
        known.met(script.path, command.line);
        ++tally.skipped;
        tell("KNOWN", fmt::format("{} ({})", text, *reason));
      } else {
        ++tally.failed;
        tell("FAIL", text);
      }
      continue;
    }
    tally.passed += verdict.kind == Verdict::Kind::Passed ? 1 : 0;
    tally.skipped += verdict.kind == Verdict::Kind::Skipped ? 1 : 0;
    if (options.is_verbose) {
      tell(verdict.kind == Verdict::Kind::Passed ? "ok" : "skip", verdict.happened);
    }
  }
  for (const std::string& problem : known.unmet(script.path)) {
    ++tally.failed;
    print(fmt::format("FAIL {}\n", problem));
  }
  return tally;
}

Result<bool> run_all(const Options& options) {
  Expectations known;
  if (!options.expect.empty()) {
    WHORL_TRY(known, Expectations::read(options.expect));
  }
  engine::EngineOptions engine_options;
  engine_options.allocation = engine::InstanceAllocation::OnDemand;
  WHORL_TRY(const auto engine, engine::Engine::create(engine_options));
  Tally total;
  for (const std::string& path : options.scripts) {
    WHORL_TRY(const Script script, read_script(path));
    const Tally tally = run_script(script, engine, options, known);
    print(fmt::format("{}: {}\n", path, tally.to_text()));
    total += tally;
  }
  print(total.to_text() + "\n");
  return total.failed == 0;
}

int run_main(std::span<char*> words) {
  const auto report = [](const Error& error) {
    const std::string help =
        error.help().empty() ? std::string() : fmt::format("\n\nHelp: {}", error.help());
    log::write_all(STDERR_FILENO, fmt::format("Error: {}{}\n", error.to_line(), help));
    return kUsage;
  };
  const auto options = read_options(words);
  if (!options) {
    log::write_all(
        STDERR_FILENO,
        fmt::format("error: {}\n\nFor more information, try '--help'.\n", options.error().to_line())
    );
    return kUsage;
  }
  if (options->wants_help) {
    print(kHelp);
    return 0;
  }
  const auto good = run_all(*options);
  return !good ? report(good.error()) : *good ? 0 : kFailed;
}

}  // namespace
}  // namespace whorl::conformance

int main(int argc, char** argv) {
  return whorl::conformance::run_main(std::span(argv + 1, static_cast<std::size_t>(argc - 1)));
}
