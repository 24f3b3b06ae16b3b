#include "component/core_module.hpp"

#include "component/test_wasm.hpp"

#include <doctest/doctest.h>

namespace whorl::component {
namespace {

using testing::body;
using testing::core_export;
using testing::func_import;
using testing::func_type;
using testing::section;
using testing::vec;
using testing::Wasm;

/// Imports a function and a memory, defines one function, a table, a global, segments, a start.
Bytes sample() {
  Wasm memory_import;
  memory_import.name("env").name("mem").add({2, 0x01, 1, 4});
  return testing::module({
      section(1, vec({func_type({0x7f}, {0x7e}), func_type({}, {})})),
      section(2, vec({func_import("env", "f", 0), memory_import})),
      section(3, vec({Wasm{1}})),
      section(4, vec({Wasm{0x70, 0x00, 2}})),
      section(6, vec({Wasm{0x7f, 1, 0x41, 5, 0x0b}})),
      section(7, vec({core_export("run", 0, 1), core_export("g", 3, 0)})),
      section(8, Wasm{1}),
      section(9, vec({Wasm{0, 0x41, 1, 0x0b, 1, 1}, Wasm{1, 0, 1, 0}})),
      section(10, vec({body({})})),
      section(11, vec({Wasm{0, 0x41, 0, 0x0b, 2, 'h', 'i'}})),
      section(0, Wasm().name("component-type:x").add({1, 2, 3})),
      section(0, Wasm().name("name").add({0, 3, 2, 'm', 'e'})),
  });
}

TEST_CASE("a module is scanned") {
  const Bytes bytes = sample();
  const auto scanned = CoreModule::scan(bytes, 0x40);
  REQUIRE(scanned.has_value());
  CHECK(scanned->name() == "me");
  REQUIRE(scanned->imports().size() == 2);
  CHECK(scanned->imports()[0].module == "env");
  CHECK(scanned->imports()[1].type.kind == CoreKind::Memory);
  CHECK(scanned->imports()[1].type.limits.max == 4);
  CHECK(scanned->count(CoreKind::Func) == 2);
  CHECK(scanned->imported(CoreKind::Func) == 1);
  CHECK(engine::to_string(*scanned->func_type(0)) == "(i32) -> i64");
  CHECK(engine::to_string(*scanned->export_type("run")) == "() -> ()");
  CHECK(scanned->export_type("g") == nullptr);
  CHECK(scanned->item(CoreKind::Global, 0)->is_mutable);
  CHECK(scanned->start() == 1);
  CHECK(scanned->has_data());
  CHECK(scanned->has_active_segments());
  REQUIRE(scanned->elements().size() == 2);
  CHECK(scanned->elements()[0].offset == 1);
  CHECK(scanned->elements()[0].funcs == std::vector<std::uint32_t>{1});
  CHECK_FALSE(scanned->elements()[1].is_active);
  REQUIRE(scanned->component_types().size() == 1);
  CHECK(scanned->component_types()[0].payload.size() == 3);
}

TEST_CASE("a module cut anywhere, or with any byte changed, is scanned or refused") {
  const Bytes bytes = sample();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    (void)CoreModule::scan(ByteView(bytes).first(size)).has_value();
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      Bytes changed = bytes;
      changed[at] = static_cast<std::uint8_t>(value);
      if (const auto scanned = CoreModule::scan(changed); scanned && scanned->start()) {
        (void)take_out_start(*scanned).has_value();
      }
    }
  }
}

TEST_CASE("malformed modules are refused with their place") {
  struct Row {
    Bytes bytes;
    const char* text;
  };
  const Row rows[] = {
      {{}, "at byte 0x0: a core module's preamble should be 8 bytes long, but only 0 follow"},
      {testing::module({section(20, {})}), "at byte 0x8: expected a core section, found id 20"},
      {testing::module({section(3, vec({})), section(1, vec({}))}),
       "at byte 0xb: the type section is out of order or repeated"},
      {testing::module({section(1, Wasm{2, 0x60, 0, 0})}),
       "in the type section of a core module: at byte 0xe: expected a core type, but the bytes end "
       "here"},
      {testing::module({section(2, vec({func_import("a", "b", 3)}))}),
       "in the import section of a core module: at byte 0xb: type 3 is not a function type of this "
       "module"},
      {testing::module({section(7, vec({core_export("x", 0, 0)}))}),
       "in the export section of a core module: at byte 0xb: export \"x\" is function 0, but there "
       "are 0"},
      {testing::module(
           {section(5, vec({Wasm{0, 1}, Wasm{0, 1}})),
            section(7, vec({core_export("m", 2, 0), core_export("m", 2, 1)}))}
       ),
       "in the export section of a core module: at byte 0x16: two exports are called \"m\""},
      {testing::module({section(6, vec({Wasm{0x7f, 0, 0x6e, 0x0b}}))}),
       "in the global section of a core module: at byte 0xd: instruction 0x6e can't be part of a "
       "constant expression"},
  };
  for (const Row& row : rows) {
    const auto scanned = CoreModule::scan(row.bytes);
    REQUIRE_FALSE(scanned.has_value());
    CHECK(scanned.error().to_line() == row.text);
  }
}

TEST_CASE("the start function is taken out and exported") {
  const Bytes bytes = sample();
  const auto rewritten = take_out_start(*CoreModule::scan(bytes));
  REQUIRE(rewritten.has_value());
  const auto scanned = CoreModule::scan(*rewritten);
  REQUIRE(scanned.has_value());
  CHECK_FALSE(scanned->start().has_value());
  CHECK(scanned->find_export(kStartExport)->index == 1);
  CHECK(scanned->find_export("run")->index == 1);
  CHECK(scanned->code().size() == CoreModule::scan(bytes)->code().size());
  CHECK_FALSE(take_out_start(*scanned).has_value());

  const Bytes without_exports = testing::module({
      section(1, vec({func_type({}, {})})),
      section(2, vec({func_import("a", "b", 0)})),
      section(8, Wasm{0}),
  });
  const auto second = take_out_start(*CoreModule::scan(without_exports));
  REQUIRE(second.has_value());
  CHECK(CoreModule::scan(*second)->find_export(kStartExport)->index == 0);
}

TEST_CASE("what an import wants is compared with what it is given") {
  const auto with = [](Wasm import) {
    return testing::module({
        section(1, vec({func_type({0x7f}, {}), func_type({0x7e}, {})})),
        section(2, vec({Wasm().name("m").name("n").add(import)})),
    });
  };
  struct Row {
    Wasm wanted;
    Wasm given;
    const char* text;
  };
  const Row rows[] = {
      {{0, 0}, {0, 0}, ""},
      {{0, 0}, {0, 1}, "wants (i32) -> (), is given (i64) -> ()"},
      {{0, 0}, {2, 0, 1}, "wants a function, is given a memory"},
      {{2, 0, 1}, {2, 0, 2}, ""},
      {{2, 0, 2}, {2, 0, 1}, "wants a memory of at least 2, is given 1"},
      {{2, 1, 1, 3}, {2, 0, 1}, "wants a memory of at most 3, is given one that may be larger"},
      {{2, 1, 1, 3}, {2, 1, 1, 2}, ""},
      {{2, 4, 1}, {2, 0, 1}, "wants a 64-bit memory, is given a 32-bit one"},
      {{1, 0x70, 0, 1}, {1, 0x6f, 0, 1}, "wants a table of other elements"},
      {{1, 0x63, 0x70, 0, 1}, {1, 0x70, 0, 1}, ""},
      {{3, 0x7f, 1}, {3, 0x7f, 0}, "wants a mutable global"},
      {{3, 0x7f, 0}, {3, 0x7e, 0}, "wants a global of another type"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Bytes a = with(row.wanted);
    const Bytes b = with(row.given);
    const auto wanted = CoreModule::scan(a);
    const auto given = CoreModule::scan(b);
    REQUIRE(wanted.has_value());
    REQUIRE(given.has_value());
    CHECK(
        explain_core_mismatch(
            *wanted, wanted->imports()[0].type, *given, given->imports()[0].type
        ) == row.text
    );
  }
}

}  // namespace
}  // namespace whorl::component
