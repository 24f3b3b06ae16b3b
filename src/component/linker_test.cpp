// What hostile components try on the linker, and rules that no script of the suite tests.
#include "component/linker.hpp"

#include "component/plan.hpp"
#include "component/test_builder.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace whorl::component {
namespace {

using testing::ComponentBuilder;
using testing::func_of;
using testing::func_type;
using testing::ItemSort;
using testing::kU32;
using testing::Parts;
using testing::section;
using testing::vec;
using testing::Wasm;

std::string refusal(const Bytes& bytes) {
  const auto valid = validate_component(bytes);
  const auto planned = plan_component(testing::test_registry(), bytes, {});
  // Whatever is refused by validation is refused when it is loaded.
  CHECK((valid || !planned));
  return valid ? "" : valid.error().to_line();
}

bool contains(const std::string& text, std::string_view part) {
  const bool found = text.find(part) != std::string::npos;
  CHECK_MESSAGE(found, text);
  return found;
}

Wasm record_of(int fields) {
  Parts members;
  for (int i = 0; i < fields; ++i) {
    members.push_back(Wasm().name(fmt::format("f{}", i)).add({kU32}));
  }
  return Wasm{0x72}.add(vec(members));
}

TEST_CASE("instances and types that nest in each other are refused at a depth") {
  Parts bags = {section(5, vec({Wasm{1, 0}}))};
  Wasm chain;
  constexpr std::uint32_t kDeep = 100'000;
  chain.leb(kDeep);
  for (std::uint32_t i = 0; i < kDeep; ++i) {
    chain.add({1, 1, 0, 1, 'i', 5}).leb(i);
  }
  bags.push_back(section(5, chain));
  CHECK(contains(refusal(testing::component(bags)), "exported by each other more than 100 deep"));

  // Instance type n exports an instance of type n - 1, which is an outer type to it.
  Wasm types;
  types.leb(kDeep).add({0x42, 0});
  for (std::uint32_t i = 1; i < kDeep; ++i) {
    types.add({0x42, 2, 2, 3, 2, 1}).leb(i - 1).add({4, 0, 1, 'i', 5, 0});
  }
  CHECK(contains(refusal(testing::component({section(7, types)})), "exported by each other"));
}

TEST_CASE("components nested a hundred deep, each instantiated by the one around it") {
  Bytes inner = testing::component({});
  for (int i = 0; i < 99; ++i) {
    ComponentBuilder out;
    (void)out.instance(out.component(inner));
    inner = out.bytes();
  }
  CHECK(refusal(inner).empty());
}

TEST_CASE("what costs more than its bytes is charged for") {
  // Each export of a record gives it a name of its own.
  Wasm exports;
  constexpr std::uint32_t kMany = 50'000;
  exports.leb(kMany);
  for (std::uint32_t i = 0; i < kMany; ++i) {
    exports.byte(0).name(fmt::format("e{}", i)).add({3, 0, 0});
  }
  CHECK(contains(
      refusal(testing::component({section(7, vec({record_of(1000)})), section(11, exports)})),
      "too many steps"
  ));

  // Each import of an instance makes its types anew.
  Parts declarations;
  for (int i = 0; i < 100; ++i) {
    declarations.push_back(Wasm{1}.add(record_of(1000)));
  }
  Wasm imports;
  constexpr std::uint32_t kImports = 1'000;
  imports.leb(kImports);
  for (std::uint32_t i = 0; i < kImports; ++i) {
    imports.add(testing::import_instance(fmt::format("i{}", i), 0));
  }
  CHECK(contains(
      refusal(testing::component(
          {section(7, vec({Wasm{0x42}.add(vec(declarations))})), section(10, imports)}
      )),
      "too many steps"
  ));
}

TEST_CASE("rules of the linker beyond those of the suite") {
  struct Row {
    const char* name;
    Bytes bytes;
    const char* text;  ///< of the refusal; empty when it is valid
  };
  const auto built = [](auto build) {
    ComponentBuilder out;
    build(out);
    return out.bytes();
  };
  testing::CoreBuilder core;
  core.funcs = {{"f", func_type({0x7f}, {}), {}}};
  const Bytes module = core.bytes();
  const Row rows[] = {
      {"a built-in lifted as a function",
       built([](ComponentBuilder& out) {
         const std::uint32_t r = out.export_item("r", ItemSort::Type, out.resource());
         const std::uint32_t own = out.type(Wasm{0x69}.leb(r));
         const std::uint32_t drop = out.builtin(3, r);
         const std::uint32_t type = out.type(func_of({Wasm().leb(own)}));
         out.export_item("f", ItemSort::Func, out.lift(drop, {0}, type));
       }),
       ""},
      {"a destructor that is a built-in of another resource",
       built([](ComponentBuilder& out) {
         const std::uint32_t first = out.resource();
         (void)out.resource(static_cast<int>(out.builtin(3, first)));
       }),
       ""},
      {"a destructor of another type",
       built([](ComponentBuilder& out) {
         const std::uint32_t first = out.resource();
         (void)out.resource(static_cast<int>(out.builtin(2, first)));
       }),
       "a destructor must have the core type (i32) -> (), but has (i32) -> i32"},
      {"resource.new of an imported resource",
       built([](ComponentBuilder& out) {
         const std::uint32_t type = out.type(Wasm{0x42, 1}.add(Wasm{4, 0}.name("r").add({3, 1})));
         const std::uint32_t instance = out.import_instance("i", type);
         (void)out.builtin(2, out.alias_type(instance, "r"));
       }),
       "`resource.new` of a resource that this component does not define itself"},
      {"a lift with the wrong core type",
       built([&](ComponentBuilder& out) {
         const std::uint32_t instance = out.core_instance(out.module(module));
         (void)out.lift(out.core_func(instance, "f"), {0}, out.type(func_of({})));
       }),
       "the lifted function must have the core type () -> (), but has (i32) -> ()"},
      {"a stream of characters, by the name of their type",
       built([](ComponentBuilder& out) {
         const std::uint32_t character = out.type({0x74});
         (void)out.type(Wasm{0x66, 1}.leb(character));
       }),
       "stream<char> is not allowed"},
      {"context slots of two types",
       testing::component({section(8, vec({Wasm{0x0a, 0x7f, 0}, Wasm{0x0b, 0x7e, 0}}))}),
       "the context slots of one component are of one type"},
      {"digests that differ in case",
       testing::component(
           {section(7, vec({Wasm{0x40, 0, 1, 0}})),
            section(
                10,
                vec(
                    {Wasm{0}.name("integrity=<sha256-a>").add({1, 0}),
                     Wasm{0}.name("integrity=<sha256-A>").add({1, 0})}
                )
            )}
       ),
       ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const std::string text = refusal(row.bytes);
    CAPTURE(text);
    CHECK((*row.text == 0 ? text.empty() : text.ends_with(row.text)));
  }
}

}  // namespace
}  // namespace whorl::component
