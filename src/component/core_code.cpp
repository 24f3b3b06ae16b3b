#include "component/core_code.hpp"

namespace whorl::component {
namespace {

std::uint8_t code_of(engine::ValType type) noexcept {
  switch (type) {
    case engine::ValType::I64:
      return kI64Type;
    case engine::ValType::F32:
      return 0x7d;
    case engine::ValType::F64:
      return 0x7c;
    default:
      return kI32Type;
  }
}

}  // namespace

void append_func_type(Bytes& out, const engine::FuncType& type) {
  out.push_back(0x60);
  for (const auto* side : {&type.params, &type.results}) {
    append_leb(out, side->size());
    for (const engine::ValType value : *side) {
      out.push_back(code_of(value));
    }
  }
}

void append_op(Bytes& out, std::uint8_t op, std::uint32_t operand) {
  out.push_back(op);
  append_leb(out, operand);
}

void append_sleb(Bytes& out, std::int64_t value) {
  for (;;) {
    const auto part = static_cast<std::uint8_t>(value & 0x7f);
    value >>= 7;
    const bool last = (value == 0 && (part & 0x40) == 0) || (value == -1 && (part & 0x40) != 0);
    out.push_back(last ? part : static_cast<std::uint8_t>(part | 0x80));
    if (last) {
      return;
    }
  }
}

void append_const(Bytes& out, std::uint8_t op, std::int64_t value) {
  out.push_back(op);
  append_sleb(out, value);
}

void append_body(Bytes& section, std::uint32_t locals, std::uint8_t type, const Bytes& code) {
  Bytes body;
  append_leb(body, locals == 0 ? 0 : 1);
  if (locals != 0) {
    append_leb(body, locals);
    body.push_back(type);
  }
  append_bytes(body, code);
  body.push_back(kEnd);
  append_leb(section, body.size());
  append_bytes(section, body);
}

/// (old, old_size, alignment, size) -> address: the next free bytes, with what was at `old`. Local
/// 4 is the end, computed in 64 bits; the address is put into parameter 2.
Bytes bump_realloc_code() {
  constexpr std::uint32_t kOld = 0;
  constexpr std::uint32_t kOldSize = 1;
  constexpr std::uint32_t kAddress = 2;
  constexpr std::uint32_t kSize = 3;
  constexpr std::uint32_t kEndLocal = 4;
  Bytes out;
  // address = (next + alignment - 1) & -alignment
  append_op(out, kGlobalGet, 0);
  append_op(out, kLocalGet, kAddress);
  out.push_back(kI32Add);
  append_const(out, kI32Const, 1);
  out.push_back(kI32Sub);
  append_const(out, kI32Const, 0);
  append_op(out, kLocalGet, kAddress);
  out.push_back(kI32Sub);
  out.push_back(kI32And);
  append_op(out, kLocalSet, kAddress);
  // end = address + size; grow when it is beyond the memory
  append_op(out, kLocalGet, kAddress);
  out.push_back(kI64ExtendU);
  append_op(out, kLocalGet, kSize);
  out.push_back(kI64ExtendU);
  out.push_back(kI64Add);
  append_op(out, kLocalTee, kEndLocal);
  append_op(out, kMemorySize, 0);
  out.push_back(kI64ExtendU);
  append_const(out, kI64Const, 16);
  out.push_back(kI64Shl);
  out.push_back(kI64GtU);
  append_op(out, kIf, kNoResult);
  append_op(out, kLocalGet, kEndLocal);
  append_const(out, kI64Const, 65'535);
  out.push_back(kI64Add);
  append_const(out, kI64Const, 16);
  out.push_back(kI64ShrU);
  append_op(out, kMemorySize, 0);
  out.push_back(kI64ExtendU);
  out.push_back(kI64Sub);
  out.push_back(kI32WrapI64);
  append_op(out, kMemoryGrow, 0);
  append_const(out, kI32Const, -1);
  out.push_back(kI32Eq);
  append_op(out, kIf, kNoResult);
  out.push_back(kUnreachable);
  out.push_back(kEnd);
  out.push_back(kEnd);
  append_op(out, kLocalGet, kEndLocal);
  out.push_back(kI32WrapI64);
  append_op(out, kGlobalSet, 0);
  // memory.copy(address, old, min(old_size, size))
  append_op(out, kLocalGet, kAddress);
  append_op(out, kLocalGet, kOld);
  append_op(out, kLocalGet, kOldSize);
  append_op(out, kLocalGet, kSize);
  append_op(out, kLocalGet, kOldSize);
  append_op(out, kLocalGet, kSize);
  out.push_back(kI32LtU);
  out.push_back(kSelect);
  out.insert(out.end(), {0xfc, 0x0a, 0x00, 0x00});
  append_op(out, kLocalGet, kAddress);
  return out;
}

}  // namespace whorl::component
