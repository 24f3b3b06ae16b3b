#include "component/inspect.hpp"

#include "component/test_components.hpp"
#include "component/test_wasm.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace whorl::component {
namespace {

using testing::Guest;
using Standing = Inspection::Import::Standing;

Inspection inspected(const Bytes& bytes) {
  auto out = inspect_binary(testing::test_registry(), bytes);
  REQUIRE_MESSAGE(out, (out ? "" : out.error().to_line()));
  return *std::move(out);
}

TEST_CASE("a component tells its world, its parts, and that it would run") {
  const Bytes bytes = Guest{}.bytes();
  const Inspection found = inspected(bytes);
  CHECK(found.kind == BinaryKind::Component);
  CHECK(found.bytes == bytes.size());
  CHECK(found.modules.size() == 3);
  CHECK(found.modules[0].code_bytes > 0);
  CHECK(found.modules[0].data_bytes > 0);
  REQUIRE(found.imports.size() == 1);
  CHECK(found.imports[0].name == "test:host/log@1.0.0");
  CHECK(found.imports[0].standing == Standing::Offered);
  CHECK(found.imports[0].offered == "test:host/log@1.2.0");
  CHECK(found.exports == std::vector<std::string>{"test:guest/run@1.0.0"});
  CHECK_FALSE(found.refusal);
  CHECK(found.wit == R"(package root:component;

world root {
  import test:host/log@1.0.0;
  export test:guest/run@1.0.0;
}

package test:host@1.0.0 {
  interface log {
    resource thing;
    log: func(text: string);
  }
}

package test:guest@1.0.0 {
  interface run {
    run: func() -> u32;
  }
}
)");
}

TEST_CASE("the same world through a nested component") {
  Guest guest;
  guest.reexport = true;
  const Inspection found = inspected(guest.bytes());
  CHECK(found.nested_components == 1);
  CHECK(found.wit == inspected(Guest{}.bytes()).wit);
}

TEST_CASE("what is missing is told with the versions there are, and why it would not run") {
  Guest guest;
  guest.interface = "test:host/log@2.0.0";
  const Inspection found = inspected(guest.bytes());
  REQUIRE(found.imports.size() == 1);
  CHECK(found.imports[0].standing == Standing::Missing);
  CHECK(found.imports[0].offered == "1.2.0");
  REQUIRE(found.refusal);
  CHECK(found.refusal->message().contains(
      "imports the interface test:host/log@2.0.0; this host offers it as 1.2.0"
  ));
  CHECK_FALSE(found.refusal->help().empty());
}

TEST_CASE("core modules with and without a world") {
  testing::BareModule parts;
  const Inspection bare = inspected(testing::bare_module(parts));
  CHECK(bare.kind == BinaryKind::CoreModule);
  CHECK(bare.wit.empty());
  REQUIRE(bare.imports.size() == 1);
  CHECK(bare.imports[0].name == "test:host/log@1.0.0");
  CHECK(bare.imports[0].standing == Standing::Offered);
  parts.component_type = testing::world_of(Guest{});
  const Inspection with_world = inspected(testing::bare_module(parts));
  CHECK(with_world.wit.contains("import test:host/log@1.0.0;"));
  CHECK(with_world.wit.contains("run: func() -> u32;"));
  CHECK_FALSE(with_world.customs.empty());
}

TEST_CASE("producers and custom sections, damaged ones passed over") {
  testing::Wasm producers;
  producers.name("producers").leb(1).name("language").leb(1).name("C").name("11");
  testing::Wasm damaged;
  damaged.name("producers").leb(9).name("x");
  const Bytes bytes = testing::component({
      testing::section(0, producers),
      testing::section(0, damaged),
  });
  const Inspection found = inspected(bytes);
  REQUIRE(found.producers.size() == 1);
  CHECK(found.producers[0] == Inspection::Producer{"language", "C", "11"});
  REQUIRE(found.customs.size() == 1);
  CHECK(found.customs[0].count == 2);
}

TEST_CASE("what is no WebAssembly, and what ends early, is an error") {
  CHECK_FALSE(inspect_binary(testing::test_registry(), Bytes{}));
  const Bytes whole = Guest{}.bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    (void)inspect_binary(testing::test_registry(), ByteView(whole).first(size));
  }
}

TEST_CASE("every prebuilt guest can be inspected") {
  const char* given = std::getenv("WHORL_GUESTS");
  const std::filesystem::path folder =
      given != nullptr ? given : std::filesystem::path(WHORL_SOURCE_DIR) / "../shared/guests";
  if (!std::filesystem::exists(folder)) {
    MESSAGE("SKIPPED: no prebuilt guests (WHORL_GUESTS or ../shared/guests)");
    return;
  }
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".wasm") {
      continue;
    }
    ++count;
    CAPTURE(entry.path().filename().string());
    std::ifstream in(entry.path(), std::ios::binary);
    const Bytes bytes = {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const Inspection found = inspected(bytes);
    CHECK(found.bytes == bytes.size());
    CHECK_FALSE(found.modules.empty());
    CHECK_FALSE(found.exports.empty());
    if (found.kind == BinaryKind::Component) {
      CHECK(found.wit.starts_with("package root:component;\n\nworld root {\n  import "));
      CHECK_FALSE(found.producers.empty());
      CHECK_FALSE(found.wit.contains("_("));
    }
    if (std::getenv("WHORL_SHOW_WIT") != nullptr) {
      MESSAGE(entry.path().string() << "\n" << found.wit);
    }
  }
  CHECK(count >= 28);
}

}  // namespace
}  // namespace whorl::component
