// Guests that harm each other: a caller and a callee in one component, with memories of their own.
#include "corpus.hpp"

#include <fmt/format.h>

#include <array>

namespace whorl::hostile {
namespace {

using Stage = Ending::Stage;
using engine::TrapKind;

constexpr std::uint32_t kMemoryBytes = 0x10000;
constexpr const char* kOutOfBounds = "out of bounds of memory";
constexpr const char* kUnaligned = "unaligned pointer";

/// The function `g` that the caller imports and the callee exports.
struct Shape {
  std::vector<std::string> params = {};
  std::string result = {};
  std::vector<int> core_params = {};   ///< as lifted: of the callee
  std::vector<int> core_results = {};  ///< as lifted
  int caller_encoding = 0;
  int callee_encoding = 0;

  /// Parameters of the lowered function: with a pointer for a result that does not fit.
  [[nodiscard]] std::vector<int> lowered_params() const {
    std::vector<int> out = core_params;
    if (spills()) {
      out.push_back(kI32);
    }
    return out;
  }
  [[nodiscard]] std::vector<int> lowered_results() const {
    return spills() ? std::vector<int>() : core_results;
  }
  [[nodiscard]] bool spills() const { return result == "string" || result.starts_with("list"); }
};

struct Parties {
  Shape shape;
  Code body = {};                    ///< of g; its result follows from it
  std::optional<Code> realloc = {};  ///< of the callee; an honest one if not given
  std::optional<Code> post_return = {};
  std::vector<Module::Data> data = {};  ///< of the callee
  Code arguments = {};                  ///< what the caller pushes before it calls g
  std::optional<Code> caller_realloc = {};
  std::vector<Module::Data> caller_data = {};
};

Func realloc_or_honest(const std::optional<Code>& code) {
  return code ? Func{{kI32, kI32, kI32, kI32}, {kI32}, *code, "realloc", {}} : bump_realloc();
}

Bytes callee(const Parties& parties) {
  Module module;
  module.funcs = {
      deep_func(0),
      {parties.shape.core_params, parties.shape.core_results, parties.body, "g", {}},
      realloc_or_honest(parties.realloc),
  };
  if (parties.post_return) {
    module.funcs.push_back({parties.shape.core_results, {}, *parties.post_return, "post", {}});
  }
  module.data = parties.data;
  Component out;
  const std::uint32_t instance = out.core_instance(out.core_module(module.bytes()));
  const std::uint32_t func = out.alias_core_func(instance, "g");
  Component::Options options{.encoding = parties.shape.callee_encoding};
  options.memory = out.alias_memory(instance);
  options.realloc = out.alias_core_func(instance, "realloc");
  if (parties.post_return) {
    options.post_return = out.alias_core_func(instance, "post");
  }
  const std::uint32_t type = out.func_type(parties.shape.params, parties.shape.result);
  out.export_func("g", out.lift(func, type, options));
  return out.bytes();
}

Bytes caller(const Parties& parties) {
  Module libc;
  libc.funcs = {realloc_or_honest(parties.caller_realloc), deep_func(1)};
  libc.data = parties.caller_data;
  Module main;
  main.imports = {{"host", "g", parties.shape.lowered_params(), parties.shape.lowered_results()}};
  main.imports_memory = true;
  Code code = parties.arguments;
  code.call(0);
  for (std::size_t i = 0; i < parties.shape.lowered_results().size(); ++i) {
    code.drop();
  }
  main.funcs = {{{}, {}, code, "f", {}}};
  Component out;
  const std::uint32_t type = out.func_type(parties.shape.params, parties.shape.result);
  const std::uint32_t imported = out.import_func("g", type);
  const std::uint32_t first = out.core_instance(out.core_module(libc.bytes()));
  Component::Options options{.encoding = parties.shape.caller_encoding};
  options.memory = out.alias_memory(first);
  options.realloc = out.alias_core_func(first, "realloc");
  const std::uint32_t lowered = out.lower(imported, options);
  const std::uint32_t second = out.core_instance(
      out.core_module(main.bytes()), {{"host", {{"g", lowered}}}, {"libc", {}, first}}
  );
  const std::uint32_t func = out.alias_core_func(second, "f");
  out.export_func("f", out.lift(func, out.func_type({}, ""), {}));
  return out.bytes();
}

Bytes composed(const Parties& parties) {
  Component out;
  const std::uint32_t a = out.instance(out.nested(callee(parties)), {});
  const std::uint32_t g = out.alias_func(a, "g");
  const std::uint32_t b = out.instance(out.nested(caller(parties)), {{"g", 1, g}});
  out.export_func("f", out.alias_func(b, "f"));
  return out.bytes();
}

Ending host_trap(std::string text) {
  return {Stage::Call, TrapKind::HostTrap, std::move(text)};
}

Bytes words(std::initializer_list<std::uint32_t> values) {
  Bytes out;
  for (const std::uint32_t value : values) {
    for (int i = 0; i < 4; ++i) {
      out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
  }
  return out;
}

const Shape kTakesString = {{"string"}, "", {kI32, kI32}, {}};
const Shape kGivesString = {{}, "string", {}, {kI32}};

/// Traps at every point of a call between two guests.
void add_faults(Guests& out) {
  for (const Behaviour& behaviour : behaviours(0)) {
    const Ending ending = {Stage::Call, behaviour.kind, behaviour.text};
    out.push_back(
        {fmt::format("callee: {}", behaviour.name),
         composed(
             {.shape = kTakesString, .body = behaviour.code, .arguments = Code().i32(16).i32(1)}
         ),
         ending}
    );
    out.push_back(
        {fmt::format("callee's realloc: {}", behaviour.name),
         composed(
             {.shape = kTakesString, .realloc = behaviour.code, .arguments = Code().i32(16).i32(1)}
         ),
         ending}
    );
    out.push_back(
        {fmt::format("callee's post-return: {}", behaviour.name),
         composed(
             {.shape = kGivesString,
              .body = Code().i32(0x100),
              .post_return = behaviour.code,
              .arguments = Code().i32(0x100)}
         ),
         ending}
    );
  }
  for (const Behaviour& behaviour : behaviours(1)) {
    out.push_back(
        {fmt::format("caller's realloc: {}", behaviour.name),
         composed(
             {.shape = kGivesString,
              .body = Code().i32(0x100),
              .data = {{0x100, words({0x110, 3})}},
              .arguments = Code().i32(0x100),
              .caller_realloc = behaviour.code}
         ),
         {Stage::Call, behaviour.kind, behaviour.text}}
    );
  }
}

struct Pair {
  std::uint32_t pointer;
  std::uint32_t length;
  const char* text;
};

void add_bad_arguments(Guests& out) {
  constexpr std::array<Pair, 6> kStrings = {{
      {0xffff'ffff, 1, kOutOfBounds},
      {kMemoryBytes, 1, kOutOfBounds},
      {kMemoryBytes - 1, 2, kOutOfBounds},
      {kMemoryBytes + 1, 0, kOutOfBounds},
      {0, 0x1000'0000, "string is too long"},
      {0, 0xffff'ffff, "string is too long"},
  }};
  for (const Pair& row : kStrings) {
    out.push_back(
        {fmt::format("caller's string {:#x} at {:#x}", row.length, row.pointer),
         composed({.shape = kTakesString, .arguments = Code().i32(row.pointer).i32(row.length)}),
         host_trap(row.text)}
    );
  }
  constexpr std::array<Pair, 5> kLists = {{
      {0x201, 1, kUnaligned},
      {0x202, 0, kUnaligned},
      {kMemoryBytes, 1, kOutOfBounds},
      {0x200, 0x4000'0000, "list is too long"},
      {0x200, 0x3f81, kOutOfBounds},
  }};
  for (const Pair& row : kLists) {
    out.push_back(
        {fmt::format("caller's list<u32> {:#x} at {:#x}", row.length, row.pointer),
         composed(
             {.shape = {{"list<u32>"}, "", {kI32, kI32}, {}},
              .arguments = Code().i32(row.pointer).i32(row.length)}
         ),
         host_trap(row.text)}
    );
  }
  struct Scalar {
    const char* type;
    std::uint32_t value;
    const char* text;
  };
  constexpr std::array<Scalar, 6> kScalars = {{
      {"char", 0xd800, "invalid `char` bit pattern"},
      {"char", 0x11'0000, "invalid `char` bit pattern"},
      {"enum{a, b}", 2, "discriminant"},
      {"variant{a, b}", 0xffff'ffff, "discriminant"},
      {"result", 7, "discriminant"},
      {"enum{a}", 0x100, "discriminant"},
  }};
  for (const Scalar& row : kScalars) {
    // Names of types are only allowed where they are exported: such types are passed as results of
    // nobody, so they are left to the tables of results where they need a name.
    if (std::string_view(row.type).contains('{')) {
      continue;
    }
    out.push_back(
        {fmt::format("caller's {} {:#x}", row.type, row.value),
         composed({.shape = {{row.type}, "", {kI32}, {}}, .arguments = Code().i32(row.value)}),
         host_trap(row.text)}
    );
  }
}

void add_bad_results(Guests& out) {
  constexpr std::array<Pair, 5> kStrings = {{
      {0xffff'ffff, 1, kOutOfBounds},
      {kMemoryBytes - 1, 2, kOutOfBounds},
      {kMemoryBytes + 1, 0, kOutOfBounds},
      {0, 0x1000'0000, "string is too long"},
      {0, 0xffff'ffff, "string is too long"},
  }};
  for (const Pair& row : kStrings) {
    out.push_back(
        {fmt::format("callee's string {:#x} at {:#x}", row.length, row.pointer),
         composed(
             {.shape = kGivesString,
              .body = Code().i32(0x100),
              .data = {{0x100, words({row.pointer, row.length})}},
              .arguments = Code().i32(0x100)}
         ),
         host_trap(row.text)}
    );
  }
  constexpr std::array<std::uint32_t, 5> kPointers = {
      0xffff'fffc, kMemoryBytes, kMemoryBytes - 4, 0x101, 0xffff'ffff
  };
  for (const std::uint32_t pointer : kPointers) {
    const char* text = pointer % 4 == 0 ? kOutOfBounds : kUnaligned;
    out.push_back(
        {fmt::format("callee returns the pointer {:#x}", pointer),
         composed(
             {.shape = kGivesString, .body = Code().i32(pointer), .arguments = Code().i32(0x100)}
         ),
         host_trap(text)}
    );
    out.push_back(
        {fmt::format("caller wants its result at {:#x}", pointer),
         composed(
             {.shape = kGivesString, .body = Code().i32(0x100), .arguments = Code().i32(pointer)}
         ),
         host_trap(text)}
    );
  }
  constexpr std::array<std::uint32_t, 3> kBeyond = {0xffff'fff8, kMemoryBytes, 0x8000'0000};
  for (const std::uint32_t address : kBeyond) {
    out.push_back(
        {fmt::format("caller's realloc returns {:#x}", address),
         composed(
             {.shape = kGivesString,
              .body = Code().i32(0x100),
              .data = {{0x100, words({0x110, 3})}},
              .arguments = Code().i32(0x100),
              .caller_realloc = Code().i32(address)}
         ),
         host_trap("realloc return: beyond end of memory")}
    );
    out.push_back(
        {fmt::format("callee's realloc returns {:#x}", address),
         composed(
             {.shape = kTakesString,
              .realloc = Code().i32(address),
              .arguments = Code().i32(16).i32(1)}
         ),
         host_trap("realloc return: beyond end of memory")}
    );
  }
}

void add_bad_texts(Guests& out) {
  struct Row {
    int from;
    int to;
    Bytes bytes;
    std::uint32_t length;
  };
  const std::array<Row, 9> rows = {{
      {0, 0, {0xff}, 1},
      {0, 1, {0xc0, 0xaf}, 2},
      {0, 2, {0xed, 0xa0, 0x80}, 3},
      {1, 0, {0x00, 0xd8}, 1},
      {1, 1, {0x00, 0xdc}, 1},
      {1, 2, {0x00, 0xdc, 0x00, 0xd8}, 2},
      {2, 0, {0x00, 0xd8}, 0x8000'0001},
      {2, 1, {0x00, 0xd8}, 0x8000'0001},
      {2, 2, {0x00, 0xd8}, 0x8000'0001},
  }};
  for (const Row& row : rows) {
    Shape shape = kTakesString;
    shape.caller_encoding = row.from;
    shape.callee_encoding = row.to;
    out.push_back(
        {fmt::format("broken text from encoding {} to {}", row.from, row.to),
         composed(
             {.shape = shape,
              .arguments = Code().i32(0x200).i32(row.length),
              .caller_data = {{0x200, row.bytes}}}
         ),
         host_trap("utf")}
    );
  }
}

}  // namespace

Guests bad_calls_between_guests() {
  Guests out;
  add_faults(out);
  add_bad_arguments(out);
  add_bad_results(out);
  add_bad_texts(out);
  return out;
}

namespace {

/// The parent gives its child a function of its own, `h`; the child exports `g`, which calls it.
/// @param calls_child_again  h calls g in turn, through a table that is filled last
Bytes parent_and_child(bool calls_child_again) {
  const std::vector<std::string> params = {"u32", "u32"};
  const std::vector<int> core = {kI32, kI32};
  Module inner;
  inner.imports = {{"host", "h", core, {}}};
  inner.funcs = {{core, {}, Code().get(0).get(1).call(0), "g", {}}};
  Component child;
  const std::uint32_t h_lowered =
      child.lower(child.import_func("h", child.func_type(params, "")), {});
  const std::uint32_t main =
      child.core_instance(child.core_module(inner.bytes()), {{"host", {{"h", h_lowered}}}});
  const std::uint32_t g = child.alias_core_func(main, "g");
  child.export_func("g", child.lift(g, child.func_type(params, ""), {}));

  Component parent;
  const std::uint32_t shim =
      parent.core_instance(parent.core_module(component::testing::shim_module(1)));
  const std::uint32_t slot = parent.alias_core_func(shim, "0");
  Module outer;
  outer.imports = {{"host", "again", core, {}}};
  outer.funcs = {{core, {}, {}, "h", {}}};
  if (calls_child_again) {
    outer.funcs[0].code.get(0).get(1).call(0);
  }
  const std::uint32_t first =
      parent.core_instance(parent.core_module(outer.bytes()), {{"host", {{"again", slot}}}});
  const std::uint32_t h = parent.alias_core_func(first, "h");
  const std::uint32_t h_lifted = parent.lift(h, parent.func_type(params, ""), {});
  const std::uint32_t made = parent.instance(parent.nested(child.bytes()), {{"h", 1, h_lifted}});
  const std::uint32_t g_lowered = parent.lower(parent.alias_func(made, "g"), {});
  const std::uint32_t table = parent.alias_table(shim, "$imports");
  parent.core_instance(
      parent.core_module(component::testing::fixup_module(1, component::testing::WithStart::No)),
      {{"", {{"0", g_lowered}}, {}, {{"$imports", table}}}}
  );
  parent.export_func("f", parent.alias_func(made, "g"));
  return parent.bytes();
}

std::vector<component::Value> two_numbers() {
  std::vector<component::Value> out;
  out.push_back(component::Value::unsigned_int(1));
  out.push_back(component::Value::unsigned_int(2));
  return out;
}

}  // namespace

Guests bad_reentrance() {
  Guests out;
  out.push_back(
      {"a child that its parent calls while it is in a call",
       parent_and_child(true),
       host_trap("cannot enter component instance"),
       &two_numbers}
  );
  // definitions.py lets it in; the suite and released tools do not (trap-on-reenter.wast).
  out.push_back(
      {"a child that calls its parent",
       parent_and_child(false),
       host_trap("cannot enter component instance"),
       &two_numbers}
  );
  return out;
}

}  // namespace whorl::hostile
