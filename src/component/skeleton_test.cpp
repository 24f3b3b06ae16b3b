#include "component/skeleton.hpp"

#include "component/binary.hpp"
#include "component/core_module.hpp"
#include "component/test_components.hpp"
#include "component/test_wasm.hpp"
#include "engine/module.hpp"
#include "engine/validator.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace whorl::component {
namespace {

using testing::body;
using testing::core_export;
using testing::func_type;
using testing::Guest;
using testing::section;
using testing::vec;
using testing::Wasm;

Bytes in_component(const Bytes& module) {
  return testing::component({section(1, testing::raw(module))});
}

/// The one module of a component's skeleton.
CoreModule module_of(const Bytes& skeleton) {
  const auto decoded = decode_component(skeleton);
  REQUIRE_MESSAGE(decoded, (decoded ? "" : decoded.error().to_line()));
  for (const ir::Definition& definition : (*decoded)->definitions) {
    if (const auto* module = std::get_if<ir::CoreModuleDefinition>(&definition.what)) {
      auto scanned = CoreModule::scan(module->bytes);
      REQUIRE_MESSAGE(scanned, (scanned ? "" : scanned.error().to_line()));
      return *std::move(scanned);
    }
  }
  FAIL("no module");
  std::abort();
}

TEST_CASE("a skeleton has types and exports, and nothing else of its modules") {
  const Wasm nothing = func_type({}, {});
  const Wasm adds = func_type({0x7f, 0x7f}, {0x7f});
  const Bytes module = testing::module({
      section(1, vec({nothing, adds})),
      section(2, vec({testing::func_import("host", "log", 0)})),
      section(3, vec({Wasm{0}, Wasm{1}, Wasm{0}})),
      section(5, vec({Wasm{0, 1}})),
      section(
          7, vec({core_export("memory", 2, 0), core_export("add", 0, 2), core_export("log", 0, 0)})
      ),
      section(8, Wasm{3}),
      section(10, vec({body({0x01}), body({0x20, 0, 0x20, 1, 0x6a}), body({0x01, 0x01})})),
      section(11, vec({Wasm{0, 0x41, 0, 0x0b, 2, 'h', 'i'}})),
      section(0, Wasm().name("producers").byte(0)),
  });
  const auto skeleton = make_skeleton(in_component(module));
  REQUIRE(skeleton);
  const CoreModule left = module_of(*skeleton);
  CHECK(left.imports().size() == 1);
  CHECK(left.count(CoreKind::Func) == 3);  // the import, add, the start function
  CHECK(left.find_export("add")->index == 1);
  CHECK(left.find_export("log")->index == 0);
  CHECK(left.start() == 2);
  CHECK(engine::to_string(*left.export_type("add")) == "(i32, i32) -> i32");
  CHECK_FALSE(left.has_data());
  CHECK(skeleton->size() < module.size());
  CHECK(engine::judge_component(*skeleton).verdict == engine::Verdict::Valid);
  // A skeleton is its own skeleton.
  const auto again = make_skeleton(*skeleton);
  REQUIRE(again);
  CHECK(*again == *skeleton);
}

TEST_CASE("initial values that name functions keep all of them") {
  const Bytes module = testing::module({
      section(1, vec({func_type({}, {})})),
      section(3, vec({Wasm{0}, Wasm{0}})),
      section(6, vec({Wasm{0x70, 0, 0xd2, 1, 0x0b}})),
      section(7, vec({core_export("g", 3, 0)})),
      section(10, vec({body({}), body({})})),
  });
  const auto skeleton = make_skeleton(in_component(module));
  REQUIRE(skeleton);
  CHECK(module_of(*skeleton).count(CoreKind::Func) == 2);
  CHECK(engine::judge_component(*skeleton).verdict == engine::Verdict::Valid);
}

TEST_CASE("nested components have skeletons too") {
  const Bytes module = testing::module({section(0, Wasm().name("name").byte(0))});
  const Bytes nested = testing::component({section(4, testing::raw(in_component(module)))});
  const auto skeleton = make_skeleton(nested);
  REQUIRE(skeleton);
  const Bytes wanted = testing::component({section(
      4, testing::raw(testing::component({section(1, testing::raw(testing::module({})))}))
  )});
  CHECK(*skeleton == wanted);
}

TEST_CASE("damaged bytes are errors") {
  // Found by fuzzing: the second function section was shorter than the first.
  const Bytes twice = testing::module({
      section(1, vec({func_type({}, {})})),
      section(3, vec({Wasm{0}, Wasm{0}})),
      section(3, vec({Wasm{0}})),
  });
  CHECK(make_skeleton(in_component(twice)));
  const Bytes whole = Guest{}.bytes();
  int errors = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    errors += make_skeleton(ByteView(whole).first(size)) ? 0 : 1;
  }
  // What is cut between two sections is a shorter component.
  CHECK(errors > static_cast<int>(whole.size()) - 20);
  Bytes deep = testing::component({});
  for (int i = 0; i < 120; ++i) {
    deep = testing::component({section(4, testing::raw(deep))});
  }
  CHECK_FALSE(make_skeleton(deep));
}

TEST_CASE("a component that only our own checks would let through is refused once, not cached") {
  const fs::test::TestFolder cached;
  {
    auto cache = engine::ModuleCache::open(cached.path());
    REQUIRE(cache);
    const Bytes bad = testing::component({section(7, vec({Wasm{0x70, 5}}))});
    for (int i = 0; i < 2; ++i) {
      const auto judged = validate_by_skeleton(&*cache, bad);
      REQUIRE_FALSE(judged);
      CHECK(judged.error().kind() == ErrorKind::InvalidInput);
      CHECK(judged.error().message().starts_with("the component is not well typed: unknown type 5")
      );
    }
    CHECK(std::filesystem::is_empty(cached.path()));
    const Bytes good = Guest{}.bytes();
    CHECK(validate_by_skeleton(nullptr, good));
    CHECK(validate_by_skeleton(&*cache, good));
    CHECK_FALSE(std::filesystem::is_empty(cached.path()));
    CHECK(validate_by_skeleton(&*cache, good));
  }
}

// What it costs, with WHORL_SHOW_COST set.
TEST_CASE("every prebuilt component is well typed") {
  const char* given = std::getenv("WHORL_GUESTS");
  const std::filesystem::path folder =
      given != nullptr ? given : std::filesystem::path(WHORL_SOURCE_DIR) / "../shared/guests";
  if (!std::filesystem::exists(folder)) {
    MESSAGE("SKIPPED: no prebuilt guests (WHORL_GUESTS or ../shared/guests)");
    return;
  }
  const fs::test::TestFolder cached;
  {
    auto cache = engine::ModuleCache::open(cached.path());
    REQUIRE(cache);
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".wasm") {
        continue;
      }
      std::ifstream in(entry.path(), std::ios::binary);
      const Bytes bytes = {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
      if (*detect_binary(bytes) != BinaryKind::Component) {
        continue;
      }
      const std::string name = entry.path().filename().string();
      CAPTURE(name);
      const auto timed = [&] {
        const auto start = std::chrono::steady_clock::now();
        const auto judged = validate_by_skeleton(&*cache, bytes);
        const auto end = std::chrono::steady_clock::now();
        CHECK_MESSAGE(judged, (judged ? "" : judged.error().to_line()));
        return std::chrono::duration<double, std::milli>(end - start).count();
      };
      const double cold = timed();
      double warm = timed();
      for (int i = 0; i < 5; ++i) {
        warm = std::min(warm, timed());
      }
      if (std::getenv("WHORL_SHOW_COST") != nullptr) {
        MESSAGE(
            name << ": " << bytes.size() << " bytes, skeleton " << make_skeleton(bytes)->size()
                 << ", cold " << cold << " ms, cached " << warm << " ms"
        );
      }
    }
  }
}

}  // namespace
}  // namespace whorl::component
