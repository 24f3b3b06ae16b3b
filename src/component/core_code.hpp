/// Pieces of core WebAssembly for the small modules that this room writes itself: instructions, and
/// a bump allocator.
///
/// Private to the room. @thread any @spec WebAssembly core specification, §5 binary format
#pragma once

#include "base/bytes.hpp"
#include "component/wasm_writer.hpp"
#include "engine/types.hpp"

#include <cstdint>

namespace whorl::component {

/// Opcodes of core WebAssembly.
enum CoreOp : std::uint8_t {
  kUnreachable = 0x00,
  kIf = 0x04,
  kEnd = 0x0b,
  kCall = 0x10,
  kLocalGet = 0x20,
  kLocalSet = 0x21,
  kLocalTee = 0x22,
  kGlobalGet = 0x23,
  kGlobalSet = 0x24,
  kSelect = 0x1b,
  kI32Load = 0x28,
  kMemorySize = 0x3f,
  kMemoryGrow = 0x40,
  kI32Const = 0x41,
  kI64Const = 0x42,
  kI32Eq = 0x46,
  kI32LtU = 0x49,
  kI64GtU = 0x56,
  kI32Add = 0x6a,
  kI32Sub = 0x6b,
  kI32And = 0x71,
  kI64Add = 0x7c,
  kI64Shl = 0x86,
  kI64ShrU = 0x88,
  kI64Sub = 0x7d,
  kI32WrapI64 = 0xa7,
  kI64ExtendU = 0xad,
};

inline constexpr std::uint8_t kI32Type = 0x7f;
inline constexpr std::uint8_t kI64Type = 0x7e;
inline constexpr std::uint8_t kNoResult = 0x40;
/// "\0asm", version 1.
inline constexpr std::uint8_t kCorePreamble[] = {0, 'a', 's', 'm', 1, 0, 0, 0};

void append_func_type(Bytes& out, const engine::FuncType& type);

/// An instruction with an unsigned operand.
void append_op(Bytes& out, std::uint8_t op, std::uint32_t operand);

/// Signed LEB128.
void append_sleb(Bytes& out, std::int64_t value);

/// A signed constant.
void append_const(Bytes& out, std::uint8_t op, std::int64_t value);

/// A body with its locals: how many, of which type.
void append_body(Bytes& section, std::uint32_t locals, std::uint8_t type, const Bytes& code);

/// A `realloc` for a memory 0 that only grows: its body, with one more local, an i64. The global 0
/// is where the next free byte is.
[[nodiscard]] Bytes bump_realloc_code();

}  // namespace whorl::component
