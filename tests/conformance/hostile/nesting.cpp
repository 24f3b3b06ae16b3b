// Guests that nest: calls in calls through the host's own stack, destructors in destructors.
#include "corpus.hpp"

#include <fmt/format.h>

#include <array>

namespace whorl::hostile {
namespace {

using Stage = Ending::Stage;
using engine::TrapKind;

/// A component that burns stack and, at the bottom of it, calls the next one.
/// @param frames  recursion before the call
Bytes link_of_chain(bool is_last, std::uint32_t frames) {
  Module module;
  module.has_memory = false;
  if (!is_last) {
    module.imports = {{"host", "g", {}, {}}};
  }
  const std::uint32_t burn = is_last ? 0 : 1;
  // if (n == 0) next(); else burn(n - 1)
  Code code;
  code.get(0).op({0x45, 0x04, 0x40});
  if (!is_last) {
    code.call(0);
  }
  code.op({0x05}).get(0).i32(1).op({0x6b}).call(burn).op({0x0b});
  module.funcs = {{{kI32}, {}, code, "", {}}, {{}, {}, Code().i32(frames).call(burn), "g", {}}};
  Component out;
  std::vector<Component::Bag> bags;
  if (!is_last) {
    const std::uint32_t imported = out.import_func("next", out.func_type({}, ""));
    bags.push_back({"host", {{"g", out.lower(imported, {})}}});
  }
  const std::uint32_t instance = out.core_instance(out.core_module(module.bytes()), bags);
  const std::uint32_t g = out.alias_core_func(instance, "g");
  out.export_func("g", out.lift(g, out.func_type({}, ""), {}));
  return out.bytes();
}

Bytes chain(std::uint32_t length, std::uint32_t frames) {
  Component out;
  std::uint32_t next =
      out.alias_func(out.instance(out.nested(link_of_chain(true, frames)), {}), "g");
  const std::uint32_t link = out.nested(link_of_chain(false, frames));
  for (std::uint32_t i = 1; i < length; ++i) {
    next = out.alias_func(out.instance(link, {{"next", 1, next}}), "g");
  }
  out.export_func("f", next);
  return out.bytes();
}

/// A destructor that makes another resource and drops it, without end: each drop is a call through
/// the host.
Bytes endless_destructors() {
  Component out;
  const std::uint32_t shim = out.core_instance(out.core_module(component::testing::shim_module(1)));
  const std::uint32_t slot = out.alias_core_func(shim, "0");
  Module early;
  early.imports = {{"host", "again", {kI32, kI32}, {}}};
  early.funcs = {{{kI32}, {}, Code().get(0).i32(0).call(0), "dtor", {}}};
  const std::uint32_t first =
      out.core_instance(out.core_module(early.bytes()), {{"host", {{"again", slot}}}});
  const std::uint32_t r = out.resource(out.alias_core_func(first, "dtor"));
  const std::uint32_t make = out.resource_new(r);
  const std::uint32_t drop = out.resource_drop(r);
  Module late;
  late.imports = {{"host", "new", {kI32}, {kI32}}, {"host", "drop", {kI32}, {}}};
  late.funcs = {
      {{kI32, kI32}, {}, Code().get(0).call(0).call(1), "again", {}},
      {{}, {}, Code().i32(1).i32(0).call(2), "f", {}},
  };
  const std::uint32_t second =
      out.core_instance(out.core_module(late.bytes()), {{"host", {{"new", make}, {"drop", drop}}}});
  const std::uint32_t again = out.alias_core_func(second, "again");
  const std::uint32_t table = out.alias_table(shim, "$imports");
  out.core_instance(
      out.core_module(component::testing::fixup_module(1, component::testing::WithStart::No)),
      {{"", {{"0", again}}, {}, {{"$imports", table}}}}
  );
  const std::uint32_t f = out.alias_core_func(second, "f");
  out.export_func("f", out.lift(f, out.func_type({}, ""), {}));
  return out.bytes();
}

}  // namespace

Guests bad_nesting() {
  struct Row {
    std::uint32_t length;
    std::uint32_t frames;
    bool overflows;
  };
  constexpr std::array<Row, 6> kRows = {{
      {2, 10, false},
      {20, 10, false},
      {20, 8'000, true},
      {90, 2'000, true},
      {3, 1'000'000, true},
      {90, 0, false},
  }};
  Guests out;
  for (const Row& row : kRows) {
    out.push_back(
        {fmt::format("{} components in a row, each {} frames deep", row.length, row.frames),
         chain(row.length, row.frames),
         row.overflows ? Ending{Stage::Call, TrapKind::StackOverflow, "guest stack overflow"}
                       : Ending{Stage::Returns, {}, {}}}
    );
  }
  out.push_back(
      {"destructors in destructors without end",
       endless_destructors(),
       {Stage::Call, TrapKind::StackOverflow, "guest stack overflow"}}
  );
  return out;
}

}  // namespace whorl::hostile
