/// For tests: a component that provides something, and one that wants it.
#pragma once

#include "component/test_builder.hpp"
#include "component/test_wasm.hpp"

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace whorl::component::testing {

inline Wasm code(std::initializer_list<int> bytes) {
  return Wasm(bytes);
}

/// Exports an instance with one function "run" that returns a number one higher at each call.
inline Bytes counter(std::string_view name) {
  CoreBuilder core;
  core.funcs = {
      {"run",
       func_type({}, {kCoreI32}),
       code({0x41, 0, 0x41, 0, 0x28, 2, 0, 0x41, 1, 0x6a, 0x36, 2, 0, 0x41, 0, 0x28, 2, 0})}
  };
  ComponentBuilder inner;
  const std::uint32_t instance = inner.core_instance(inner.module(core.bytes()));
  const std::uint32_t run = inner.core_func(instance, "run");
  inner.export_item("run", ItemSort::Func, inner.lift(run, {0}, inner.type(func_of({}, {kU32}))));
  ComponentBuilder out;
  out.export_item(name, ItemSort::Instance, out.instance(out.component(inner.bytes())));
  return out.bytes();
}

/// Imports an instance with "run" of a type, and exports "run": what that gives, and 100.
inline Bytes caller(std::string_view import, const Wasm& result = {kU32}) {
  ComponentBuilder out;
  const Wasm type = Wasm{0x42}.add(vec({Wasm{1}.add(func_of({}, result)), export_func("run", 0)}));
  const std::uint32_t instance = out.import_instance(import, out.type(type));
  const std::uint32_t lowered = out.lower(out.alias_func(instance, "run"), {0});
  CoreBuilder core;
  core.own_memory = false;
  core.funcs = {
      {"f", func_type({}, {kCoreI32}), {}, true},
      {"run", func_type({}, {kCoreI32}), code({0x10, 0, 0x41, 0xe4, 0, 0x6a})},
  };
  CoreBuilder memory;
  const std::uint32_t memories = out.core_instance(out.module(memory.bytes()));
  const std::uint32_t bag =
      out.core_bag({{"f", 0, lowered}, {"m", 2, out.core_memory(memories, "m")}});
  const std::uint32_t main = out.core_instance(out.module(core.bytes()), {{"", bag}});
  const std::uint32_t run =
      out.lift(out.core_func(main, "run"), {0}, out.type(func_of({}, {kU32})));
  out.export_item("run", ItemSort::Func, run);
  return out.bytes();
}

}  // namespace whorl::component::testing
