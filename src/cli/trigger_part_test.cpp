#include "cli/trigger_part.hpp"

#include "app/file_url.hpp"
#include "fs/file.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <functional>

namespace whorl::cli {
namespace {

app::Trigger trigger(const std::string& type, const std::string& component) {
  app::Value config(app::Value::Table{});
  config.set("component", app::Value(component));
  return {.id = type, .type = type, .config = std::move(config)};
}

/// Two triggers, each with a component of its own; that of "timer" has a file.
app::LockedApp example(const fs::test::TestFolder& folder, const std::string& assets) {
  app::LockedApp out;
  out.name = "a";
  out.trigger_globals = app::Value(app::Value::Table{});
  out.triggers = {trigger("http", "web"), trigger("timer", "tick")};
  for (const char* id : {"web", "tick"}) {
    app::Component component;
    component.id = id;
    component.source_path = folder.write(std::string(id) + ".wasm", id);
    out.components.push_back(std::move(component));
  }
  const std::string copies = fs::join(fs::join(folder.path(), assets), "tick");
  folder.write(assets + "/tick/a.txt", "one");
  out.components[1].files = {
      {.content = {.url = app::to_file_url(copies), .inline_bytes = {}}, .path = "/"}
  };
  out.components[1].mounts = {{.host_path = copies, .guest_path = "/"}};
  return out;
}

std::string timers(const app::LockedApp& app, const fs::test::TestFolder& folder) {
  const auto part = part_of(app, "timer", fs::join(folder.path(), "assets"));
  REQUIRE(part);
  return *part;
}

TEST_CASE("a part is what its trigger would notice") {
  const fs::test::TestFolder folder;
  const app::LockedApp before = example(folder, "assets");
  const std::string part = timers(before, folder);
  using Change = std::move_only_function<void(app::LockedApp&)>;
  struct Row {
    const char* what;
    bool is_noticed;
    Change change;
  };
  Row rows[] = {
      {"nothing", false, [](auto&) {}},
      {"another component", false, [](auto& app) { app.components[0].environment["A"] = "b"; }},
      {"another component's code", false, [&](auto&) { folder.write("web.wasm", "new"); }},
      {"another trigger", false, [](auto& app) { app.triggers[0].id = "x"; }},
      {"another folder of copies", false, [&](auto& app) { app = example(folder, "assets.1"); }},
      {"its trigger", true, [](auto& app) { app.triggers[1].id = "x"; }},
      {"one trigger more", true, [](auto& app) { app.triggers.push_back(trigger("timer", "web")); }
      },
      {"its component", true, [](auto& app) { app.components[1].environment["A"] = "b"; }},
      {"a variable", true, [](auto& app) { app.variables["v"].default_value = "x"; }},
      {"the name of the whole", true, [](auto& app) { app.name = "b"; }},
      {"its settings",
       true,
       [](auto& app) { app.trigger_globals.set("timer", app::Value(app::Value::Table{})); }},
      {"another type's settings",
       false,
       [](auto& app) { app.trigger_globals.set("http", app::Value(app::Value::Table{})); }},
      {"its component's code", true, [&](auto&) { folder.write("tick.wasm", "new"); }},
      {"its component's files", true, [&](auto&) { folder.write("assets/tick/a.txt", "two"); }},
      {"a file more", true, [&](auto&) { folder.write("assets/tick/b/c.txt", ""); }},
  };
  for (Row& row : rows) {
    CAPTURE(row.what);
    app::LockedApp after = example(folder, "assets");
    row.change(after);
    CHECK((timers(after, folder) != part) == row.is_noticed);
    std::filesystem::remove_all(fs::join(folder.path(), "assets"));
  }
}

TEST_CASE("a trigger that names no component may run any of them") {
  const fs::test::TestFolder folder;
  app::LockedApp app = example(folder, "assets");
  app.triggers[1].config = app::Value(app::Value::Table{});
  const std::string part = timers(app, folder);
  app.components[0].environment["A"] = "b";
  CHECK(timers(app, folder) != part);
}

TEST_CASE("what cannot be read is said") {
  const fs::test::TestFolder folder;
  app::LockedApp app = example(folder, "assets");
  app.components[1].source_path = fs::join(folder.path(), "none.wasm");
  CHECK_FALSE(part_of(app, "timer", fs::join(folder.path(), "assets")));
}

}  // namespace
}  // namespace whorl::cli
