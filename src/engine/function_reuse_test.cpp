// Compiled functions are reused where they are exactly what compiling again would give, and
// nowhere else (ADR 60): code made with functions of other modules is compared byte for byte.
#include "engine/cache_directory.hpp"
#include "engine/compile.hpp"
#include "engine/engine_impl.hpp"
#include "engine/function_packs.hpp"
#include "engine/test_support.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a test

enum Id : std::uint8_t {
  kType = 1,
  kImport = 2,
  kFunction = 3,
  kTable = 4,
  kMemory = 5,
  kGlobal = 6,
  kExport = 7,
  kStart = 8,
  kElement = 9,
  kCode = 10,
  kData = 11,
  kDataCount = 12,
};
/// The order in which a module has them.
constexpr std::array<std::uint8_t, 12> kOrder = {
    kType,
    kImport,
    kFunction,
    kTable,
    kMemory,
    kGlobal,
    kExport,
    kStart,
    kElement,
    kDataCount,
    kCode,
    kData
};

/// A module as its sections, each a list of entries.
struct Sections {
  std::map<std::uint8_t, std::vector<Bytes>> items;

  [[nodiscard]] Bytes build() const {
    Bytes out = {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00};
    for (const std::uint8_t id : kOrder) {
      const auto found = items.find(id);
      if (found == items.end()) {
        continue;
      }
      Bytes body;
      if (id != kStart && id != kDataCount) {
        append_u32(body, static_cast<std::uint32_t>(found->second.size()));
      }
      for (const Bytes& item : found->second) {
        append(body, item);
      }
      out.push_back(id);
      append_u32(out, static_cast<std::uint32_t>(body.size()));
      append(out, body);
    }
    return out;
  }
};

Bytes named(std::string_view name, std::initializer_list<std::uint8_t> rest) {
  Bytes out;
  append_name(out, name);
  append(out, Bytes(rest));
  return out;
}

Bytes import_of(std::string_view name, std::initializer_list<std::uint8_t> rest) {
  Bytes out;
  append_name(out, "env");
  append(out, named(name, rest));
  return out;
}

Bytes body_of(const Code& code) {
  Bytes inner = {0x00};  // no locals
  append(inner, code.bytes());
  inner.push_back(0x0b);
  Bytes out;
  append_u32(out, static_cast<std::uint32_t>(inner.size()));
  append(out, inner);
  return out;
}

/// Bodies that refer to everything a module has.
std::vector<Bytes> bodies() {
  std::vector<Bytes> out;
  // 1: memory and variables
  out.push_back(body_of(
      Code().i32_const(8).i32_const(40).i32_load().global_get(0).i32_add().i32_store().global_get(1)
  ));
  // 2: calls
  out.push_back(body_of(
      Code().call(0).call(1).i32_const(0).call_indirect(0).i32_add().global_set(0).global_get(1)
  ));
  // 3: bulk memory, segments, a function reference
  out.push_back(body_of(Code()
                            .i32_const(0)
                            .i32_const(0)
                            .i32_const(2)
                            .op(0xfc)
                            .op_u32(0x08, 1)
                            .op(0x00)  // memory.init 1
                            .op(0xfc)
                            .op_u32(0x09, 1)  // data.drop 1
                            .i32_const(0)
                            .i32_const(0)
                            .i32_const(1)
                            .op(0xfc)
                            .op_u32(0x0c, 1)
                            .op(0x00)  // table.init 1
                            .op(0xfc)
                            .op_u32(0x0d, 1)  // elem.drop 1
                            .op_u32(0xd2, 1)  // ref.func 1
                            .op(0xd1)         // ref.is_null
                            .memory_size()
                            .i32_add()
                            .i32_const(0)
                            .op_u32(0x25, 0)  // table.get 0
                            .op(0xd1)         // ref.is_null
                            .i32_add()));
  // 4: nothing of the module but its own type
  out.push_back(body_of(Code().i32_const(5).i32_const(0).i32_div_s()));
  return out;
}

Sections base() {
  Sections s;
  s.items[kType] = {{0x60, 0, 1, 0x7f}, {0x60, 0, 0}, {0x60, 1, 0x7e, 1, 0x7e}};
  s.items[kImport] = {import_of("f", {0x00, 1})};
  s.items[kFunction] = {{0}, {0}, {0}, {0}};
  s.items[kTable] = {{0x70, 0x01, 4, 4}};
  s.items[kMemory] = {{0x00, 1}};
  s.items[kGlobal] = {{0x7f, 0x01, 0x41, 9, 0x0b}, {0x7f, 0x00, 0x41, 7, 0x0b}};
  s.items[kExport] = {named("a", {0x00, 1}), named("b", {0x00, 3})};
  s.items[kElement] = {{0x00, 0x41, 0, 0x0b, 2, 1, 2}, {0x01, 0x00, 1, 1}};
  s.items[kDataCount] = {{2}};
  s.items[kCode] = bodies();
  s.items[kData] = {{0x00, 0x41, 16, 0x0b, 2, 'h', 'i'}, {0x01, 2, 'y', 'o'}};
  return s;
}

/// What differs from base(), in one thing each.
struct Variant {
  const char* what;
  void (*change)(Sections& sections);
};

const std::vector<Variant>& variants() {
  static const std::vector<Variant> all = {
      {"a type that nothing names",
       [](Sections& s) { s.items[kType][2] = {0x60, 1, 0x7f, 1, 0x7e}; }},
      {"a type more", [](Sections& s) { s.items[kType].push_back({0x60, 1, 0x7d, 0}); }},
      {"what the import is called", [](Sections& s) { s.items[kImport] = {import_of("g", {0, 1})}; }
      },
      {"an import more", [](Sections& s) { s.items[kImport].push_back(import_of("g", {0x00, 0})); }
      },
      {"a variable imported",
       [](Sections& s) { s.items[kImport].push_back(import_of("v", {0x03, 0x7f, 0x01})); }},
      {"a memory imported",
       [](Sections& s) {
         s.items[kImport].push_back(import_of("m", {0x02, 0x00, 1}));
         s.items.erase(kMemory);
       }},
      {"a table imported",
       [](Sections& s) {
         s.items[kImport].push_back(import_of("t", {0x01, 0x70, 0x01, 4, 4}));
         s.items.erase(kTable);
       }},
      {"a table more", [](Sections& s) { s.items[kTable].push_back({0x6f, 0x00, 1}); }},
      {"a function's type",
       [](Sections& s) {
         s.items[kFunction][3] = {2};
         s.items[kCode][3] = body_of(Code().i64_const(5));
       }},
      {"a function more",
       [](Sections& s) {
         s.items[kFunction].push_back({0});
         s.items[kCode].push_back(body_of(Code().i32_const(1)));
       }},
      {"the most of a table", [](Sections& s) { s.items[kTable] = {{0x70, 0x01, 4, 5}}; }},
      {"no most of a table", [](Sections& s) { s.items[kTable] = {{0x70, 0x00, 4}}; }},
      {"the length of a table", [](Sections& s) { s.items[kTable] = {{0x70, 0x01, 6, 6}}; }},
      {"the size of a memory", [](Sections& s) { s.items[kMemory] = {{0x00, 2}}; }},
      {"the most of a memory", [](Sections& s) { s.items[kMemory] = {{0x01, 1, 1}}; }},
      {"the width of a memory's addresses", [](Sections& s) { s.items[kMemory] = {{0x04, 1}}; }},
      {"the size of a memory's pages", [](Sections& s) { s.items[kMemory] = {{0x08, 1, 0}}; }},
      {"a second memory", [](Sections& s) { s.items[kMemory].push_back({0x00, 1}); }},
      {"a variable's mutability",
       [](Sections& s) { s.items[kGlobal][1] = {0x7f, 0x01, 0x41, 7, 0x0b}; }},
      {"a constant's value", [](Sections& s) { s.items[kGlobal][1] = {0x7f, 0x00, 0x41, 8, 0x0b}; }
      },
      {"a variable's value", [](Sections& s) { s.items[kGlobal][0] = {0x7f, 0x01, 0x41, 1, 0x0b}; }
      },
      {"a variable more",
       [](Sections& s) { s.items[kGlobal].push_back({0x7e, 0x01, 0x42, 1, 0x0b}); }},
      {"a variable that refers to a function",
       [](Sections& s) { s.items[kGlobal].push_back({0x70, 0x00, 0xd2, 4, 0x0b}); }},
      {"an exported function", [](Sections& s) { s.items[kExport].push_back(named("c", {0, 4})); }},
      {"a function that is not exported", [](Sections& s) { s.items[kExport].pop_back(); }},
      {"the order of exports",
       [](Sections& s) { std::swap(s.items[kExport][0], s.items[kExport][1]); }},
      {"an exported memory", [](Sections& s) { s.items[kExport].push_back(named("m", {2, 0})); }},
      {"an exported variable", [](Sections& s) { s.items[kExport].push_back(named("v", {3, 0})); }},
      {"an exported table", [](Sections& s) { s.items[kExport].push_back(named("t", {1, 0})); }},
      {"a start function",
       [](Sections& s) {
         s.items[kType].push_back({0x60, 0, 0});
         s.items[kFunction].push_back({1});
         s.items[kCode].push_back(body_of(Code()));
         s.items[kStart] = {{5}};
       }},
      {"the start function is the import", [](Sections& s) { s.items[kStart] = {{0}}; }},
      {"the order of elements",
       [](Sections& s) { s.items[kElement][0] = {0x00, 0x41, 0, 0x0b, 2, 2, 1}; }},
      {"a function that escapes",
       [](Sections& s) { s.items[kElement][0] = {0x00, 0x41, 0, 0x0b, 2, 4, 2}; }},
      {"a passive segment of elements",
       [](Sections& s) { s.items[kElement].push_back({0x01, 0x00, 1, 2}); }},
      {"a segment that is declared only",
       [](Sections& s) { s.items[kElement][1] = {0x03, 0x00, 1, 1}; }},
      {"elements out of the table",
       [](Sections& s) { s.items[kElement][0] = {0x00, 0x41, 60, 0x0b, 2, 1, 2}; }},
      {"where data goes",
       [](Sections& s) { s.items[kData][0] = {0x00, 0x41, 32, 0x0b, 2, 'h', 'i'}; }},
      {"what data is", [](Sections& s) { s.items[kData][0] = {0x00, 0x41, 16, 0x0b, 2, 'm', 'y'}; }
      },
      {"data of zeroes", [](Sections& s) { s.items[kData][0] = {0x00, 0x41, 16, 0x0b, 2, 0, 0}; }},
      {"no bytes of data", [](Sections& s) { s.items[kData][0] = {0x00, 0x41, 16, 0x0b, 0}; }},
      {"data out of the memory",
       [](Sections& s) { s.items[kData][0] = {0x00, 0x41, 0x80, 0x80, 0x04, 0x0b, 2, 'h', 'i'}; }},
      {"a passive segment of data first",
       [](Sections& s) { s.items[kData][0] = {0x01, 3, 'a', 'b', 'c'}; }},
      {"a segment of data more",
       [](Sections& s) {
         s.items[kDataCount] = {{3}};
         s.items[kData].push_back({0x01, 1, 'z'});
       }},
      {"the second segment of data is active",
       [](Sections& s) { s.items[kData][1] = {0x00, 0x41, 24, 0x0b, 2, 'y', 'o'}; }},
      {"another body", [](Sections& s) { s.items[kCode][3] = body_of(Code().i32_const(6)); }},
      {"two bodies' places", [](Sections& s) { std::swap(s.items[kCode][0], s.items[kCode][3]); }},
      {"a body that is not valid", [](Sections& s) { s.items[kCode][3] = body_of(Code().drop()); }},
  };
  return all;
}

class Folder : public whorl::fs::test::TestFolder {
 public:
  [[nodiscard]] CacheDirectory open() const {
    return CacheDirectory(::open(path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
};

constexpr CompilerUse kUse{.threads = CompileThreads::One};

/// What a module has beside its functions and their trampolines, its startup function and ways out
/// of it, is named by its intermediate form, and not always found again.
constexpr std::size_t kOthers = 4;

/// Code of a module, or nothing if it is not valid.
std::optional<Bytes> code_of(ByteView wasm, const std::shared_ptr<FunctionPacks>& packs = nullptr) {
  const auto made = compile_with(engine()->impl().options, kUse, wasm, packs);
  if (!made) {
    CHECK(made.error().kind() == ErrorKind::InvalidInput);
    return std::nullopt;
  }
  return Bytes(made->view().begin(), made->view().end());
}

/// Compiles with what is in the folder and leaves there what was new.
struct Reusing {
  std::optional<Bytes> code;
  std::size_t hits = 0;
  std::size_t made = 0;
};
Reusing reuse(const Folder& folder, ByteView wasm) {
  const CacheDirectory directory = folder.open();
  auto packs = std::make_shared<FunctionPacks>(directory, engine()->compatibility_key());
  Reusing out{.code = code_of(wasm, packs)};
  out.hits = packs->hits();
  out.made = packs->inserted();
  REQUIRE(packs->store(directory, sha256(wasm), {}));
  return out;
}

TEST_CASE("a module that is compiled again takes every function, and is the same") {
  const Folder folder;
  const Bytes wasm = base().build();
  const auto fresh = code_of(wasm);
  REQUIRE(fresh);
  const Reusing first = reuse(folder, wasm);
  CHECK(first.code == fresh);
  CHECK(first.made > 4);
  const Reusing second = reuse(folder, wasm);
  CHECK(second.code == fresh);
  CHECK(second.made < kOthers);
  CHECK(second.hits + second.made == first.made);
}

TEST_CASE("another text in the data takes every function, wherever the text is") {
  const Folder folder;
  (void)reuse(folder, base().build());
  Sections next = base();
  next.items[kData][0] = {0x00, 0x41, 16, 0x0b, 2, 'm', 'y'};
  next.items[kData][1] = {0x01, 4, 'l', 'o', 'n', 'g'};
  const Reusing other = reuse(folder, next.build());
  CHECK(other.made < kOthers);
  CHECK(other.code == code_of(next.build()));
}

TEST_CASE("modules that differ in one thing have the code that they would have alone") {
  const Folder folder;
  (void)reuse(folder, base().build());
  for (const Variant& variant : variants()) {
    CAPTURE(variant.what);
    Sections sections = base();
    variant.change(sections);
    const Bytes wasm = sections.build();
    const auto fresh = code_of(wasm);
    // Beside what base() and all before it left there.
    CHECK(reuse(folder, wasm).code == fresh);
    // And base() beside what this one left.
    const Folder alone;
    CHECK(reuse(alone, wasm).code == fresh);
    CHECK(reuse(alone, base().build()).code == code_of(base().build()));
  }
}

TEST_CASE("quick code and optimised code know nothing of each other") {
  const Folder folder;
  const CacheDirectory directory = folder.open();
  const Bytes wasm = base().build();
  constexpr CompilerUse kQuick{.quality = CodeQuality::Quick, .threads = CompileThreads::One};
  const auto& options = engine()->impl().options;
  auto packs = std::make_shared<FunctionPacks>(directory, engine()->compatibility_key());
  const auto quick = compile_with(options, kQuick, wasm, packs);
  REQUIRE(quick);
  REQUIRE(packs->store(directory, sha256(wasm), {}));
  packs = std::make_shared<FunctionPacks>(directory, engine()->compatibility_key());
  CHECK(code_of(wasm, packs) == code_of(wasm));
  CHECK(packs->hits() == 0);
}

/// A function of numbers, variables, calls and memory that leaves one number.
Code random_body(std::mt19937& random, std::uint32_t functions) {
  Code code;
  code.i32_const(static_cast<std::int32_t>(random()));
  for (unsigned i = 0; i < random() % 30; ++i) {
    switch (random() % 7) {
      case 0:
        code.i32_const(static_cast<std::int32_t>(random() % 1000)).i32_add();
        break;
      case 1:
        code.global_get(random() % 2).i32_sub();
        break;
      case 2:
        code.global_set(0).global_get(0);
        break;
      case 3:
        code.drop().call(1 + (random() % functions));
        break;
      case 4:
        code.i32_load();
        break;
      case 5:
        code.drop().i32_const(static_cast<std::int32_t>(random() % 4)).call_indirect(0);
        break;
      default:
        code.i32_eqz();
        break;
    }
  }
  return code;
}

TEST_CASE("random modules and what a few changed bytes make of them") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const Folder folder;
  int valid = 0;
  for (int round = 0; round < 25; ++round) {
    Sections sections = base();
    const std::uint32_t functions = 1 + (random() % 12);
    sections.items[kFunction].assign(functions + 3, {0});
    sections.items[kCode].clear();
    for (std::uint32_t i = 0; i < functions + 3; ++i) {
      sections.items[kCode].push_back(body_of(random_body(random, functions)));
    }
    if (random() % 2 == 0) {
      variants()[random() % variants().size()].change(sections);
    }
    const Bytes sound = sections.build();
    (void)reuse(folder, sound);
    for (int change = 0; change < 6; ++change) {
      Bytes wasm = sound;
      for (unsigned i = 0; i <= random() % 2; ++i) {
        wasm[8 + (random() % (wasm.size() - 8))] ^= static_cast<std::uint8_t>(1U << (random() % 8));
      }
      const auto fresh = code_of(wasm);
      valid += fresh ? 1 : 0;
      CHECK(reuse(folder, wasm).code == fresh);
    }
  }
  CHECK(valid > 0);
}

}  // namespace
}  // namespace whorl::engine
