#include "loader/loader.hpp"

#include "fs/file.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::loader {
namespace {

/// A folder with a manifest in it.
class AppFolder {
 public:
  explicit AppFolder(std::string_view manifest)
      : path_((std::filesystem::temp_directory_path() / "whorl-loader-XXXXXX").string()) {
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
    path_ = std::filesystem::canonical(path_).string();
    write("spin.toml", manifest);
  }
  AppFolder(const AppFolder&) = delete;
  AppFolder& operator=(const AppFolder&) = delete;
  ~AppFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  void write(std::string_view name, std::string_view text) const {
    REQUIRE(fs::write_file_atomic(path(name), as_bytes(text)));
  }
  [[nodiscard]] std::string path(std::string_view name) const { return fs::join(path_, name); }

 private:
  std::string path_;
};

const std::string kHead = "spin_manifest_version = 2\n[application]\nname = \"a\"\n";
const std::string kTrigger = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"r\"\n";

std::shared_ptr<const app::LockedApp> good(const AppFolder& folder) {
  auto app = load_manifest(folder.path("spin.toml"));
  if (!app) {
    FAIL(app.error().to_line());
  }
  return *std::move(app);
}

/// The messages from the outermost inwards; the folder's path is left out.
std::vector<std::string> chain(const Error& error, const AppFolder& folder) {
  std::vector<std::string> out(error.contexts().rbegin(), error.contexts().rend());
  out.push_back(error.message());
  for (std::string& text : out) {
    const std::string path = folder.path("");
    if (const auto at = text.find(path); at != std::string::npos) {
      text.erase(at, path.size());
    }
  }
  return out;
}

std::vector<std::string> failure(const std::string& manifest) {
  const AppFolder folder(manifest);
  auto app = load_manifest(folder.path("spin.toml"));
  REQUIRE_FALSE(app);
  return chain(app.error(), folder);
}

TEST_CASE("a manifest becomes a locked app") {
  const AppFolder folder(R"(spin_manifest_version = 2
[application]
name = "shop"
version = "1"
description = "d"
authors = ["x"]
[application.trigger.http]
base = "/"
[variables]
v = { default = "1", secret = true }
[[trigger.http]]
route = "/..."
component = { source = "./sub/../c.wasm" }
[component.r]
source = "/abs/r.wasm"
description = "in"
environment = { A = "1" }
variables = { q = "{{ v }}" }
allowed_outbound_hosts = ["http://self"]
key_value_stores = ["default"]
sqlite_databases = ["default"]
ai_models = ["m"]
files = ["x"]
exclude_files = ["y"]
[component.r.build]
command = "make"
workdir = "w"
watch = ["s"]
)");
  const auto app = good(folder);
  CHECK(app->name == "shop");
  CHECK(app->version == "1");
  CHECK(app->description == "d");
  CHECK(app->authors == std::vector<std::string>{"x"});
  CHECK(app->origin == "file://" + folder.path("spin.toml"));
  CHECK(app->app_dir == folder.path("").substr(0, folder.path("").size() - 1));
  CHECK(app->variables.at("v").default_value == "1");
  CHECK(app->variables.at("v").is_secret);
  CHECK(app->trigger_globals.find("http") != nullptr);
  REQUIRE(app->triggers.size() == 1);
  CHECK(app->triggers[0].id == "http-trigger1");
  CHECK(app->triggers[0].type == "http");
  CHECK(
      app->triggers[0].config ==
      app::Value(app::Value::Table{
          {"component", app::Value(std::string("http-trigger1-component"))},
          {"route", app::Value(std::string("/..."))}
      })
  );
  REQUIRE(app->components.size() == 2);
  const app::Component& r = app->components[0];
  CHECK(r.id == "r");
  CHECK(r.source_path == "/abs/r.wasm");
  CHECK(r.description == "in");
  CHECK(r.environment.at("A") == "1");
  CHECK(r.variables.at("q") == "{{ v }}");
  CHECK(r.allowed_outbound_hosts.size() == 1);
  CHECK(r.key_value_stores.size() == 1);
  CHECK(r.sqlite_databases.size() == 1);
  CHECK(r.ai_models.size() == 1);
  const app::Value* build = r.metadata.find("build");
  REQUIRE(build != nullptr);
  CHECK(*build->find("command")->as_string() == "make");
  CHECK(*build->find("workdir")->as_string() == "w");
  CHECK(app->components[1].source_path == folder.path("c.wasm"));
  CHECK(app->find_component("r") == &app->components[0]);
  CHECK(app->find_component("R") == nullptr);
}

TEST_CASE("a component that was not built is noticed when it is read") {
  const AppFolder folder(kHead + kTrigger + "[component.r]\nsource = \"x.wasm\"\n");
  const auto app = good(folder);
  auto bytes = read_component(app->components[0]);
  REQUIRE_FALSE(bytes);
  CHECK(bytes.error().kind() == ErrorKind::NotFound);
  CHECK(
      chain(bytes.error(), folder) ==
      std::vector<std::string>{
          "failed to resolve dependencies for component \"r\"",
          "an error occurred when preparing dependencies",
          "failed to read component source from disk at path \"x.wasm\"",
          "No such file or directory (os error 2)",
      }
  );
  folder.write("x.wasm", "wasm");
  CHECK(as_text(*read_component(app->components[0])) == "wasm");
}

TEST_CASE("what is wrong with the text is reported bare, everything else as a chain") {
  CHECK(
      failure("spin_manifest_version = 3\n") ==
      std::vector<std::string>{"invalid manifest version: 3"}
  );
  CHECK(failure("x\n").size() == 1);
  const auto component_failure = [](const std::string& lines) {
    auto out = failure(kHead + kTrigger + "[component.r]\n" + lines);
    REQUIRE(out.size() >= 4);
    CHECK(out[0] == "Failed to load application");
    CHECK(out[1].starts_with("Failed to load manifest from \""));
    CHECK(out[2].starts_with("Failed to load Spin app from \""));
    CHECK(out[3] == "Failed to load component `r`");
    return std::vector<std::string>(out.begin() + 4, out.end());
  };
  CHECK(
      component_failure("source = { url = \"http://x\", digest = \"md5:1\" }\n") ==
      std::vector<std::string>{
          "Failed to load Wasm source \"http://x\" with digest \"md5:1\"",
          "invalid `digest` \"md5:1\"; must start with 'sha256:'",
      }
  );
  CHECK(
      component_failure("source = { url = \"http://x\", digest = \"sha256:1\" }\n").back() ==
      "components from a URL are not supported yet"
  );
  CHECK(
      component_failure("source = { package = \"a:b\", version = \"1.0.0\" }\n") ==
      std::vector<std::string>{
          "Failed to load Wasm source \"a:b@1.0.0\" from default registry",
          "components from a package registry are not supported yet",
      }
  );
  CHECK(
      component_failure("source = \"x\"\ndependencies = { a = \"1\" }\n").back() ==
      "component `dependencies` are not supported yet"
  );
  CHECK(
      component_failure("source = \"x\"\nallowed_http_hosts = [\"self\"]\n").back() ==
      "the deprecated `allowed_http_hosts` is not supported yet"
  );
  for (const std::string_view line : {"x = {}", "x = { required = true, default = \"a\" }"}) {
    CHECK(
        failure(kHead + "[variables]\n" + std::string(line) + "\n" + kTrigger).back() ==
        "must be `required` OR have a `default`"
    );
  }
  CHECK(
      failure(kHead + kTrigger + "components = { x = \"r\" }\n").back() ==
      "several `components` of one trigger are not supported yet"
  );
  CHECK(
      failure(kHead + kTrigger + "dependencies = { middleware = [{ path = \"x\" }] }\n").back() ==
      "`dependencies` of a trigger (middleware) are not supported yet"
  );
}

TEST_CASE("harmless things are kept out of the way") {
  const AppFolder folder(
      kHead + kTrigger +
      "dependencies = {}\n[component.r]\nsource = \"x\"\ndependencies = {}\nallowed_http_hosts = "
      "[]\ntargets = [\"x\"]\ndependencies_inherit_configuration = true\n[component.r.tool.x]\ny = "
      "1\n[component.r.profile.debug]\nsource = \"y\"\n"
  );
  CHECK(good(folder)->components.size() == 1);
}

TEST_CASE("a bare wasm file") {
  const AppFolder folder("");
  folder.write("hello.world.wasm", "x");
  auto app = load_bare_wasm(folder.path("hello.world.wasm"));
  REQUIRE(app);
  CHECK((*app)->name == "hello.world");
  CHECK((*app)->origin.empty());
  CHECK_FALSE((*app)->app_dir);
  REQUIRE((*app)->triggers.size() == 1);
  CHECK((*app)->triggers[0].id == "http-trigger1");
  CHECK(*(*app)->triggers[0].config.find("route")->as_string() == "/...");
  REQUIRE((*app)->components.size() == 1);
  CHECK((*app)->components[0].id == "http-trigger1-component");
  CHECK((*app)->components[0].source_path == folder.path("hello.world.wasm"));
  CHECK_FALSE(load_bare_wasm(folder.path("none.wasm")));
}

TEST_CASE("selecting components") {
  const AppFolder folder(kHead + R"(
[[trigger.http]]
route = "/a"
component = "a"
[[trigger.http]]
route = "/b"
component = "b"
[[trigger.http]]
route = "/s"
static_response = {}
[component.a]
source = "a"
allowed_outbound_hosts = ["https://{{x}}.spin.internal", "http://other.example"]
[component.b]
source = "b"
allowed_outbound_hosts = ["https://a.spin.internal:80/"]
[component.c]
source = "c"
allowed_outbound_hosts = ["http://*.spin.internal"]
)");
  const auto app = good(folder);
  const auto select = [&](std::vector<std::string> ids) {
    auto selected = select_components(*app, ids);
    if (!selected) {
      CHECK(
          selected.error().contexts().back() ==
          "failed to resolve application with only components selected with --component"
      );
      return selected.error().message();
    }
    std::string out = std::to_string((*selected)->triggers.size());
    for (const app::Component& component : (*selected)->components) {
      out += " " + component.id;
    }
    return out;
  };
  CHECK(select({"a"}) == "1 a");
  CHECK(select({"b", "a", "b"}) == "2 a b");
  CHECK(select({"a", "zz", "yy"}) == "Specified component \"zz\" not found in application");
  CHECK(
      select({"b"}) ==
      "Selected component 'b' cannot use service chaining to unselected component: "
      "allowed_outbound_hosts = [\"http://a.spin.internal\"]"
  );
  CHECK(
      select({"c"}) ==
      "Selected component 'c' cannot use wildcard service chaining: allowed_outbound_hosts = "
      "[\"http://*.spin.internal\"]"
  );
}

}  // namespace
}  // namespace whorl::loader
