// Guests that go wrong where the host calls them: in realloc, post-return, start functions, bodies;
// and guests whose functions have other types than they claim.
#include "corpus.hpp"

#include <fmt/format.h>

#include <array>

namespace whorl::hostile {
namespace {

using Stage = Ending::Stage;
using component::Value;
using engine::TrapKind;

constexpr std::uint32_t kMemoryBytes = 0x10000;

/// A module with a host function to call (0), endless recursion (1), and what is added.
Module with_host() {
  Module out;
  out.imports = {{"host", "note", {}, {}}};
  out.funcs = {deep_func(1)};
  return out;
}

struct Lifted {
  std::vector<std::string> params = {};
  std::string result = {};
  bool has_realloc = false;
  bool has_post_return = false;
};

/// The component around with_host(): `f` lifted, with the options that are there.
Bytes around(const Module& module, const Lifted& lifted) {
  Component out;
  const std::uint32_t note = import_note(out);
  const std::uint32_t lowered = out.lower(note, {});
  const std::uint32_t instance =
      out.core_instance(out.core_module(module.bytes()), {{"host", {{"note", lowered}}}});
  const std::uint32_t func = out.alias_core_func(instance, "f");
  Component::Options options;
  options.memory = out.alias_memory(instance);
  if (lifted.has_realloc) {
    options.realloc = out.alias_core_func(instance, "realloc");
  }
  if (lifted.has_post_return) {
    options.post_return = out.alias_core_func(instance, "post");
  }
  const std::uint32_t type = out.func_type(lifted.params, lifted.result);
  out.export_func("f", out.lift(func, type, options));
  return out.bytes();
}

Ending ending(const Behaviour& behaviour, Stage stage = Stage::Call) {
  return {stage, behaviour.kind, behaviour.text};
}

struct Argument {
  const char* wit;
  std::vector<int> core;  ///< flat
  std::uint32_t alignment;
  std::vector<Value> (*make)();
};

std::vector<Value> one(Value value) {
  std::vector<Value> out;
  out.push_back(std::move(value));
  return out;
}

Value list_of(Value a, Value b) {
  Value::Fields out;
  out.push_back(std::move(a));
  out.push_back(std::move(b));
  return Value::list(std::move(out));
}

/// Arguments that the host must allocate for.
std::vector<Argument> arguments() {
  return {
      {"string", {kI32, kI32}, 1, [] { return one(Value::string("hello")); }},
      {"list<u8>", {kI32, kI32}, 1, [] { return one(Value::bytes(as_bytes("abc"))); }},
      {"list<u32>",
       {kI32, kI32},
       4,
       [] { return one(list_of(Value::unsigned_int(1), Value::unsigned_int(2))); }},
      {"list<u64>",
       {kI32, kI32},
       8,
       [] { return one(list_of(Value::unsigned_int(1), Value::unsigned_int(2))); }},
      {"list<string>",
       {kI32, kI32},
       4,
       [] { return one(list_of(Value::string("a"), Value::string("b"))); }},
  };
}

/// Seventeen numbers do not fit into core parameters: they go through memory.
std::vector<std::string> seventeen() {
  return std::vector<std::string>(17, "u32");
}
std::vector<Value> seventeen_values() {
  std::vector<Value> out;
  for (std::uint32_t i = 0; i < 17; ++i) {
    out.push_back(Value::unsigned_int(i));
  }
  return out;
}

Func realloc_of(Code code) {
  return {{kI32, kI32, kI32, kI32}, {kI32}, std::move(code), "realloc", {}};
}

struct BadRealloc {
  std::string name;
  Code code;
  Ending ending;
};

std::vector<BadRealloc> bad_realloc_codes(std::uint32_t alignment) {
  std::vector<BadRealloc> out;
  for (const Behaviour& behaviour : behaviours(1)) {
    out.push_back({behaviour.name, behaviour.code, ending(behaviour)});
  }
  out.push_back(
      {"calls out",
       Code().call(0).i32(16),
       {Stage::Call, TrapKind::HostTrap, "cannot leave component instance"}}
  );
  constexpr std::array<std::uint32_t, 4> kBeyond = {
      0xffff'fff8, kMemoryBytes, 0x8000'0000, 0x7fff'fff8
  };
  for (const std::uint32_t address : kBeyond) {
    out.push_back(
        {fmt::format("returns {:#x}", address),
         Code().i32(address),
         {Stage::Call, TrapKind::HostTrap, "realloc return: beyond end of memory"}}
    );
  }
  if (alignment > 1) {
    out.push_back(
        {"returns an odd address",
         Code().i32(0x101),
         {Stage::Call, TrapKind::HostTrap, "realloc return: result not aligned"}}
    );
  }
  return out;
}

}  // namespace

Guests bad_reallocs() {
  Guests out;
  const auto add = [&out](
                       const std::string& name,
                       const std::vector<std::string>& params,
                       const std::vector<int>& core,
                       std::uint32_t alignment,
                       std::vector<Value> (*make)()
                   ) {
    for (const BadRealloc& bad : bad_realloc_codes(alignment)) {
      Module module = with_host();
      module.funcs.push_back({core, {}, {}, "f", {}});
      module.funcs.push_back(realloc_of(bad.code));
      out.push_back(
          {fmt::format("realloc for {}: {}", name, bad.name),
           around(module, {.params = params, .has_realloc = true}),
           bad.ending,
           make}
      );
    }
  };
  for (const Argument& argument : arguments()) {
    add(argument.wit, {argument.wit}, argument.core, argument.alignment, argument.make);
  }
  add("seventeen numbers", seventeen(), {kI32}, 4, &seventeen_values);
  return out;
}

Guests bad_post_returns() {
  struct Result {
    const char* wit;
    int core;
  };
  constexpr std::array<Result, 3> kResults = {{
      {"string", kI32},
      {"tuple<u8, list<u32>>", kI32},
      {"u32", kI32},
  }};
  Guests out;
  for (const Result& result : kResults) {
    std::vector<BadRealloc> codes;
    for (const Behaviour& behaviour : behaviours(1)) {
      codes.push_back({behaviour.name, behaviour.code, ending(behaviour)});
    }
    codes.push_back(
        {"calls out",
         Code().call(0),
         {Stage::Call, TrapKind::HostTrap, "cannot leave component instance"}}
    );
    for (const BadRealloc& bad : codes) {
      Module module = with_host();
      module.funcs.push_back({{}, {result.core}, Code().i32(0x100), "f", {}});
      module.funcs.push_back({{result.core}, {}, bad.code, "post", {}});
      module.funcs.push_back(bump_realloc());
      out.push_back(
          {fmt::format("post-return of {}: {}", result.wit, bad.name),
           around(module, {.result = result.wit, .has_realloc = true, .has_post_return = true}),
           bad.ending}
      );
    }
  }
  return out;
}

Guests bad_starts() {
  Guests out;
  for (const Behaviour& behaviour : behaviours(1)) {
    Module module = with_host();
    module.funcs.push_back({{}, {}, {}, "f", {}});
    module.funcs.push_back({{}, {}, behaviour.code, "", {}});
    module.start = 3;
    out.push_back(
        {fmt::format("start function: {}", behaviour.name),
         around(module, {}),
         ending(behaviour, Stage::Instantiate)}
    );
  }
  for (const std::uint32_t address :
       {std::uint32_t{kMemoryBytes - 1}, std::uint32_t{0xffff'ffff}}) {
    Module module = with_host();
    module.funcs.push_back({{}, {}, {}, "f", {}});
    module.data = {{address, {1, 2}}};
    out.push_back(
        {fmt::format("data at {:#x}, beyond memory", address),
         around(module, {}),
         {Stage::Instantiate, TrapKind::MemoryOutOfBounds, "memory access out of bounds"}}
    );
  }
  Module large = with_host();
  large.funcs.push_back({{}, {}, {}, "f", {}});
  large.pages = 0x8000;  // 2 GiB to begin with; the store allows 16 MiB
  out.push_back(
      {"more memory than allowed to begin with",
       around(large, {}),
       {Stage::Instantiate, TrapKind::ResourceLimit, ""}}
  );
  return out;
}

Guests bad_bodies() {
  Guests out;
  for (const Behaviour& behaviour : behaviours(1)) {
    Module module = with_host();
    module.funcs.push_back({{}, {}, behaviour.code, "f", {}});
    out.push_back({fmt::format("body: {}", behaviour.name), around(module, {}), ending(behaviour)});
  }
  // memory.grow until it says no, then writes to the last byte: allowed, and bounded.
  Module grows = with_host();
  Code until_refused;
  until_refused.op({0x03, 0x40}).i32(16).op({0x40, 0}).i32(0xffff'ffff).op({0x47, 0x0d, 0, 0x0b});
  until_refused.op({0x3f, 0}).i32(16).op({0x74}).i32(4).op({0x6b}).i32(7).op({0x36, 2, 0});
  grows.funcs.push_back({{}, {}, until_refused, "f", {}});
  out.push_back({"body: grows memory to its limit", around(grows, {}), {Stage::Returns, {}, {}}});
  Module grows_and_reads = with_host();
  grows_and_reads.funcs.push_back(
      {{}, {}, Code().add(until_refused).i32(0x7fff'0000).op({0x28, 2, 0, 0x1a}), "f", {}}
  );
  out.push_back(
      {"body: grows memory to its limit and reads beyond it",
       around(grows_and_reads, {}),
       {Stage::Call, TrapKind::MemoryOutOfBounds, "memory access out of bounds"}}
  );
  // A recursion through the host's own frames: f calls note without end.
  Module chatters = with_host();
  chatters.funcs.push_back({{}, {}, Code().op({0x03, 0x40}).call(0).op({0x0c, 0, 0x0b}), "f", {}});
  out.push_back(
      {"body: calls the host without end",
       around(chatters, {}),
       {Stage::Call, TrapKind::CpuBudget, {}}}
  );
  return out;
}

Guests bad_signatures() {
  struct Row {
    const char* name;
    std::vector<std::string> params;
    std::string result;
    std::vector<int> core_params;
    std::vector<int> core_results;
    std::vector<int> realloc_params = {kI32, kI32, kI32, kI32};
    std::vector<int> realloc_results = {kI32};
    std::vector<int> post_params = {};
    std::vector<int> post_results = {};
  };
  const std::vector<int> four = {kI32, kI32, kI32, kI32};
  const std::array<Row, 20> rows = {{
      {"no result where one is due", {}, "u32", {}, {}},
      {"a result where none is due", {}, "", {}, {kI32}},
      {"i64 for u32", {}, "u32", {}, {kI64}},
      {"i32 for u64", {}, "u64", {}, {kI32}},
      {"i32 for f32", {}, "f32", {}, {kI32}},
      {"f64 for f32", {}, "f32", {}, {kF64}},
      {"two results for a string", {}, "string", {}, {kI32, kI32}},
      {"a parameter too few", {"u32", "u32"}, "", {kI32}, {}},
      {"a parameter too many", {"u32"}, "", {kI32, kI32}, {}},
      {"i64 parameter for u32", {"u32"}, "", {kI64}, {}},
      {"a string as one parameter", {"string"}, "", {kI32}, {}},
      {"flat parameters that should be spilled", seventeen(), "", std::vector<int>(17, kI32), {}},
      {"a spilled parameter of i64", seventeen(), "", {kI64}, {}},
      {"realloc with three parameters", {"string"}, "", {kI32, kI32}, {}, {kI32, kI32, kI32}},
      {"realloc with an i64", {"string"}, "", {kI32, kI32}, {}, {kI64, kI32, kI32, kI32}},
      {"realloc without result", {"string"}, "", {kI32, kI32}, {}, four, {}},
      {"realloc with an i64 result", {"string"}, "", {kI32, kI32}, {}, four, {kI64}},
      {"post-return with a result", {}, "string", {}, {kI32}, four, {kI32}, {kI32}, {kI32}},
      {"post-return without parameter", {}, "string", {}, {kI32}, four, {kI32}, {}, {}},
      {"post-return of an i64", {}, "string", {}, {kI32}, four, {kI32}, {kI64}, {}},
  }};
  Guests out;
  for (const Row& row : rows) {
    Module module = with_host();
    module.funcs.push_back({row.core_params, row.core_results, Code().unreachable(), "f", {}});
    module.funcs.push_back(
        {row.realloc_params, row.realloc_results, Code().unreachable(), "realloc", {}}
    );
    module.funcs.push_back({row.post_params, row.post_results, Code().unreachable(), "post", {}});
    const bool has_post_return = std::string_view(row.name).starts_with("post-return");
    out.push_back(
        {fmt::format("types: {}", row.name),
         around(
             module,
             {.params = row.params,
              .result = row.result,
              .has_realloc = true,
              .has_post_return = has_post_return}
         ),
         {Stage::Load, {}, {}}}
    );
  }
  return out;
}

}  // namespace whorl::hostile
