/// Core WebAssembly vocabulary: value types, function types, raw values, traps.
///
/// Nothing here names the engine's own headers; engine/*.cpp checks that the layouts agree.
/// @spec WebAssembly core specification, §2.3 types
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::engine {

enum class ValType : std::uint8_t {
  I32,
  I64,
  F32,
  F64,
  V128,
  FuncRef,
  ExternRef,
  Other,  ///< a reference type the host neither offers nor accepts
};

/// A core function's type.
struct FuncType {
  std::vector<ValType> params;
  std::vector<ValType> results;
  bool operator==(const FuncType&) const = default;
};

/// A type as people write it: "(i32, i64) -> i32".
[[nodiscard]] std::string to_string(const FuncType& type);

/// One untyped core value; which member counts is known from the function's type. Layout-compatible
/// with the engine's raw value (checked in engine/store.cpp).
union alignas(8) RawVal {
  std::int32_t i32;
  std::uint32_t u32;
  std::int64_t i64;
  std::uint64_t u64;
  float f32;
  double f64;
  std::uint8_t v128[16];
};

/// Why a guest's execution ended.
enum class TrapKind : std::uint8_t {
  Unreachable,
  MemoryOutOfBounds,
  TableOutOfBounds,
  IndirectCallMismatch,
  IntegerOverflow,
  IntegerDivideByZero,
  BadConversion,
  StackOverflow,
  HostTrap,      ///< a host function or the canonical ABI ended it; the message says why
  Exit,          ///< the guest asked for its end (exit, proc_exit); see Trap::exit_code
  CpuBudget,     ///< used up its CPU time
  WallDeadline,  ///< its wall-clock time is over
  Cancelled,     ///< its client went away, or the program is stopping
  Other,
  ResourceLimit,  ///< no fault of the guest: the host has no room for another instance or fiber
};

/// Name of a kind as it stands in logs, e.g. "cpu-budget".
[[nodiscard]] std::string_view to_string(TrapKind kind) noexcept;

/// One frame of a guest's backtrace, innermost first.
struct TrapFrame {
  std::string module;    ///< module name from its name section, may be empty
  std::string function;  ///< demangled name where the name section has one, may be empty
  std::uint32_t function_index = 0;
  std::uint64_t module_offset = 0;  ///< bytes from the start of the module's binary
};

/// A trap with all that is known of it. Only built on failure.
struct Trap {
  TrapKind kind = TrapKind::Other;
  std::string message;
  int exit_code = 0;  ///< for TrapKind::Exit
  std::vector<TrapFrame> backtrace;

  /// Message and backtrace, one frame per line.
  [[nodiscard]] std::string to_text() const;
};

/// What a host function tells the engine: go on, or end the guest with the trap set on the store.
enum class HostStatus : std::uint8_t { Return, Trap };

}  // namespace whorl::engine
