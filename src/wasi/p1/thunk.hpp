/// Preview 1 functions made of methods: function<&Preview1::fd_write>("fd_write") is a row of the
/// module's table whose core type and thunk come from the method's signature, so that they cannot
/// disagree. @thread shard
#pragma once

#include "component/component.hpp"
#include "engine/fiber.hpp"
#include "wasi/p1/abi.hpp"
#include "wasi/p1/guest.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace whorl::wasi::p1::detail {

template <class T>
consteval engine::ValType core_type_of() {
  static_assert(std::is_same_v<T, std::uint32_t> || std::is_same_v<T, std::uint64_t>);
  return std::is_same_v<T, std::uint32_t> ? engine::ValType::I32 : engine::ValType::I64;
}

template <class T>
T argument(const engine::RawVal& slot) noexcept {
  if constexpr (std::is_same_v<T, std::uint32_t>) {
    return slot.u32;
  } else {
    return slot.u64;
  }
}

template <class M>
struct Method;
template <class C, class R, class... P>
struct Method<R (C::*)(Guest&, P...)> {
  using Host = C;
  static engine::FuncType type() {
    engine::FuncType out;
    out.params = {core_type_of<P>()...};
    if constexpr (!std::is_void_v<R>) {
      static_assert(std::is_same_v<R, Errno>);
      out.results = {engine::ValType::I32};
    }
    return out;
  }
  template <auto kMethod>
  static void call(C& host, Guest& guest, engine::RawVal* slots) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      if constexpr (std::is_void_v<R>) {
        (host.*kMethod)(guest, argument<P>(slots[I])...);
      } else {
        const Errno result = (host.*kMethod)(guest, argument<P>(slots[I])...);
        slots[0].u64 = static_cast<std::uint32_t>(result);
      }
    }(std::index_sequence_for<P...>{});
  }
};

template <auto kMethod>
engine::HostStatus thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  using Types = Method<decltype(kMethod)>;
  const auto& site = *static_cast<const component::CallSite*>(env);
  auto& instance = *static_cast<component::ComponentInstance*>(store.host_data());
  if (!instance.may_leave(site.component_index)) [[unlikely]] {
    return store.set_trap(engine::TrapKind::HostTrap, "cannot leave component instance");
  }
  auto* host = static_cast<typename Types::Host*>(instance.host(site.host_slot));
  if (host == nullptr) [[unlikely]] {
    return store.set_trap(engine::TrapKind::HostTrap, "WASI preview 1 is not available here");
  }
  const engine::Memory* memory =
      site.memory_slot == component::CallSite::kNone ? nullptr : instance.memory(site.memory_slot);
  Guest guest(store, memory, store.current_fiber());
  Types::template call<kMethod>(host->of(site.component_index), guest, slots);
  if (guest.failed()) [[unlikely]] {
    component::HostTrap trap = guest.take_trap();
    return store.set_trap(trap.kind, std::move(trap.message), trap.exit_code);
  }
  return engine::HostStatus::Return;
}

/// A row of the table.
template <auto kMethod>
[[nodiscard]] consteval component::CoreHostFunction function(const char* name) {
  return {name, &Method<decltype(kMethod)>::type, &thunk<kMethod>};
}

}  // namespace whorl::wasi::p1::detail
