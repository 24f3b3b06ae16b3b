#include "component/shim.hpp"

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

/// The shim of testing::shim_module(1), in parts that a test can change.
struct ShimParts {
  Wasm type = func_type({0x7f, 0x7f}, {});
  Wasm table = {0x70, 1, 1, 1};
  Wasm code = body({0x20, 0, 0x20, 1, 0x41, 0, 0x11, 0, 0});
  testing::Parts exports = {core_export("0", 0, 0), core_export("$imports", 1, 0)};
  testing::Parts extra;  ///< further sections, before the code

  [[nodiscard]] bool recognised() const {
    testing::Parts sections = {
        section(1, vec({type})),
        section(3, vec({Wasm{0}})),
        section(4, vec({table})),
    };
    const auto place = [&](int id) {
      for (const Wasm& part : extra) {
        if (part.bytes()[0] == id) {
          sections.push_back(part);
        }
      }
    };
    place(5);
    place(6);
    sections.push_back(section(7, vec(exports)));
    place(8);
    place(9);
    sections.push_back(section(10, vec({code})));
    place(11);
    const Bytes bytes = testing::module(sections);
    const auto scanned = CoreModule::scan(bytes);
    REQUIRE(scanned.has_value());
    return recognise_shim(*scanned).has_value();
  }
};

TEST_CASE("a shim is recognised by its structure only") {
  CHECK(ShimParts{}.recognised());
  const Bytes big = testing::shim_module(40);
  const auto shape = recognise_shim(*CoreModule::scan(big));
  REQUIRE(shape.has_value());
  CHECK(shape->table == "$imports");
  CHECK(shape->slots.size() == 40);
  CHECK(shape->slots.at("17") == 17);

  const auto with = [](auto change) {
    ShimParts parts;
    change(parts);
    return parts.recognised();
  };
  CHECK(with([](ShimParts& p) { p.exports.pop_back(), p.exports.push_back(core_export("t", 1, 0)); }
  ));
  CHECK_FALSE(with([](ShimParts& p) { p.exports.pop_back(); }));
  CHECK_FALSE(with([](ShimParts& p) { p.exports.push_back(core_export("again", 1, 0)); }));
  CHECK_FALSE(with([](ShimParts& p) { p.table = {0x70, 1, 0, 1}; }));
  CHECK_FALSE(with([](ShimParts& p) { p.table = {0x6f, 1, 1, 1}; }));
  CHECK_FALSE(with([](ShimParts& p) { p.extra = {section(5, Wasm{1, 0, 1})}; }));
  CHECK_FALSE(with([](ShimParts& p) { p.extra = {section(6, Wasm{1, 0x7f, 0, 0x41, 0, 0x0b})}; }));
  CHECK_FALSE(with([](ShimParts& p) { p.extra = {section(9, Wasm{1, 0, 0x41, 0, 0x0b, 1, 0})}; }));
  CHECK_FALSE(with([](ShimParts& p) { p.code = body({0x20, 0, 0x20, 1, 0x41, 1, 0x11, 0, 0}); }));
  CHECK_FALSE(with([](ShimParts& p) { p.code = body({0x20, 1, 0x20, 0, 0x41, 0, 0x11, 0, 0}); }));
  CHECK_FALSE(with([](ShimParts& p) { p.code = body({0x20, 0, 0x20, 1, 0x41, 0, 0x11, 1, 0}); }));
  CHECK_FALSE(with([](ShimParts& p) { p.code = body({0x20, 0, 0x20, 1, 0x41, 0, 0x11, 0, 0, 1}); })
  );
  CHECK_FALSE(with([](ShimParts& p) { p.code = body({0x00}); }));
  CHECK_FALSE(with([](ShimParts& p) { p.code = {4, 1, 1, 0x7f, 0x0b}; }));
}

TEST_CASE("a fix-up is recognised, with and without a start function") {
  const Bytes plain = testing::fixup_module(3, testing::WithStart::No);
  const auto shape = recognise_fixup(*CoreModule::scan(plain));
  REQUIRE(shape.has_value());
  CHECK(shape->table_import == 3);
  CHECK(shape->slots == std::vector<std::uint32_t>{0, 1, 2});
  CHECK_FALSE(shape->start_import.has_value());
  const Bytes started = testing::fixup_module(3, testing::WithStart::Yes);
  const auto second = recognise_fixup(*CoreModule::scan(started));
  REQUIRE(second.has_value());
  CHECK(second->start_import == 3);
  CHECK(second->table_import == 4);

  const Wasm table = Wasm().name("").name("t").add({1, 0x70, 0, 1});
  const Wasm types = section(1, vec({func_type({}, {})}));
  const Wasm imports = section(2, vec({table, func_import("", "0", 0)}));
  const auto recognised = [](const Bytes& bytes) {
    const auto scanned = CoreModule::scan(bytes);
    REQUIRE(scanned.has_value());
    return recognise_fixup(*scanned).has_value();
  };
  const Wasm elements = section(9, Wasm{1, 0, 0x41, 0, 0x0b, 1, 0});
  CHECK(recognised(testing::module({types, imports, elements})));
  CHECK(recognised(
      testing::module({types, imports, section(9, Wasm{1, 4, 0x41, 0, 0x0b, 1, 0xd2, 0, 0x0b})})
  ));
  // At another offset, passive, twice, with code, with an export, of something not imported.
  CHECK_FALSE(
      recognised(testing::module({types, imports, section(9, Wasm{1, 0, 0x41, 1, 0x0b, 1, 0})}))
  );
  CHECK_FALSE(recognised(testing::module({types, imports, section(9, Wasm{1, 1, 0, 1, 0})})));
  CHECK_FALSE(recognised(testing::module(
      {types, imports, section(9, Wasm{2, 0, 0x41, 0, 0x0b, 1, 0, 0, 0x41, 0, 0x0b, 0})}
  )));
  CHECK_FALSE(recognised(testing::module(
      {types, imports, section(3, Wasm{1, 0}), elements, section(10, vec({body({})}))}
  )));
  CHECK_FALSE(recognised(
      testing::module({types, imports, section(7, vec({core_export("x", 0, 0)})), elements})
  ));
  CHECK_FALSE(recognised(testing::module({types, imports})));
}

TEST_CASE("a module that only names its start function is recognised") {
  const Wasm types = section(1, vec({func_type({}, {})}));
  const Wasm imports = section(2, vec({func_import("", "", 0)}));
  const auto recognised = [](const Bytes& bytes) {
    return recognise_starter(*CoreModule::scan(bytes));
  };
  CHECK(recognised(testing::module({types, imports, section(8, Wasm{0})})) == 0);
  CHECK_FALSE(recognised(testing::module({types, imports})));
  CHECK_FALSE(
      recognised(testing::module({types, imports, section(5, Wasm{1, 0, 1}), section(8, Wasm{0})}))
  );
}

}  // namespace
}  // namespace whorl::component
