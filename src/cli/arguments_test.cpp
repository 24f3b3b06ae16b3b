#include "cli/arguments.hpp"

#include "cli/help.hpp"
#include "cli/locate.hpp"
#include "cli/report.hpp"
#include "cli/up_flags.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace whorl::cli {
namespace {

ScannedArguments scan(std::vector<std::string_view> arguments) {
  return scan_arguments(arguments, up_flags());
}

/// "up: …" or "trigger: …" for the errors, or the flags that were found.
std::string summary(std::vector<std::string_view> arguments) {
  const ScannedArguments scanned = scan(std::move(arguments));
  if (scanned.up_error) {
    return "up: " + scanned.up_error->message;
  }
  if (scanned.trigger_error) {
    return "trigger: " + scanned.trigger_error->message;
  }
  std::string out;
  for (const FlagUse& use : scanned.uses) {
    out += (out.empty() ? "" : " ") + std::string(use.spec->name);
    out += use.spec->takes_value() ? "=" + use.value : "";
  }
  return out;
}

TEST_CASE("ways to write flags") {
  CHECK(summary({}) == "");
  CHECK(summary({"--listen", "x", "-q"}) == "listen=x quiet");
  CHECK(summary({"--listen=x=y"}) == "listen=x=y");
  CHECK(summary({"-f", "x"}) == "from=x");
  CHECK(summary({"-fx"}) == "from=x");
  CHECK(summary({"-f=x"}) == "from=x");
  CHECK(summary({"-qfx"}) == "quiet from=x");
  CHECK(summary({"-qf", "x"}) == "quiet from=x");
  CHECK(summary({"--sh"}) == "quiet");
  CHECK(summary({"--shush"}) == "quiet");
  CHECK(summary({"--file", "x"}) == "from-file=x");
  CHECK(summary({"-e", "A=1", "-e", "B=2"}) == "env=A=1 env=B=2");
  CHECK(summary({"-f", "-"}) == "from=-");
  CHECK(summary({"--state-dir", ""}) == "state-dir=");
}

TEST_CASE("what is wrong with them") {
  CHECK(
      summary({"--nosuch"}) ==
      "trigger: unexpected argument '--nosuch' found\n\n  tip: a similar argument exists: "
      "'--shush'"
  );
  CHECK(
      summary({"--list=1"}) ==
      "trigger: unexpected argument '--list' found\n\n  tip: a similar argument exists: '--listen'"
  );
  CHECK(summary({"--xyz"}) == "trigger: unexpected argument '--xyz' found");
  CHECK(summary({"-x"}) == "trigger: unexpected argument '-x' found");
  CHECK(summary({"-qx"}) == "trigger: unexpected argument '-x' found");
  CHECK(summary({"stray"}) == "trigger: unexpected argument 'stray' found");
  CHECK(summary({"--", "-q"}) == "trigger: unexpected argument '-q' found");
  CHECK(
      summary({"--listen"}) ==
      "trigger: a value is required for '--listen <ADDRESS>' but none was supplied"
  );
  CHECK(
      summary({"--listen", "-q"}) ==
      "trigger: a value is required for '--listen <ADDRESS>' but none was supplied"
  );
  CHECK(summary({"--listen", "-x"}) == "trigger: unexpected argument '-x' found");
  CHECK(
      summary({"--log-dir", ""}) ==
      "trigger: a value is required for '--log-dir <APP_LOG_DIR>' but none was supplied"
  );
  CHECK(
      summary({"--format", "xml"}) ==
      "trigger: invalid value 'xml' for '--format <FORMAT>'\n  [possible values: plain, json]"
  );
  CHECK(
      summary({"--format"}) ==
      "trigger: a value is required for '--format <FORMAT>' but none was supplied\n  [possible "
      "values: plain, json]"
  );
  CHECK(
      summary({"-q", "--quiet"}) == "trigger: the argument '--quiet' cannot be used multiple times"
  );
  CHECK(
      summary({"-f", "a", "--from", "b"}) ==
      "up: the argument '--from <APPLICATION>' cannot be used multiple times"
  );
  CHECK(
      summary({"--quiet=1"}) ==
      "trigger: unexpected value '1' for '--quiet' found; no more were expected"
  );
  // What is wrong with up's own flags comes first, wherever it stands.
  CHECK(
      summary({"--nosuch", "-f"}) ==
      "up: a value is required for '--from <APPLICATION>' but none was supplied"
  );
}

TEST_CASE("an argument without a dash may be a forgotten -f") {
  CHECK(scan({"app.toml"}).stray == "app.toml");
  CHECK(scan({"-e", "A=1", "app.toml"}).stray == "app.toml");
  CHECK(scan({"-q", "app.toml"}).stray == std::nullopt);
  CHECK(scan({"--nosuch", "app.toml"}).stray == std::nullopt);
  CHECK(scan({}).stray == std::nullopt);
}

TEST_CASE("a separator in front of everything separates nothing") {
  const auto left = [](std::vector<std::string_view> arguments) {
    return without_separator(arguments).size();
  };
  CHECK(left({}) == 0);
  CHECK(left({"--"}) == 0);
  CHECK(left({"--", "-q"}) == 1);
  CHECK(left({"--", "--", "-q"}) == 2);
  CHECK(left({"-q", "--"}) == 2);
  CHECK(summary({"-q", "--", "--listen"}) == "trigger: unexpected argument '--listen' found");
}

TEST_CASE("what the flags ask for") {
  const auto own = read_own_flags(scan({"-f", "x", "-e", "A=1=2", "-c", "a", "-c", "b"}));
  const auto& flags = std::get<OwnFlags>(own);
  CHECK(flags.source == OwnFlags::Source::Any);
  CHECK(flags.from == "x");
  CHECK(flags.environment == std::vector<std::pair<std::string, std::string>>{{"A", "1=2"}});
  CHECK(flags.components == std::vector<std::string>{"a", "b"});

  const auto wrong = read_own_flags(scan({"-f", "x", "--from-registry", "y"}));
  CHECK(
      std::get<UsageError>(wrong).message ==
      "the argument '--from <APPLICATION>' cannot be used with '--from-registry "
      "<REGISTRY_REFERENCE>'"
  );
  CHECK(std::get<UsageError>(wrong).usage == "whorl up --from <APPLICATION>");

  const auto read = read_trigger_flags(scan(
      {"--listen",
       "[::1]:8080",
       "--find-free-port",
       "--format",
       "json",
       "-L",
       "/l",
       "--truncate-logs",
       "--state-dir",
       "/s",
       "--follow",
       "a",
       "--disable-cache",
       "--disable-pooling",
       "--debug-info",
       "--max-instance-memory",
       "65536",
       "--threads",
       "2",
       "--max-request-cpu",
       "100ms",
       "--max-component-instances",
       "7",
       "--max-response-delay",
       "0",
       "--max-instance-reuse-count",
       "3..9",
       "--max-instance-concurrent-reuse-count",
       "4",
       "--idle-instance-timeout",
       "2..8s",
       "--request-timeout",
       "5s"}
  ));
  REQUIRE(std::holds_alternative<TriggerFlags>(read));
  const UpRequest& request = std::get<TriggerFlags>(read).request;
  CHECK(request.listen.to_text() == "[::1]:8080");
  CHECK(request.port_search == PortSearch::FindFree);
  CHECK(request.format == StartupFormat::Json);
  CHECK(request.log_dir == "/l");
  CHECK(request.log_files == LogFiles::Truncate);
  CHECK(request.state_dir == "/s");
  CHECK(request.follow == std::vector<std::string>{"a"});
  CHECK(request.code_cache == CodeCache::Disabled);
  CHECK(request.allocation == Allocation::OnDemand);
  CHECK(request.debug_info == DebugInfo::On);
  CHECK(request.budgets.instance_memory == 65536);
  CHECK(request.threads == 2);
  CHECK(request.budgets.cpu == std::chrono::milliseconds(100));
  CHECK(request.budgets.response_delay == std::chrono::milliseconds(0));
  CHECK(request.budgets.component_instances == 7);
  const InstanceReuse& reuse = request.budgets.reuse;
  CHECK(reuse.events == DrawnFrom<std::uint32_t>{3, 8});
  CHECK(reuse.at_once == DrawnFrom<std::uint32_t>{4, 4});
  using std::chrono::milliseconds;
  CHECK(reuse.idle == DrawnFrom<milliseconds>{milliseconds(2000), milliseconds(7999)});
  CHECK(reuse.request_timeout == DrawnFrom<milliseconds>{milliseconds(5000), milliseconds(5000)});
}

TEST_CASE("defaults, and folders beside the manifest") {
  auto read = read_trigger_flags(scan({}));
  auto& flags = std::get<TriggerFlags>(read);
  CHECK(flags.request.listen.to_text() == "127.0.0.1:3000");
  CHECK(flags.request.budgets.cpu == std::chrono::seconds(30));
  CHECK(flags.request.budgets.response_delay == std::chrono::seconds(600));
  CHECK_FALSE(flags.request.budgets.component_instances);
  CHECK(flags.request.budgets.queued_requests == 256);
  CHECK_FALSE(flags.request.budgets.reuse.events);
  CHECK_FALSE(flags.request.budgets.reuse.at_once);
  CHECK_FALSE(flags.request.budgets.reuse.request_timeout);
  CHECK(flags.request.threads == 0);
  CHECK_FALSE(flags.request.budgets.instance_memory);

  struct Row {
    std::vector<std::string_view> arguments;
    std::optional<std::string> app_dir;
    std::optional<std::string> state_dir;
    std::optional<std::string> log_dir;
  };
  const Row rows[] = {
      {{}, "", ".spin", ".spin/logs"},
      {{}, "..", "../.spin", "../.spin/logs"},
      {{}, std::nullopt, std::nullopt, std::nullopt},
      {{"--state-dir", ""}, "", std::nullopt, std::nullopt},
      {{"--state-dir", "/s"}, "", "/s", "/s/logs"},
      {{"--state-dir", "/s"}, std::nullopt, "/s", "/s/logs"},
      {{"--log-dir", "/l"}, "x", "x/.spin", "/l"},
      {{"--log-dir", "/l"}, std::nullopt, std::nullopt, "/l"},
  };
  for (const Row& row : rows) {
    auto each = read_trigger_flags(scan(row.arguments));
    app::LockedApp app;
    app.app_dir = row.app_dir;
    apply_default_folders(std::get<TriggerFlags>(each), app);
    CHECK(std::get<TriggerFlags>(each).request.state_dir == row.state_dir);
    CHECK(std::get<TriggerFlags>(each).request.log_dir == row.log_dir);
  }
}

TEST_CASE("wrong values") {
  const auto complaint = [](std::vector<std::string_view> arguments) {
    auto read = read_trigger_flags(scan(std::move(arguments)));
    const auto* error = std::get_if<UsageError>(&read);
    return error == nullptr ? "none" : error->message;
  };
  CHECK(
      complaint({"--listen", "3000"}) ==
      "invalid value '3000' for '--listen <ADDRESS>': invalid socket address"
  );
  CHECK(
      complaint({"--threads", "0"}) == "invalid value '0' for '--threads <N>': 0 is not in 1..=1024"
  );
  CHECK(
      complaint({"--max-instance-memory", ""}) ==
      "invalid value '' for '--max-instance-memory <MAX_INSTANCE_MEMORY>': cannot parse integer "
      "from empty string"
  );
  CHECK(
      complaint({"-q", "--follow", "a"}) ==
      "the argument '--quiet' cannot be used with '--follow <FOLLOW_ID>'"
  );
}

TEST_CASE("likeness of words") {
  CHECK(likeness("nosuch", "shush") > 0.7);
  CHECK(likeness("abc", "abc") == 1);
  CHECK(likeness("abc", "xyz") == 0);
  CHECK(likeness("", "a") == 0);
  CHECK(likeness("", "") == 1);
  CHECK(likeness("a", "a") == 1);
}

TEST_CASE("the form of errors") {
  const auto none = Colour::Never;
  CHECK(format_error(fail(ErrorKind::NotFound, "top"), none) == "Error: top\n");
  CHECK(
      format_error(fail(ErrorKind::NotFound, "why").context("top"), none) ==
      "Error: top\n\nCaused by:\n      why\n"
  );
  CHECK(
      format_error(
          fail(ErrorKind::NotFound, "why").context("step").context("top").with_help("do x"), none
      ) == "Error: top\n\nCaused by:\n   0: step\n   1: why\n\nHelp: do x\n"
  );
  CHECK(
      format_error(fail(ErrorKind::NotFound, "text\n").with_help("x"), none) ==
      "Error: text\n\nHelp: x\n"
  );
  CHECK(
      format_error(fail(ErrorKind::NotFound, "top"), Colour::Ansi) ==
      "\x1b[1;31mError\x1b[0m: top\n"
  );
  const UsageError usage{.message = "m", .usage = "whorl up", .cause = "c"};
  CHECK(
      format_usage_error(usage, none) ==
      "error: m\n\nUsage: whorl up\n\nFor more information, try '--help'.\n"
  );
  CHECK(
      format_up_usage_error(usage, none) ==
      "Error: error: m\n\nUsage: whorl up\n\n\nCaused by:\n      c\n"
  );
}

TEST_CASE("names that look like images") {
  const std::string digest = "sha256:" + std::string(64, 'a');
  for (const std::string& name :
       {std::string("ghcr.io/a/b:1"),
        std::string("ghcr.io/a/b"),
        std::string("a:b"),
        std::string("localhost/x"),
        std::string("host:5000/a/b"),
        std::string("host:5000/a/b:v1.2"),
        "a/b@" + digest,
        "a/b:1@" + digest}) {
    CAPTURE(name);
    CHECK(looks_like_image(name));
  }
  for (const std::string_view name :
       {"nothing",
        "a/b",
        "",
        "a@sha256:1",
        "./x:1",
        "/x:1",
        "A:b",
        "a:",
        "a b:1",
        "a//b:1",
        "../x.y/z",
        "a:b c",
        "C:\\x"}) {
    CAPTURE(name);
    CHECK_FALSE(looks_like_image(name));
  }
}

TEST_CASE("wrapping") {
  CHECK(wrap("", 10, 2) == "");
  CHECK(wrap("one two three", 100, 2) == "one two three");
  CHECK(wrap("one two three", 7, 2) == "one two\n  three");
  CHECK(wrap("one two three", 6, 2) == "one\n  two\n  three");
  CHECK(wrap("aaaaaaaaaa b", 4, 0) == "aaaaaaaaaa\nb");
  CHECK(wrap("\xC3\xA9\xC3\xA9 x", 4, 0) == "\xC3\xA9\xC3\xA9 x");
}

TEST_CASE("help names what works and nothing else") {
  const std::string help = up_help("About", 100);
  CHECK(help.starts_with("About\n\nUsage: whorl up [OPTIONS]\n\nOptions:\n  -h, --help  "));
  CHECK(help.contains("  -f, --from <APPLICATION>         The application to run."));
  CHECK(
      help.contains("      --listen <ADDRESS>\n          IP address and port to listen on, or "
                    "unix:PATH. Can be used multiple times\n          \n"
                    "          [env: SPIN_HTTP_LISTEN_ADDR=")
  );
  CHECK(help.contains(
      "      --format <FORMAT>\n          Possible values:\n          - plain: Human-readable "
      "plain "
      "text output (the default)\n          - json:  Machine-readable JSON output\n          \n"
      "          [default: plain]\n"
  ));
  for (const FlagSpec& spec : up_flags()) {
    CAPTURE(spec.name);
    const bool is_listed = help.contains("--" + std::string(spec.name) + " ") ||
                           help.contains("--" + std::string(spec.name) + "\n");
    CHECK(is_listed == (spec.standing == FlagSpec::Standing::Offered));
  }
  std::size_t begin = 0;
  while (begin < help.size()) {
    const auto end = help.find('\n', begin);
    CHECK(end - begin <= 102);
    begin = end + 1;
  }
}

}  // namespace
}  // namespace whorl::cli
