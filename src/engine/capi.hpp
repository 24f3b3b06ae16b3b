/// Internal to engine/: owners for the C API's handles and small conversions. Included by engine's
/// own .cpp files only, since it brings in the engine's headers.
#pragma once

#include "base/bytes.hpp"
#include "engine/store.hpp"
#include "engine/types.hpp"

#include <wasm.h>
#include <wasmtime.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace whorl::engine::capi {

template <auto Delete>
struct Deleter {
  template <class T>
  void operator()(T* handle) const noexcept {
    Delete(handle);
  }
};
using Config = std::unique_ptr<wasm_config_t, Deleter<wasm_config_delete>>;
using PoolConfig = std::unique_ptr<
    wasmtime_pooling_allocation_config_t,
    Deleter<wasmtime_pooling_allocation_config_delete>>;
using Engine = std::unique_ptr<wasm_engine_t, Deleter<wasm_engine_delete>>;
using Module = std::unique_ptr<wasmtime_module_t, Deleter<wasmtime_module_delete>>;
using Linker = std::unique_ptr<wasmtime_linker_t, Deleter<wasmtime_linker_delete>>;
using InstancePre = std::unique_ptr<wasmtime_instance_pre_t, Deleter<wasmtime_instance_pre_delete>>;
using Store = std::unique_ptr<wasmtime_store_t, Deleter<wasmtime_store_delete>>;
using Future = std::unique_ptr<wasmtime_call_future_t, Deleter<wasmtime_call_future_delete>>;
using Error = std::unique_ptr<wasmtime_error_t, Deleter<wasmtime_error_delete>>;
using WasmTrap = std::unique_ptr<wasm_trap_t, Deleter<wasm_trap_delete>>;
using FuncTypePtr = std::unique_ptr<wasm_functype_t, Deleter<wasm_functype_delete>>;

/// A vector that the C API filled; deleted with the scope.
template <class Vec, auto Delete>
struct OwnedVec {
  Vec vec = {};
  OwnedVec() = default;
  OwnedVec(const OwnedVec&) = delete;
  OwnedVec& operator=(const OwnedVec&) = delete;
  ~OwnedVec() { Delete(&vec); }
};
using ByteVec = OwnedVec<wasm_byte_vec_t, wasm_byte_vec_delete>;
using FrameVec = OwnedVec<wasm_frame_vec_t, wasm_frame_vec_delete>;
using ImportVec = OwnedVec<wasm_importtype_vec_t, wasm_importtype_vec_delete>;

[[nodiscard]] inline std::string_view text_of(const wasm_name_t& name) noexcept {
  return {name.data, name.size};
}

/// The whole message of an error, as the engine tells it (several lines).
[[nodiscard]] std::string message_of(const wasmtime_error_t& error);
/// The innermost cause of such a message, on one line.
[[nodiscard]] std::string root_cause(std::string_view message);

/// Our type from the engine's. Safe for every type a guest can declare: the C API's own
/// wasm_valtype_kind() ends the process on vectors and typed references.
[[nodiscard]] FuncType to_func_type(const wasm_functype_t& type);
/// The engine's type from ours; null when a ValType::Other is in it.
[[nodiscard]] FuncTypePtr to_wasm(const FuncType& type);

// Our handles are the engine's, bit by bit.
static_assert(sizeof(Func) == sizeof(wasmtime_func_t));
static_assert(sizeof(Memory) == sizeof(wasmtime_memory_t));
static_assert(sizeof(Instance) >= sizeof(wasmtime_instance_t));
static_assert(sizeof(Extern) >= sizeof(wasmtime_extern_t));
static_assert(alignof(Extern) >= alignof(wasmtime_extern_t));
static_assert(sizeof(RawVal) == sizeof(wasmtime_val_raw_t));
static_assert(alignof(RawVal) >= alignof(wasmtime_val_raw_t));
static_assert(sizeof(wasmtime_val_raw_t) == 16);

template <class To, class From>
[[nodiscard]] To bits(const From& from) noexcept {
  static_assert(std::is_trivially_copyable_v<To> && std::is_trivially_copyable_v<From>);
  To to = {};
  std::memcpy(&to, &from, sizeof(To) < sizeof(From) ? sizeof(To) : sizeof(From));
  return to;
}

/// A handle as the engine's own type, where it lies: only the engine looks behind the pointer. For
/// the hot path, where a copy costs more than what it is looked up with.
template <class To, class From>
[[nodiscard]] const To* in_place(const From& from) noexcept {
  static_assert(sizeof(From) >= sizeof(To) && alignof(From) >= alignof(To));
  return reinterpret_cast<const To*>(&from);
}

/// Address of about where the stack is now.
[[nodiscard]] inline std::uintptr_t stack_pointer() noexcept {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

}  // namespace whorl::engine::capi
