#include "cli/cli.hpp"

#include "cli/version.hpp"
#include "fs/file.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace whorl::cli {
namespace {

/// Keeps what it was asked to run.
class RecordingRunner final : public AppRunner {
 public:
  Result<int> run(const UpRequest& request) override {
    requests.push_back(request);
    return 7;
  }
  Result<component::Inspection> inspect(ByteView bytes) override {
    return component::inspect_binary(component::HostRegistry(), bytes);
  }
  std::vector<UpRequest> requests;
};

struct Outcome {
  int code;
  std::optional<UpRequest> request;
};

Outcome run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "whorl");
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  RecordingRunner runner;
  const int code = cli::main(static_cast<int>(argv.size()), argv.data(), runner);
  return {
      .code = code,
      .request = runner.requests.empty() ? std::nullopt : std::optional(runner.requests.front())
  };
}

class AppFolder : public fs::test::TestFolder {
 public:
  explicit AppFolder(std::string_view manifest) { write("spin.toml", manifest); }
};

constexpr std::string_view kManifest = R"(spin_manifest_version = 2
[application]
name = "a"
[[trigger.http]]
route = "/..."
component = "r"
[[trigger.http]]
route = "/s"
component = "s"
[component.r]
source = "r.wasm"
environment = { A = "old", B = "kept" }
[component.s]
source = "s.wasm"
)";

TEST_CASE("up hands a complete request to the runner") {
  const AppFolder folder(kManifest);
  const Outcome outcome =
      run({"up", "-f", folder.path(""), "-e", "A=new", "-e", "A=newer", "-c", "r", "--threads", "3"}
      );
  CHECK(outcome.code == 7);
  REQUIRE(outcome.request);
  const UpRequest& request = *outcome.request;
  REQUIRE(request.runnable.app);
  REQUIRE(request.runnable.app->components.size() == 1);
  CHECK(
      request.runnable.app->components[0].environment ==
      std::map<std::string, std::string>{{"A", "newer"}, {"B", "kept"}}
  );
  CHECK(request.runnable.app->triggers.size() == 1);
  CHECK(request.threads == 3);
  CHECK(request.log_dir == folder.path(".spin/logs"));
  CHECK(request.state_dir == folder.path(".spin"));
}

TEST_CASE("a bare wasm file has no folders") {
  const AppFolder folder(kManifest);
  REQUIRE(fs::write_file_atomic(folder.path("x.wasm"), {}));
  const Outcome outcome = run({"u", "-f", folder.path("x.wasm")});
  REQUIRE(outcome.request);
  CHECK(outcome.request->runnable.app->name == "x");
  CHECK_FALSE(outcome.request->log_dir);
  CHECK_FALSE(outcome.request->state_dir);
}

TEST_CASE("the version names the build") {
  CHECK(version_text().starts_with("0."));
  const ListenAddress six{.ip = "::1", .port = 80};
  CHECK(six.to_text() == "[::1]:80");
}

}  // namespace
}  // namespace whorl::cli
