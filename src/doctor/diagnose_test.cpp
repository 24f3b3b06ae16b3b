#include "doctor/diagnose.hpp"

#include "doctor/edit.hpp"
#include "fs/file.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <filesystem>

namespace whorl::doctor {
namespace {

constexpr std::string_view kGood =
    "spin_manifest_version = 2\n[application]\nname = \"x\"\n[[trigger.http]]\nroute = \"/\"\n"
    "component = \"a\"\n[component.a]\nsource = \"a.wasm\"\n";

/// A finding a line: how bad, its cure, its text.
std::string found_in(const fs::test::TestFolder& folder, std::string_view text) {
  const auto rust = [] {
    return RustTools{.has_cargo = true, .target = RustTools::Target::Missing};
  };
  const auto seen = examine(folder.write("spin.toml", text), rust);
  if (!seen) {
    return seen.error().to_line();
  }
  static constexpr std::string_view kCures[] = {
      "none", "build", "upgrade", "rust-target", "version", "trigger", "route"
  };
  std::string out;
  for (const Diagnosis& diagnosis : seen->diagnoses) {
    out += fmt::format(
        "{} {} {}: {}\n",
        diagnosis.severity == Diagnosis::Severity::Error ? "error" : "warning",
        kCures[static_cast<std::size_t>(diagnosis.cure)],
        diagnosis.value,
        diagnosis.text.substr(0, diagnosis.text.find('\n'))
    );
  }
  return out;
}

constexpr std::string_view kOld =
    "spin_manifest_version = \"1\"\nname = \"x\"\nversion = \"1\"\ntrigger = { type = \"http\" "
    "}\n[[component]]\nid = \"a\"\nsource = \"a.wasm\"\n[component.trigger]\nroute = \"/\"\n";

/// One text with a part of it replaced.
std::string with(std::string_view text, std::string_view part, std::string_view instead) {
  std::string out(text);
  const auto at = out.find(part);
  REQUIRE(at != std::string::npos);
  return out.replace(at, part.size(), instead);
}

TEST_CASE("every diagnosis of Spin's, with its cure") {
  const fs::test::TestFolder folder;
  folder.write("a.wasm", "");
  const std::string upgrade = "warning upgrade : Version 1 manifest can be upgraded to version 2\n";
  const std::string route = "route = \"/\"\n";
  struct Case {
    std::string manifest;
    std::string found;
  };
  const Case cases[] = {
      {std::string(kGood), ""},
      {std::string(kOld), upgrade},
      {"",
       "error version 2: Manifest missing 'spin_manifest_version' key\n"
       "error trigger : missing top-level trigger config\n"},
      {with(kGood, "spin_manifest_version = 2\n", ""),
       "error version 2: Manifest missing 'spin_manifest_version' key\n"},
      {with(kOld, "spin_manifest_version = \"1\"\n", ""),
       "error version \"1\": Manifest missing 'spin_manifest_version' key\n"},
      {with(kOld, "spin_manifest_version", "spin_version"),
       upgrade + "warning version \"1\": Manifest using old 'spin_version' key\n"},
      {with(kGood, "spin_manifest_version", "spin_version"),
       "warning version 2: Manifest using old 'spin_version' key\n"},
      {with(kOld, "\"1\"", "1"),
       "error version \"1\": Manifest 'spin_manifest_version' must be \"1\" or 2, not 1\n"},
      {with(kGood, "= 2", "= \"2\""),
       "error version 2: Manifest 'spin_manifest_version' must be \"1\" or 2, not \"2\"\n"},
      {with(kGood, "= 2", "= 2.5"),
       "error version 2: Manifest 'spin_manifest_version' must be \"1\" or 2, not 2.5\n"},
      {with(kOld, "trigger = { type = \"http\" }\n", ""),
       upgrade + "error trigger : missing top-level trigger config\n"},
      {with(kOld, "{ type = \"http\" }", "\"http\""),
       upgrade + "error none : Invalid app trigger config: not a table\n"},
      {with(kOld, "{ type = \"http\" }", "{}"),
       upgrade + "error none : Invalid app trigger config: trigger table missing type\n"},
      {with(kOld, "\"http\"", "7"),
       upgrade + "error none : Invalid app trigger config: type must be a string\n"},
      {with(kOld, route, ""), upgrade + "error route : HTTP component \"a\" missing trigger.route\n"
      },
      {with(kOld, "[component.trigger]\n" + route, ""),
       upgrade + "error route : HTTP component \"a\" missing trigger.route\n"},
      {with(with(kOld, "id = \"a\"\n", ""), route, ""),
       upgrade + "error route : HTTP component \"<missing ID>\" missing trigger.route\n"},
      {with(kOld, "\"/\"", "7"),
       upgrade +
           "error none : Invalid trigger config for http component \"a\": route is not a string\n"},
      {with(kOld, "[component.trigger]\n" + route, "trigger = \"x\"\n"),
       upgrade + "error none : Invalid trigger config for http component \"a\": not a table\n"},
      {with(kOld, route, "") + "[[component]]\nid = \"b\"\nsource = \"a.wasm\"\ntrigger = {}\n",
       upgrade + "error none : HTTP component \"a\" missing trigger.route\nerror none : HTTP "
                 "component \"b\" missing trigger.route\n"},
      {with(with(kOld, route, ""), "\"http\"", "\"redis\""), upgrade},
      {with(kGood, "a.wasm", "b.wasm"),
       "error none a: Component \"a\" source \"b.wasm\" is missing\n"},
      {with(kGood, "a.wasm", "b.wasm") + "build.command = \"make\"\n",
       "error build a: Component \"a\" source \"b.wasm\" is missing\n"},
      {std::string(kGood) + "build.command = \"cargo build\"\n",
       "error rust-target : The required Rust target 'wasm32-wasip2' isn't installed\n"},
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.manifest);
    CHECK(found_in(folder, tried.manifest) == tried.found);
  }
}

TEST_CASE("what only we look for") {
  const fs::test::TestFolder folder;
  folder.write("a.wasm", "");
  struct Case {
    std::string manifest;
    std::string found;
  };
  const Case cases[] = {
      {std::string(kGood) + "bogus = 1\n", "error none : The manifest cannot be used:\n"},
      {with(kGood, "component = \"a\"", "component = \"b\""),
       "error none : Trigger \"b-http-trigger\" names component \"b\", which does not exist\n"},
      {std::string(kGood) + "dependencies = { \"x:y\" = { path = \"d.wasm\" } }\n",
       "error none : Component \"a\" dependency \"x:y\" source \"d.wasm\" is missing\n"},
      {std::string(kGood) + "files = [\"*.txt\", { source = \"s\", destination = \"/\" }]\n",
       "error none : Component \"a\" mounts \"s\", which does not exist\n"},
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.manifest);
    CHECK(found_in(folder, tried.manifest) == tried.found);
  }
  const std::string watched =
      std::string(kGood) + "build = { command = \"make\", watch = [\"*.c\"] }\n";
  CHECK(found_in(folder, watched) == "");
  const std::string source = folder.write("a.c", "");
  std::filesystem::last_write_time(
      source, std::filesystem::last_write_time(source) + std::chrono::hours(1)
  );
  CHECK(
      found_in(folder, watched) ==
      "warning build a: Component \"a\" was built before its sources were changed\n"
  );
}

TEST_CASE("tools for Rust are asked for only where they are needed") {
  const fs::test::TestFolder folder;
  folder.write("a.wasm", "");
  const std::string cargo = std::string(kGood) + "build.command = \"cargo build\"\n";
  const std::string path = folder.write("spin.toml", cargo);
  const auto unknown = examine(path, [] {
    return RustTools{.has_cargo = true, .target = RustTools::Target::Unknown};
  });
  REQUIRE(unknown);
  CHECK(unknown->diagnoses.empty());
  CHECK(
      unknown->notes ==
      std::vector<std::string>{
          "Spin Doctor can't determine if the Rust wasm32-wasip2 target is installed."
      }
  );
  const auto none = examine(path, [] {
    return RustTools{.has_cargo = false, .target = RustTools::Target::Unknown};
  });
  REQUIRE(none);
  REQUIRE(none->diagnoses.size() == 1);
  CHECK(none->diagnoses[0].text == "The Rust compiler isn't installed");
}

TEST_CASE("what is no manifest at all") {
  const fs::test::TestFolder folder;
  CHECK(examine("/nosuch/spin.toml").error().kind() == ErrorKind::NotFound);
  const std::string path = folder.write("spin.toml", "[[[");
  const auto examined = examine(path);
  REQUIRE_FALSE(examined);
  CHECK(
      examined.error().contexts().back() ==
      "Couldn't parse manifest file at " + fs::quote_path(path) + " as valid TOML"
  );
}

TEST_CASE("an edit keeps the old text") {
  const fs::test::TestFolder folder;
  const std::string path = folder.write("spin.toml", "[application]\nname = \"x\"\n");
  REQUIRE(edit_manifest(path, {.cure = Diagnosis::Cure::SetVersion, .value = "2"}));
  CHECK(
      as_text(*fs::read_file(path, 4096)) ==
      "spin_manifest_version = 2\n[application]\nname = \"x\"\n"
  );
  CHECK(as_text(*fs::read_file(path + ".bak", 4096)) == "[application]\nname = \"x\"\n");
}

}  // namespace
}  // namespace whorl::doctor
