// Guests that misuse handles: of resources of their own, of another component's, lent and given
// away ones.
#include "corpus.hpp"

#include <fmt/format.h>

#include <array>

namespace whorl::hostile {
namespace {

using Stage = Ending::Stage;
using engine::TrapKind;

constexpr const char* kUnknown = "unknown handle index";
constexpr const char* kWrongType = "used with the wrong type";

Ending host_trap(std::string text) {
  return {Stage::Call, TrapKind::HostTrap, std::move(text)};
}

// Functions of the module in own_resources(), by index.
enum Own : std::uint32_t { kNew1, kRep1, kDrop1, kNew2, kRep2, kDrop2 };

/// A component with two resources of its own; `f` runs the code, in a module that has their
/// built-ins.
/// @param destructor  of the first one, in a module of its own; index 0 there calls itself for ever
Bytes own_resources(const Code& code, const Code& destructor = {}, std::string_view result = "") {
  Module early;
  early.funcs = {deep_func(0), {{kI32}, {}, destructor, "dtor", {}}};
  Module main;
  main.imports = {
      {"host", "new1", {kI32}, {kI32}},
      {"host", "rep1", {kI32}, {kI32}},
      {"host", "drop1", {kI32}, {}},
      {"host", "new2", {kI32}, {kI32}},
      {"host", "rep2", {kI32}, {kI32}},
      {"host", "drop2", {kI32}, {}},
  };
  main.funcs = {{{}, result.empty() ? std::vector<int>{} : std::vector<int>{kI32}, code, "f", {}}};
  Component out;
  const std::uint32_t first = out.core_instance(out.core_module(early.bytes()));
  const std::uint32_t dtor = out.alias_core_func(first, "dtor");
  const std::uint32_t one = out.resource(dtor);
  const std::uint32_t two = out.resource(std::nullopt);
  const std::uint32_t new1 = out.resource_new(one);
  const std::uint32_t rep1 = out.resource_rep(one);
  const std::uint32_t drop1 = out.resource_drop(one);
  const std::uint32_t new2 = out.resource_new(two);
  const std::uint32_t rep2 = out.resource_rep(two);
  const std::uint32_t drop2 = out.resource_drop(two);
  const std::uint32_t second = out.core_instance(
      out.core_module(main.bytes()),
      {{"host",
        {{"new1", new1},
         {"rep1", rep1},
         {"drop1", drop1},
         {"new2", new2},
         {"rep2", rep2},
         {"drop2", drop2}}}}
  );
  const std::uint32_t func = out.alias_core_func(second, "f");
  const std::uint32_t exported = out.export_type("r", one);
  const std::uint32_t type =
      out.func_type({}, result.empty() ? "" : fmt::format("{}<{}>", result, exported));
  out.export_func("f", out.lift(func, type, {}));
  return out.bytes();
}

void add_own(Guests& out) {
  struct Row {
    const char* name;
    Code code;
    const char* text;
  };
  const std::array<Row, 16> rows = {{
      {"drop of handle 0", Code().i32(0).call(kDrop1), kUnknown},
      {"drop of a handle that nobody gave", Code().i32(1).call(kDrop1), kUnknown},
      {"drop of handle -1", Code().i32(0xffff'ffff).call(kDrop1), kUnknown},
      {"rep of handle 0", Code().i32(0).call(kRep1).drop(), kUnknown},
      {"rep of a handle that nobody gave", Code().i32(7).call(kRep1).drop(), kUnknown},
      {"rep of handle 2^28", Code().i32(0x1000'0000).call(kRep1).drop(), kUnknown},
      {"dropped twice", Code().i32(5).call(kNew1).call(kDrop1).i32(1).call(kDrop1), kUnknown},
      {"used after its drop",
       Code().i32(5).call(kNew1).call(kDrop1).i32(1).call(kRep1).drop(),
       kUnknown},
      {"dropped as another type", Code().i32(5).call(kNew1).call(kDrop2), kWrongType},
      {"read as another type", Code().i32(5).call(kNew1).call(kRep2).drop(), kWrongType},
      {"reused for another type, dropped as the old one",
       Code().i32(5).call(kNew1).call(kDrop1).i32(6).call(kNew2).call(kDrop1),
       kWrongType},
      {"the neighbour of a good handle",
       Code().i32(5).call(kNew1).i32(1).op({0x6a}).call(kDrop1),
       kUnknown},
      {"all bits but the low ones",
       Code().i32(5).call(kNew1).i32(0x8000'0000).op({0x72}).call(kDrop1),
       kUnknown},
      {"drop of the second, twice",
       Code().i32(1).call(kNew2).i32(2).call(kNew2).call(kDrop2).call(kDrop2).i32(2).call(kDrop2),
       kUnknown},
      {"representation taken for a handle",
       Code().i32(0x1234).call(kNew1).call(kRep1).call(kDrop1),
       kUnknown},
      {"more handles than the host keeps",
       Code().op({0x03, 0x40}).i32(1).call(kNew2).op({0x1a, 0x0c, 0, 0x0b}),
       "too many resource handles"},
  }};
  for (const Row& row : rows) {
    out.push_back(
        {fmt::format("own resource: {}", row.name), own_resources(row.code), host_trap(row.text)}
    );
  }
  const Code make_and_drop = Code().i32(5).call(kNew1).call(kDrop1);
  for (const Behaviour& behaviour : behaviours(0)) {
    out.push_back(
        {fmt::format("destructor: {}", behaviour.name),
         own_resources(make_and_drop, behaviour.code),
         {Stage::Call, behaviour.kind, behaviour.text}}
    );
  }
  struct Returned {
    const char* name;
    Code code;
    const char* text;
  };
  const std::array<Returned, 5> returned = {{
      {"handle 0", Code().i32(0), kUnknown},
      {"a handle that nobody gave", Code().i32(3), kUnknown},
      {"a dropped one", Code().i32(5).call(kNew1).call(kDrop1).i32(1), kUnknown},
      {"one of another type", Code().i32(5).call(kNew2), kWrongType},
      {"handle -1", Code().i32(0xffff'ffff), kUnknown},
  }};
  for (const Returned& row : returned) {
    out.push_back(
        {fmt::format("returned as own: {}", row.name),
         own_resources(row.code, {}, "own"),
         host_trap(row.text)}
    );
  }
}

// Functions of a user's main module, by index.
enum Used : std::uint32_t { kMake, kUse, kTake, kBoth, kPass, kDrop };

/// Defines resource `r`; make() gives one, use(borrow), take(own), both(borrow, own).
Bytes provider(const Code& destructor) {
  Module early;
  early.funcs = {deep_func(0), {{kI32}, {}, destructor, "dtor", {}}};
  Module main;
  main.imports = {{"host", "new", {kI32}, {kI32}}};
  main.funcs = {
      {{}, {kI32}, Code().i32(77).call(0), "make", {}},
      {{kI32}, {}, {}, "use", {}},
      {{kI32}, {}, {}, "take", {}},
      {{kI32, kI32}, {}, {}, "both", {}},
  };
  Component out;
  const std::uint32_t first = out.core_instance(out.core_module(early.bytes()));
  const std::uint32_t r = out.resource(out.alias_core_func(first, "dtor"));
  const std::uint32_t make_new = out.resource_new(r);
  const std::uint32_t second =
      out.core_instance(out.core_module(main.bytes()), {{"host", {{"new", make_new}}}});
  const std::uint32_t exported = out.export_type("r", r);
  const std::string own = fmt::format("own<{}>", exported);
  const std::string borrow = fmt::format("borrow<{}>", exported);
  const auto add =
      [&](const char* name, const std::vector<std::string>& params, const std::string& result) {
        const std::uint32_t func = out.alias_core_func(second, name);
        out.export_func(name, out.lift(func, out.func_type(params, result), {}));
      };
  add("make", {}, own);
  add("use", {borrow}, "");
  add("take", {own}, "");
  add("both", {borrow, own}, "");
  return out.bytes();
}

/// Stands between: is lent an `r` as a handle of its own table. Functions 0 take, 1 drop.
Bytes middleman(const Code& code) {
  Module main;
  main.imports = {{"host", "take", {kI32}, {}}, {"host", "drop", {kI32}, {}}};
  main.funcs = {{{kI32}, {}, code, "pass", {}}};
  Component out;
  const std::uint32_t r = out.import_resource("r");
  const std::uint32_t take =
      out.lower(out.import_func("take", out.func_type({fmt::format("own<{}>", r)}, "")), {});
  const std::uint32_t drop = out.resource_drop(r);
  const std::uint32_t instance = out.core_instance(
      out.core_module(main.bytes()), {{"host", {{"take", take}, {"drop", drop}}}}
  );
  const std::uint32_t func = out.alias_core_func(instance, "pass");
  out.export_func("pass", out.lift(func, out.func_type({fmt::format("borrow<{}>", r)}, ""), {}));
  return out.bytes();
}

/// Imports everything and runs the code in `f`.
Bytes user(const Code& code) {
  Module main;
  main.imports = {
      {"host", "make", {}, {kI32}},
      {"host", "use", {kI32}, {}},
      {"host", "take", {kI32}, {}},
      {"host", "both", {kI32, kI32}, {}},
      {"host", "pass", {kI32}, {}},
      {"host", "drop", {kI32}, {}},
  };
  main.funcs = {{{}, {}, code, "f", {kI32}}};
  Component out;
  const std::uint32_t r = out.import_resource("r");
  const std::string own = fmt::format("own<{}>", r);
  const std::string borrow = fmt::format("borrow<{}>", r);
  std::vector<std::pair<std::string, std::uint32_t>> bag;
  const auto add =
      [&](const char* name, const std::vector<std::string>& params, const std::string& result) {
        const std::uint32_t imported = out.import_func(name, out.func_type(params, result));
        bag.emplace_back(name, out.lower(imported, {}));
      };
  add("make", {}, own);
  add("use", {borrow}, "");
  add("take", {own}, "");
  add("both", {borrow, own}, "");
  add("pass", {borrow}, "");
  bag.emplace_back("drop", out.resource_drop(r));
  const std::uint32_t instance = out.core_instance(out.core_module(main.bytes()), {{"host", bag}});
  const std::uint32_t func = out.alias_core_func(instance, "f");
  out.export_func("f", out.lift(func, out.func_type({}, ""), {}));
  return out.bytes();
}

Bytes three_parties(
    const Code& code, const Code& pass = Code().get(0).call(1), const Code& destructor = {}
) {
  Component out;
  const std::uint32_t a = out.instance(out.nested(provider(destructor)), {});
  const std::uint32_t r = out.alias_type(a, "r");
  const std::uint32_t make = out.alias_func(a, "make");
  const std::uint32_t use = out.alias_func(a, "use");
  const std::uint32_t take = out.alias_func(a, "take");
  const std::uint32_t both = out.alias_func(a, "both");
  const std::uint32_t m =
      out.instance(out.nested(middleman(pass)), {{"r", 3, r}, {"take", 1, take}});
  const std::uint32_t passes = out.alias_func(m, "pass");
  const std::uint32_t b = out.instance(
      out.nested(user(code)),
      {{"r", 3, r},
       {"make", 1, make},
       {"use", 1, use},
       {"take", 1, take},
       {"both", 1, both},
       {"pass", 1, passes}}
  );
  out.export_func("f", out.alias_func(b, "f"));
  return out.bytes();
}

void add_foreign(Guests& out) {
  struct Row {
    const char* name;
    Code code;
    const char* text;  ///< null: returns
  };
  const Code made = Code().call(kMake).set(0);
  const auto h = [] { return Code().get(0); };
  const std::array<Row, 16> rows = {{
      {"honest use",
       Code().add(made).add(h()).call(kUse).add(h()).call(kPass).add(h()).call(kDrop),
       nullptr},
      {"lent as handle 0", Code().i32(0).call(kUse), kUnknown},
      {"lent as a handle that nobody gave", Code().i32(9).call(kUse), kUnknown},
      {"given away as handle 0", Code().i32(0).call(kTake), kUnknown},
      {"given away twice", Code().add(made).add(h()).call(kTake).add(h()).call(kTake), kUnknown},
      {"lent after it was given away",
       Code().add(made).add(h()).call(kTake).add(h()).call(kUse),
       kUnknown},
      {"dropped after it was given away",
       Code().add(made).add(h()).call(kTake).add(h()).call(kDrop),
       kUnknown},
      {"lent after its drop", Code().add(made).add(h()).call(kDrop).add(h()).call(kUse), kUnknown},
      {"dropped twice", Code().add(made).add(h()).call(kDrop).add(h()).call(kDrop), kUnknown},
      {"lent and given away in one call",
       Code().add(made).add(h()).add(h()).call(kBoth),
       "while borrowed"},
      {"given to the middleman after its drop",
       Code().add(made).add(h()).call(kDrop).add(h()).call(kPass),
       kUnknown},
      {"given away as handle -1", Code().i32(0xffff'ffff).call(kTake), kUnknown},
      {"drop of handle 0", Code().i32(0).call(kDrop), kUnknown},
      {"drop of a handle that nobody gave", Code().i32(3).call(kDrop), kUnknown},
      {"lent under a number one too high",
       Code().add(made).add(h()).i32(1).op({0x6a}).call(kUse),
       kUnknown},
      {"never dropped", Code().add(made), nullptr},
  }};
  for (const Row& row : rows) {
    out.push_back(
        {fmt::format("another's resource: {}", row.name),
         three_parties(row.code),
         row.text == nullptr ? Ending{Stage::Returns, {}, {}} : host_trap(row.text)}
    );
  }
  struct Pass {
    const char* name;
    Code code;
    const char* text;
  };
  const std::array<Pass, 5> passes = {{
      {"keeps what it was lent", Code(), "borrow handles still remain"},
      {"drops what it was lent twice", Code().get(0).call(1).get(0).call(1), kUnknown},
      {"gives away what it was lent",
       Code().get(0).call(0),
       "cannot lift own resource from a borrow"},
      {"gives away what it was lent and dropped", Code().get(0).call(1).get(0).call(0), kUnknown},
      {"drops something else", Code().i32(44).call(1), kUnknown},
  }};
  const Code lend = Code().add(made).add(h()).call(kPass);
  for (const Pass& row : passes) {
    out.push_back(
        {fmt::format("the middleman {}", row.name),
         three_parties(lend, row.code),
         host_trap(row.text)}
    );
  }
  const Code drop = Code().add(made).add(h()).call(kDrop);
  for (const Behaviour& behaviour : behaviours(0)) {
    out.push_back(
        {fmt::format("another's destructor: {}", behaviour.name),
         three_parties(drop, Code().get(0).call(1), behaviour.code),
         {Stage::Call, behaviour.kind, behaviour.text}}
    );
  }
}

/// Lifts the built-in itself: `f` is resource.new. The plan once lost its type.
Bytes lifted_builtin() {
  Component out;
  const std::uint32_t r = out.resource(std::nullopt);
  const std::uint32_t make = out.resource_new(r);
  const std::uint32_t exported = out.export_type("r", r);
  const std::uint32_t type = out.func_type({"u32"}, fmt::format("own<{}>", exported));
  out.export_func("f", out.lift(make, type, {}));
  return out.bytes();
}

std::vector<component::Value> one_number() {
  std::vector<component::Value> out;
  out.push_back(component::Value::unsigned_int(7));
  return out;
}

}  // namespace

Guests bad_handles() {
  Guests out;
  out.push_back(
      {"a built-in as the component's function",
       lifted_builtin(),
       {Stage::Returns, {}, {}},
       &one_number}
  );
  add_own(out);
  add_foreign(out);
  return out;
}

}  // namespace whorl::hostile
