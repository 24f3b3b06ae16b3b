#include "cli/shell_texts.hpp"

#include "fs/process.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

namespace whorl::cli {
namespace {

TEST_CASE("completions name commands and flags") {
  for (const std::string_view shell : {"bash", "zsh", "fish"}) {
    CAPTURE(shell);
    const auto script = completions_for(shell);
    REQUIRE(script);
    for (const std::string_view word :
         {"build", "deploy", "login", "watch", "find-free-port", "debounce"}) {
      CAPTURE(word);
      CHECK(script->contains(word));
    }
  }
  CHECK_FALSE(completions_for("nosuch"));
}

TEST_CASE("the script for bash completes") {
  const fs::test::TestFolder folder;
  const std::string script =
      *completions_for("bash") +
      "check() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _whorl; "
      "[ \"${COMPREPLY[*]}\" = \"$want\" ] || { echo \"$*: ${COMPREPLY[*]}\"; exit 1; }; }\n"
      "want='build' check whorl bu\n"
      "want='--find-free-port' check whorl up --fi\n"
      "want='--debounce' check whorl w --deb\n";
  auto process = fs::Process::start_shell("bash " + folder.write("check", script), {});
  REQUIRE(process);
  CHECK(process->wait().to_text() == "Exited(0)");
}

TEST_CASE("the manual page") {
  const std::string page = manual_page();
  CHECK(page.starts_with(".TH WHORL 1\n.SH NAME\nwhorl \\- "));
  CHECK(page.contains("\\fB\\-\\-find\\-free\\-port\\fR\n"));
  CHECK(page.contains("\\fB\\-f\\fR, \\fB\\-\\-from\\fR \\fIAPPLICATION\\fR\n"));
  CHECK(page.contains("The variable SPIN_HTTP_LISTEN_ADDR of the environment"));
}

TEST_CASE("the reference") {
  const std::string text = reference_text();
  CHECK(text.starts_with("# Command-Line Help for `whorl`\n\n"));
  CHECK(text.contains("\n## `whorl up`\n\nStart the Spin application\n\n**Usage:** `whorl up "));
  CHECK(text.contains("\n* `-f`, `--from <APPLICATION>` \xE2\x80\x94 The application to run. "));
  CHECK(text.contains("\n  Environment variable: `SPIN_HTTP_LISTEN_ADDR`\n"));
}

}  // namespace
}  // namespace whorl::cli
