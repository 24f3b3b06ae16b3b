// Guests that call the host with what it must not believe: pointers, lengths, text, handles.
#include "corpus.hpp"

#include <fmt/format.h>

#include <array>

namespace whorl::hostile {
namespace {

using Stage = Ending::Stage;
using component::testing::vec;
using engine::TrapKind;

constexpr std::uint32_t kMemoryBytes = 0x10000;
constexpr const char* kOutOfBounds = "out of bounds of memory";
constexpr const char* kUnaligned = "unaligned pointer";
constexpr const char* kUnknown = "unknown handle index";

Ending host_trap(std::string text) {
  return {Stage::Call, TrapKind::HostTrap, std::move(text)};
}

/// A function of the host: its type as definitions inside an instance type, the function last; its
/// core type as lowered.
struct Callee {
  const char* name;
  Parts types;
  std::vector<int> params;
  std::vector<int> results = {};
};

// Type codes: 0x73 string, 0x7d u8, 0x79 u32, 0x74 char, 0x70 list, 0x6b option, 0x6a result.
Wasm takes(const Wasm& type) {
  return Wasm{0x40}.add(vec({Wasm().name("p0").add(type)})).add(Wasm{1, 0});
}
Wasm gives(const Wasm& type) {
  return Wasm{0x40, 0, 0}.add(type);
}

const Callee kSay{"say", {takes({0x73})}, {kI32, kI32}};
const Callee kBytes{"bytes", {Wasm{0x70, 0x7d}, takes({0})}, {kI32, kI32}};
const Callee kNumbers{"numbers", {Wasm{0x70, 0x79}, takes({0})}, {kI32, kI32}};
const Callee kTexts{"texts", {Wasm{0x70, 0x73}, takes({0})}, {kI32, kI32}};
const Callee kMaybe{"maybe", {Wasm{0x6b, 0x73}, takes({0})}, {kI32, kI32, kI32}};
const Callee kOutcome{"outcome", {Wasm{0x6a, 1, 0x79, 1, 0x73}, takes({0})}, {kI32, kI32, kI32}};
const Callee kLetter{"letter", {takes({0x74})}, {kI32}};
const Callee kGive{"give", {gives({0x73})}, {kI32}};
const Callee kGiveList{"give-list", {Wasm{0x70, 0x73}, gives({0})}, {kI32}};

/// A component whose `f` pushes the arguments and calls the function.
Bytes calling(
    const Callee& callee,
    const Code& arguments,
    const std::vector<Module::Data>& data = {},
    const std::optional<Code>& realloc = {}
) {
  Parts declarations;
  for (const Wasm& type : callee.types) {
    declarations.push_back(Wasm{1}.add(type));
  }
  declarations.push_back(component::testing::export_func(
      callee.name, static_cast<std::uint32_t>(callee.types.size() - 1)
  ));
  Component out;
  const std::uint32_t type = out.define(Wasm{0x42}.add(vec(declarations)));
  out.raw(10, vec({component::testing::import_instance(kHostInterface, type)}));
  const std::uint32_t func = out.alias_func(out.imported_instance(), callee.name);
  Module libc;
  libc.funcs = {
      deep_func(0),
      realloc ? Func{{kI32, kI32, kI32, kI32}, {kI32}, *realloc, "realloc", {}} : bump_realloc(),
  };
  libc.data = data;
  const std::uint32_t first = out.core_instance(out.core_module(libc.bytes()));
  Component::Options options;
  options.memory = out.alias_memory(first);
  options.realloc = out.alias_core_func(first, "realloc");
  const std::uint32_t lowered = out.lower(func, options);
  Module main;
  main.imports = {{"host", "g", callee.params, callee.results}};
  main.imports_memory = true;
  main.funcs = {{{}, {}, Code(arguments).call(0), "f", {}}};
  const std::uint32_t second = out.core_instance(
      out.core_module(main.bytes()), {{"host", {{"g", lowered}}}, {"libc", {}, first}}
  );
  const std::uint32_t f = out.alias_core_func(second, "f");
  out.export_func("f", out.lift(f, out.func_type({}, ""), {}));
  return out.bytes();
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

struct Pair {
  const Callee* callee;
  std::uint32_t pointer;
  std::uint32_t length;
  const char* text;
};

void add_pairs(Guests& out) {
  const std::array<Pair, 21> rows = {{
      {&kSay, 0xffff'ffff, 1, kOutOfBounds},
      {&kSay, kMemoryBytes, 1, kOutOfBounds},
      {&kSay, kMemoryBytes - 1, 2, kOutOfBounds},
      {&kSay, kMemoryBytes + 1, 0, kOutOfBounds},
      {&kSay, 0, 0x1000'0000, "string is too long"},
      {&kSay, 0x8000'0000, 0xffff'ffff, "string is too long"},
      {&kBytes, 0xffff'ffff, 1, kOutOfBounds},
      {&kBytes, kMemoryBytes - 1, 2, kOutOfBounds},
      {&kBytes, kMemoryBytes + 1, 0, kOutOfBounds},
      {&kBytes, 0, 0x1000'0000, "list is too long"},
      {&kBytes, 0, 0xffff'ffff, "list is too long"},
      {&kNumbers, 0x201, 1, kUnaligned},
      {&kNumbers, 0x203, 0, kUnaligned},
      {&kNumbers, kMemoryBytes, 1, kOutOfBounds},
      {&kNumbers, 0x200, 0x3f81, kOutOfBounds},
      {&kNumbers, 0x200, 0x4000'0000, "list is too long"},
      {&kNumbers, 0x200, 0xffff'ffff, "list is too long"},
      {&kTexts, 0x201, 1, kUnaligned},
      {&kTexts, 0x200, 0x1fc1, kOutOfBounds},
      {&kTexts, 0x200, 0x2000'0000, "list is too long"},
      {&kTexts, 0xffff'fff8, 1, kOutOfBounds},
  }};
  for (const Pair& row : rows) {
    out.push_back(
        {fmt::format("host's {}: {:#x} at {:#x}", row.callee->name, row.length, row.pointer),
         calling(*row.callee, Code().i32(row.pointer).i32(row.length)),
         host_trap(row.text)}
    );
  }
  struct Inner {
    Bytes bytes;
    const char* text;
  };
  const std::array<Inner, 4> inner = {{
      {words({0xffff'ffff, 1}), kOutOfBounds},
      {words({0x300, 0x1000'0000}), "string is too long"},
      {words({0x300, 0x10000}), kOutOfBounds},
      {words({0x210, 1, 0, 0, 0xff}), "utf"},
  }};
  for (const Inner& row : inner) {
    out.push_back(
        {fmt::format("host's texts: one bad text: {}", row.text),
         calling(kTexts, Code().i32(0x200).i32(1), {{0x200, row.bytes}}),
         host_trap(row.text)}
    );
  }
  for (const Bytes& text : {Bytes{0xff}, Bytes{0xc0, 0xaf}, Bytes{0xed, 0xa0, 0x80}}) {
    out.push_back(
        {fmt::format("host's say: text that is none, {} bytes", text.size()),
         calling(
             kSay, Code().i32(0x200).i32(static_cast<std::uint32_t>(text.size())), {{0x200, text}}
         ),
         host_trap("utf")}
    );
  }
}

void add_cases(Guests& out) {
  struct Row {
    const char* name;
    const Callee* callee;
    Code arguments;
    const char* text;  ///< null: returns
  };
  const std::array<Row, 12> rows = {{
      {"option of case 2", &kMaybe, Code().i32(2).i32(0).i32(0), "discriminant"},
      {"option of case -1", &kMaybe, Code().i32(0xffff'ffff).i32(0).i32(0), "discriminant"},
      {"some text nowhere", &kMaybe, Code().i32(1).i32(0xffff'ffff).i32(9), kOutOfBounds},
      {"none, with a payload nowhere", &kMaybe, Code().i32(0).i32(0xffff'ffff).i32(9), nullptr},
      {"result of case 2", &kOutcome, Code().i32(2).i32(0).i32(0), "discriminant"},
      {"error text nowhere", &kOutcome, Code().i32(1).i32(0xffff'ffff).i32(9), kOutOfBounds},
      {"ok, with an error nowhere", &kOutcome, Code().i32(0).i32(0xffff'ffff).i32(9), nullptr},
      {"a surrogate", &kLetter, Code().i32(0xd800), "invalid `char` bit pattern"},
      {"the last surrogate", &kLetter, Code().i32(0xdfff), "invalid `char` bit pattern"},
      {"beyond Unicode", &kLetter, Code().i32(0x11'0000), "invalid `char` bit pattern"},
      {"all bits", &kLetter, Code().i32(0xffff'ffff), "invalid `char` bit pattern"},
      {"the last letter", &kLetter, Code().i32(0x10'ffff), nullptr},
  }};
  for (const Row& row : rows) {
    out.push_back(
        {fmt::format("host's {}: {}", row.callee->name, row.name),
         calling(*row.callee, row.arguments),
         row.text == nullptr ? Ending{Stage::Returns, {}, {}} : host_trap(row.text)}
    );
  }
}

void add_results(Guests& out) {
  for (const Callee* callee : {&kGive, &kGiveList}) {
    constexpr std::array<std::uint32_t, 6> kPointers = {
        0xffff'fffc, kMemoryBytes, kMemoryBytes - 4, 0x101, 0x102, 0xffff'ffff
    };
    for (const std::uint32_t pointer : kPointers) {
      out.push_back(
          {fmt::format("host's {}: wanted at {:#x}", callee->name, pointer),
           calling(*callee, Code().i32(pointer)),
           host_trap(pointer % 4 == 0 ? kOutOfBounds : kUnaligned)}
      );
    }
    for (const std::uint32_t address : {0xffff'fff8U, kMemoryBytes, 0x8000'0000U}) {
      out.push_back(
          {fmt::format("host's {}: realloc returns {:#x}", callee->name, address),
           calling(*callee, Code().i32(0x100), {}, Code().i32(address)),
           host_trap("realloc return: beyond end of memory")}
      );
    }
    for (const Behaviour& behaviour : behaviours(0)) {
      out.push_back(
          {fmt::format("host's {}: realloc: {}", callee->name, behaviour.name),
           calling(*callee, Code().i32(0x100), {}, behaviour.code),
           {Stage::Call, behaviour.kind, behaviour.text}}
      );
    }
  }
}

// Functions of a thing's user, by index.
enum Thing : std::uint32_t { kMake, kTouch, kEat, kDrop, kNewOwn, kDropOwn };

/// A component that uses the host's resource and has one of its own.
Bytes thing_user(const Code& code) {
  const Wasm own{0x69, 0};
  const Wasm borrow{0x68, 0};
  const Parts declarations = {
      Wasm{4, 0}.name("thing").byte(3).byte(1),
      Wasm{1}.add(own),     // 1
      Wasm{1}.add(borrow),  // 2
      Wasm{1}.add(gives({1})),
      Wasm{1, 0x40}.add(vec({Wasm().name("self").byte(2)})).add(Wasm{1, 0}),
      Wasm{1}.add(takes({1})),
      component::testing::export_func("[constructor]thing", 3),
      component::testing::export_func("[method]thing.touch", 4),
      component::testing::export_func("[static]thing.eat", 5),
  };
  Component out;
  const std::uint32_t type = out.define(Wasm{0x42}.add(vec(declarations)));
  out.raw(10, vec({component::testing::import_instance(kHostInterface, type)}));
  const std::uint32_t host = out.imported_instance();
  const auto lower = [&](const char* name) { return out.lower(out.alias_func(host, name), {}); };
  const std::uint32_t make = lower("[constructor]thing");
  const std::uint32_t touch = lower("[method]thing.touch");
  const std::uint32_t eat = lower("[static]thing.eat");
  const std::uint32_t drop = out.resource_drop(out.alias_type(host, "thing"));
  const std::uint32_t mine = out.resource(std::nullopt);
  const std::uint32_t make_mine = out.resource_new(mine);
  const std::uint32_t drop_mine = out.resource_drop(mine);
  Module main;
  main.imports = {
      {"host", "make", {}, {kI32}},
      {"host", "touch", {kI32}, {}},
      {"host", "eat", {kI32}, {}},
      {"host", "drop", {kI32}, {}},
      {"host", "new-own", {kI32}, {kI32}},
      {"host", "drop-own", {kI32}, {}},
  };
  main.funcs = {{{}, {}, code, "f", {kI32}}};
  const std::uint32_t instance = out.core_instance(
      out.core_module(main.bytes()),
      {{"host",
        {{"make", make},
         {"touch", touch},
         {"eat", eat},
         {"drop", drop},
         {"new-own", make_mine},
         {"drop-own", drop_mine}}}}
  );
  const std::uint32_t f = out.alias_core_func(instance, "f");
  out.export_func("f", out.lift(f, out.func_type({}, ""), {}));
  return out.bytes();
}

void add_things(Guests& out) {
  struct Row {
    const char* name;
    Code code;
    const char* text;
  };
  const Code made = Code().call(kMake).set(0);
  const auto h = [] { return Code().get(0); };
  const std::array<Row, 15> rows = {{
      {"honest use", Code().add(made).add(h()).call(kTouch).add(h()).call(kEat), nullptr},
      {"touched as handle 0", Code().i32(0).call(kTouch), kUnknown},
      {"touched as a handle that nobody gave", Code().i32(5).call(kTouch), kUnknown},
      {"touched as handle -1", Code().i32(0xffff'ffff).call(kTouch), kUnknown},
      {"eaten as handle 0", Code().i32(0).call(kEat), kUnknown},
      {"eaten twice", Code().add(made).add(h()).call(kEat).add(h()).call(kEat), kUnknown},
      {"touched after it was eaten",
       Code().add(made).add(h()).call(kEat).add(h()).call(kTouch),
       kUnknown},
      {"dropped after it was eaten",
       Code().add(made).add(h()).call(kEat).add(h()).call(kDrop),
       kUnknown},
      {"dropped twice", Code().add(made).add(h()).call(kDrop).add(h()).call(kDrop), kUnknown},
      {"touched after its drop",
       Code().add(made).add(h()).call(kDrop).add(h()).call(kTouch),
       kUnknown},
      {"one of the guest's own touched",
       Code().i32(9).call(kNewOwn).call(kTouch),
       "used with the wrong type"},
      {"one of the guest's own eaten",
       Code().i32(9).call(kNewOwn).call(kEat),
       "used with the wrong type"},
      {"one of the guest's own dropped as it",
       Code().i32(9).call(kNewOwn).call(kDrop),
       "used with the wrong type"},
      {"dropped as one of the guest's own",
       Code().add(made).add(h()).call(kDropOwn),
       "used with the wrong type"},
      {"made without end",
       Code().op({0x03, 0x40}).call(kMake).op({0x1a, 0x0c, 0, 0x0b}),
       "too many resource handles"},
  }};
  for (const Row& row : rows) {
    out.push_back(
        {fmt::format("host's resource: {}", row.name),
         thing_user(row.code),
         row.text == nullptr ? Ending{Stage::Returns, {}, {}} : host_trap(row.text)}
    );
  }
}

}  // namespace

Guests bad_host_calls() {
  Guests out;
  add_pairs(out);
  add_cases(out);
  add_results(out);
  add_things(out);
  return out;
}

}  // namespace whorl::hostile
