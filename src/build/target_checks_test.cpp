#include "build/target_checks.hpp"

#include "base/hash.hpp"
#include "fs/file.hpp"
#include "loader/test_support.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace whorl::build {
namespace {

using loader::TestFolder;

/// A component that imports and exports nothing.
constexpr std::string_view kEmpty("\0asm\x0d\0\x01\0", 8);
/// One that imports "a:b/c@1.0.0", an instance of nothing.
/// (component (type (instance)) (import "a:b/c@1.0.0" (instance (type 0))))
constexpr std::string_view kImporting(
    "\0asm\x0d\0\x01\0\x07\x03\x01\x42\x00\x0a\x10\x01\x00\x0b"
    "a:b/c@1.0.0\x05\x00",
    31
);
/// (component (export "w" (type (component (export "t:p/w@1.0.0" (component))))))
constexpr std::string_view kPackage(
    "\0asm\x0d\0\x01\0\x07\x16\x01\x41\x02\x01\x41\x00\x04\x00\x0bt:p/"
    "w@1.0.0\x04\x00\x0b\x07\x01\x00"
    "\x01w\x03\x00\x00",
    41
);

struct Tried {
  std::string manifest;
  std::vector<std::string> components;
  loader::SourceFetcher* fetcher = nullptr;
  loader::PackageFetcher* packages = nullptr;
};

/// What does not fit, one after the other, or the error.
std::string check(const TestFolder& folder, const Tried& tried) {
  const std::string path = folder.path("spin.toml");
  auto manifest = manifest::parse_manifest(tried.manifest, path);
  REQUIRE_MESSAGE(manifest.has_value(), (manifest ? std::string() : manifest.error().message()));
  REQUIRE(manifest::normalise(*manifest));
  const auto found = check_targets(
      *manifest,
      {.manifest_path = path,
       .components = tried.components,
       .load =
           {.cache_dir = folder.path("cache"), .fetcher = tried.fetcher, .packages = tried.packages
           },
       .catalogue = folder.path("catalogue")}
  );
  if (!found) {
    return "error: " + found.error().to_line();
  }
  std::string out;
  for (const std::string& problem : *found) {
    out += problem;
  }
  return out;
}

std::string manifest(std::string_view targets, std::string_view more = "") {
  return "spin_manifest_version = 2\n[application]\nname = \"a\"\ntargets = [" +
         std::string(targets) +
         "]\n[[trigger.http]]\nroute = \"/\"\ncomponent = \"c\"\n[component.c]\nsource = "
         "\"c.wasm\"\n" +
         std::string(more);
}

constexpr std::string_view kHttp = "[triggers]\nhttp = { worlds = [";

class OneText final : public loader::SourceFetcher {
 public:
  explicit OneText(std::string text) : text_(std::move(text)) {}
  Result<void> fetch(const std::string& url, loader::ByteSink& sink) override {
    asked += url + "\n";
    return sink.write(as_bytes(text_));
  }
  std::string asked;

 private:
  std::string text_;
};

class OnePackage final : public loader::PackageFetcher {
 public:
  explicit OnePackage(std::string path) : path_(std::move(path)) {}
  Result<std::string> fetch(const loader::PackageRequest& request) override {
    asked += request.registry + " " + request.package + " " + request.version + "\n";
    return path_;
  }
  std::string asked;

 private:
  std::string path_;
};

}  // namespace

TEST_CASE("environments in files, worlds in folders of text") {
  const TestFolder folder;
  folder.write("c.wasm", kImporting);
  folder.write("envs/wide.toml", std::string(kHttp) + "{ path = \"wit\", world = \"x:y/w\" }] }\n");
  folder.write("envs/wit/w.wit", "package x:y;\nworld w { import a:b/c@1.2.0; }\nworld n {}\n");
  folder.write("envs/wit/deps/b/b.wit", "package a:b@1.2.0;\ninterface c { f: func(); }\n");
  folder.write(
      "envs/narrow.toml", std::string(kHttp) + "{ path = \"wit\", world = \"x:y/n\" }] }\n"
  );
  folder.write(
      "envs/either.toml",
      std::string(kHttp) +
          "{ path = \"wit\", world = \"x:y/n\" }, { path = \"wit\", world = "
          "\"x:y/w\" }] }\n"
  );
  folder.write("envs/none.toml", std::string(kHttp) + "{ path = \"wit\", world = \"x:y/z\" }] }\n");
  const std::string narrow =
      "Component c (file \"c.wasm\") can't run in environment narrow (world x:y/n).\n"
      "The component requires the following imports, which the environment does not provide:\n"
      "  - a:b/c@1.0.0\n";
  CHECK(check(folder, {manifest("{ path = \"envs/wide.toml\" }"), {}}) == "");
  CHECK(check(folder, {manifest("{ path = \"envs/either.toml\" }"), {}}) == "");
  CHECK(check(folder, {manifest("{ path = \"envs/narrow.toml\" }"), {}}) == narrow);
  CHECK(
      check(folder, {manifest("{ path = \"envs/none.toml\" }"), {}}) ==
      "wit package did not contain a world named 'z'"
  );
  // A component's own list counts in place of the application's.
  CHECK(check(folder, {manifest("{ path = \"envs/narrow.toml\" }", "targets = []\n"), {}}) == "");
  CHECK(
      check(
          folder,
          {manifest(
               "{ path = \"envs/wide.toml\" }", "targets = [{ path = \"envs/narrow.toml\" }]\n"
           ),
           {}}
      ) == narrow
  );
  CHECK(check(folder, {manifest("{ path = \"envs/narrow.toml\" }"), {"other"}}) == "");
}

TEST_CASE("dependencies count as parts of their component") {
  const TestFolder folder;
  folder.write("c.wasm", kImporting);
  // (component (component) (instance (instantiate 0)) (export "a:b/c@1.0.0" (instance 0)))
  folder.write(
      "d.wasm",
      std::string_view(
          "\0asm\x0d\0\x01\0\x04\x08\0asm\x0d\0\x01\0\x05\x04\x01\x00\x00\x00\x0b\x11\x01\x00\x0b"
          "a:b/c@1.0.0\x05\x00\x00",
          43
      )
  );
  folder.write("n.toml", std::string(kHttp) + "{ path = \"w\", world = \"x:y/n\" }] }\n");
  folder.write("w/w.wit", "package x:y;\nworld n {}\n");
  CHECK(
      check(
          folder,
          {manifest(
               "{ path = \"n.toml\" }",
               "dependencies = { \"a:b/c@1.0.0\" = { path = \"d.wasm\" } }\n"
           ),
           {}}
      ) == ""
  );
  CHECK(
      check(
          folder,
          {manifest(
               "{ path = \"n.toml\" }", "dependencies = { \"q:q\" = { path = \"d.wasm\" } }\n"
           ),
           {}}
      ) ==
      "error: Failed to prepare components for target environment checking: Spin needed to compose "
      "dependencies for c as part of target checking, but composition failed: dependency 'q:q' "
      "doesn't match any imports of component 'c'"
  );
}

TEST_CASE("types of triggers, requirements of components") {
  const TestFolder folder;
  folder.write("c.wasm", kEmpty);
  folder.write("redis.toml", "[triggers]\nredis = { worlds = [] }\n");
  folder.write("open.toml", "default = { worlds = [] }\n[triggers]\n");
  folder.write(
      "chaining.toml",
      "[triggers]\nhttp = { worlds = [], capabilities = [\"local_service_chaining\"] }\n"
  );
  const std::string chains = "allowed_outbound_hosts = [\"http://x.spin.internal\"]\n";
  CHECK(
      check(folder, {manifest("{ path = \"redis.toml\" }"), {}}) ==
      "error: Environment redis does not support trigger type http"
  );
  CHECK(check(folder, {manifest("{ path = \"open.toml\" }"), {}}) == "");
  CHECK(check(folder, {manifest("{ path = \"chaining.toml\" }", chains), {}}) == "");
  CHECK(
      check(folder, {manifest("{ path = \"open.toml\" }", chains), {}}) ==
      "Component c can't run in environment open because it requires the feature(s) "
      "'local_service_chaining' which the environment does not support"
  );
  // What has no component needs no environment for it.
  CHECK(
      check(
          folder,
          {manifest(
               "{ path = \"open.toml\" }",
               "[[trigger.http]]\nroute = \"/s\"\nstatic_response = { body = \"x\" }\n"
           ),
           {}}
      ) == ""
  );
}

TEST_CASE("the catalogue comes before what is known without") {
  const TestFolder folder;
  folder.write("c.wasm", kImporting);
  CHECK(
      check(folder, {manifest("\"spin-up:4.1\""), {}}) ==
      "Component c (file \"c.wasm\") can't run in environment spin-up@4.1 (world "
      "spin:up/http-trigger@4.1.0).\n"
      "The component requires the following imports, which the environment does not provide:\n"
      "  - a:b/c@1.0.0\n"
      "The environment requires the following exports, which the component does not provide:\n"
      "  - wasi:http/handler@0.3.0 (instance)\n"
  );
  folder.write("catalogue/spin-up/spin-up@4.1.toml", "default = { worlds = [] }\n[triggers]\n");
  CHECK(check(folder, {manifest("\"spin-up:4.1\""), {}}) == "");
  for (const char* name : {"nobody", "../x", "..", "a/b", ""}) {
    CAPTURE(name);
    CHECK(
        check(folder, {manifest("\"" + std::string(name) + "\""), {}}) ==
        "error: Cannot load target environment '" + std::string(name) + "'"
    );
  }
}

TEST_CASE("descriptions from the network") {
  const TestFolder folder;
  folder.write("c.wasm", kEmpty);
  OneText description("[triggers]\nredis = { worlds = [] }\n");
  const std::string text = manifest("{ url = \"http://h.example/envs/e.toml?x\" }");
  CHECK(
      check(folder, {text, {}, &description}) ==
      "error: Environment e does not support trigger type http"
  );
  CHECK(description.asked == "http://h.example/envs/e.toml?x\n");
  OneText long_one(std::string(2 << 20, '#'));
  CHECK(
      check(folder, {text, {}, &long_one}).ends_with("the description is longer than 1048576 bytes")
  );
  CHECK(check(folder, {text, {}}) == "error: this command does not download target environments");
}

TEST_CASE("worlds of registries are kept by digest") {
  const TestFolder folder;
  folder.write("c.wasm", kImporting);
  const std::string digest = "sha256:" + to_hex(sha256(as_bytes(kPackage)));
  folder.write("cache/wasm/" + digest, kPackage);
  folder.write(
      "e.toml", std::string(kHttp) + "{ registry = \"r.example\", world = \"t:p/w@1.0.0\" }] }\n"
  );
  const std::string text = manifest("{ path = \"e.toml\" }");
  CHECK(
      check(folder, {text, {}}) ==
      "error: Failed to get t:p@1.0.0 from registry: packages of interfaces are not fetched from "
      "registries yet"
  );
  OnePackage packages(folder.path("cache/wasm/" + digest));
  const std::string misses =
      "Component c (file \"c.wasm\") can't run in environment e (world t:p/w@1.0.0).\n"
      "The component requires the following imports, which the environment does not provide:\n"
      "  - a:b/c@1.0.0\n";
  CHECK(check(folder, {text, {}, nullptr, &packages}) == misses);
  CHECK(packages.asked == "r.example t:p 1.0.0\n");
  CHECK(
      folder.read(".spin/target-environments.lock") ==
      "{\n  \"r.example\": {\n    \"package\": {\n      \"t:p@1.0.0\": \"" + digest +
          "\"\n    }\n  }\n}"
  );
  // Next time nobody is asked.
  CHECK(check(folder, {text, {}}) == misses);
  folder.write("bare.toml", std::string(kHttp) + "\"t:p/w\"] }\n");
  CHECK(
      check(folder, {manifest("{ path = \"bare.toml\" }"), {}}) ==
      "error: t:p/w is unversioned: this is not currently supported"
  );
}

TEST_CASE("what cannot be read") {
  const TestFolder folder;
  folder.write("c.wasm", kEmpty);
  folder.write("e.toml", std::string(kHttp) + "{ path = \"none\", world = \"x:y/n\" }] }\n");
  folder.write("f.toml", std::string(kHttp) + "{ path = \"w\", world = \"x:y/n\" }] }\n");
  folder.write("w/w.wit", "package x:y;\nworld n {\n");
  folder.write("open.toml", "default = { worlds = [] }\n[triggers]\n");
  const std::string root = folder.root();
  CHECK(
      check(folder, {manifest("{ path = \"no.toml\" }"), {}}) ==
      "error: unable to read target environment from \"" + root +
          "/no.toml\": No such file or directory (os error 2)"
  );
  CHECK(
      check(folder, {manifest("{ path = \"e.toml\" }"), {}}) ==
      "error: failed to parse package: " + root + "/none: failed to read directory \"" + root +
          "/none\": No such file or directory (os error 2)"
  );
  CHECK(check(
            folder, {manifest("{ path = \"f.toml\" }"), {}}
  ).starts_with("error: failed to parse package: " + root + "/w: expected `import`"));
  CHECK(
      check(
          folder,
          {manifest(
               "{ path = \"open.toml\" }",
               "[[trigger.http]]\nroute = \"/x\"\ncomponent = \"nope\"\n"
           ),
           {}}
      ) ==
      "error: Failed to prepare components for target environment checking: Component nope "
      "specified for trigger nope-http-trigger does not exist"
  );
  const TestFolder unbuilt;
  unbuilt.write("open.toml", "default = { worlds = [] }\n[triggers]\n");
  CHECK(
      check(unbuilt, {manifest("{ path = \"open.toml\" }"), {}}) ==
      "error: Failed to prepare components for target environment checking: Spin needed to compose "
      "dependencies for c as part of target checking, but composition failed: an error occurred "
      "when preparing dependencies: reading \"c.wasm\": No such file or directory (os error 2)"
  );
}

}  // namespace whorl::build
