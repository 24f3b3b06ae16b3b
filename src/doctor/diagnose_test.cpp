#include "doctor/diagnose.hpp"

#include "fs/file.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

namespace whorl::doctor {
namespace {

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/whorl-doctor-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string write(std::string_view name, std::string_view text) const {
    std::string path = fs::join(path_, name);
    REQUIRE(fs::write_file_atomic(path, as_bytes(text)));
    return path;
  }

 private:
  std::string path_;
};

constexpr std::string_view kGood =
    "spin_manifest_version = 2\n[application]\nname = \"x\"\n[[trigger.http]]\nroute = \"/\"\n"
    "component = \"a\"\n[component.a]\nsource = \"a.wasm\"\n";

TEST_CASE("a manifest with nothing wrong") {
  const Folder folder;
  static_cast<void>(folder.write("a.wasm", ""));
  CHECK(examine(folder.write("spin.toml", kGood))->empty());
}

TEST_CASE("what is wrong with a manifest") {
  const Folder folder;
  const auto examined = [&](std::string_view text) {
    return *examine(folder.write("spin.toml", text));
  };
  const auto missing = examined(kGood);
  REQUIRE(missing.size() == 1);
  CHECK(missing[0].text == "Component \"a\" source \"a.wasm\" is missing");
  CHECK(missing[0].cure == Diagnosis::Cure::None);
  const auto unbuilt = examined(std::string(kGood) + "build.command = \"make\"\n");
  REQUIRE(unbuilt.size() == 1);
  CHECK(unbuilt[0].cure == Diagnosis::Cure::Build);

  const auto unversioned = examined("name = \"x\"\n");
  REQUIRE(unversioned.size() == 2);
  CHECK(unversioned[0].text == "Manifest missing 'spin_manifest_version' key");
  CHECK(unversioned[0].cure == Diagnosis::Cure::WriteVersion);
  CHECK(
      examined("spin_manifest_version = 3\n").at(0).text ==
      "Manifest 'spin_manifest_version' must be \"1\" or 2, not 3"
  );
  const auto empty = examined("");
  REQUIRE(empty.size() == 2);
  CHECK(empty[1].text == "missing top-level trigger config");
  const auto routeless = examined(
      "spin_manifest_version = 1\nname = \"x\"\ntrigger = { type = \"http\" }\n"
      "[[component]]\nid = \"a\"\nsource = \"a.wasm\"\n"
  );
  REQUIRE(routeless.size() >= 2);
  CHECK(routeless[0].text == "Manifest 'spin_manifest_version' must be \"1\" or 2, not 1");
  CHECK(routeless[0].advice == "write `spin_manifest_version = \"1\"`");
  CHECK(routeless[1].text == "HTTP component \"a\" missing trigger.route");
  const auto old = examined(
      "spin_version = \"1\"\nname = \"x\"\nversion = \"1\"\ntrigger = { type = \"http\" }\n"
      "[[component]]\nid = \"a\"\nsource = \"a.wasm\"\n[component.trigger]\nroute = \"/\"\n"
  );
  REQUIRE(!old.empty());
  CHECK(old[0].text == "Version 1 manifest can be upgraded to version 2");
  CHECK(old[0].severity == Diagnosis::Severity::Warning);
  const auto bogus = examined(std::string(kGood) + "bogus = 1\n");
  REQUIRE(!bogus.empty());
  CHECK(bogus[0].text.starts_with("The manifest cannot be used:\nTOML parse error at line 9"));
}

TEST_CASE("what is no manifest at all") {
  const Folder folder;
  CHECK(examine("/nosuch/spin.toml").error().kind() == ErrorKind::NotFound);
  const std::string path = folder.write("spin.toml", "[[[");
  const auto examined = examine(path);
  REQUIRE_FALSE(examined);
  CHECK(
      examined.error().contexts().back() ==
      "Couldn't parse manifest file at " + fs::quote_path(path) + " as valid TOML"
  );
}

TEST_CASE("a version is written at the head") {
  const Folder folder;
  const std::string path = folder.write("spin.toml", "[application]\nname = \"x\"\n");
  REQUIRE(write_version(path));
  CHECK(
      as_text(*fs::read_file(path, 4096)) ==
      "spin_manifest_version = 2\n[application]\nname = \"x\"\n"
  );
  CHECK(as_text(*fs::read_file(path + ".bak", 4096)) == "[application]\nname = \"x\"\n");
}

}  // namespace
}  // namespace whorl::doctor
