#include "component/forwarder.hpp"

#include "component/wasm_writer.hpp"

#include <string>

namespace whorl::component {
namespace {

// Opcodes of core WebAssembly.
enum Op : std::uint8_t {
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
constexpr std::uint8_t kI32Type = 0x7f;
constexpr std::uint8_t kI64Type = 0x7e;
constexpr std::uint8_t kNoResult = 0x40;
constexpr std::uint8_t kFirstByte = 16;  ///< where the allocator begins: address 0 stays unused

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

/// A signed constant.
void append_const(Bytes& out, std::uint8_t op, std::int64_t value) {
  out.push_back(op);
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

/// A body with its locals: how many, of which type.
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
Bytes realloc_code() {
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

/// Calls the function with the same arguments, and drops what was borrowed for it. The last local
/// is where a spilled result goes.
Bytes call_code(const Forwarder& forwarder, std::uint32_t realloc_func) {
  const auto params = static_cast<std::uint32_t>(forwarder.lifted.params.size());
  Bytes out;
  for (std::uint32_t i = 0; i < params; ++i) {
    append_op(out, kLocalGet, i);
  }
  if (forwarder.spill) {
    append_const(out, kI32Const, 0);
    append_const(out, kI32Const, 0);
    append_const(out, kI32Const, forwarder.spill->alignment);
    append_const(out, kI32Const, forwarder.spill->size);
    append_op(out, kCall, realloc_func);
    append_op(out, kLocalTee, params);
  }
  append_op(out, kCall, 0);
  for (std::uint32_t i = 0; i < forwarder.borrows.size(); ++i) {
    append_op(out, kLocalGet, forwarder.borrows[i]);
    append_op(out, kCall, i + 1);
  }
  if (forwarder.spill) {
    append_op(out, kLocalGet, params);
  }
  return out;
}

}  // namespace

Bytes write_forwarder(const Forwarder& forwarder) {
  using engine::ValType;
  const auto imports = static_cast<std::uint32_t>(forwarder.borrows.size() + 1);
  enum : std::uint8_t { kLowered, kLifted, kReallocType, kPostType, kDropType, kTypes };
  Bytes types;
  append_leb(types, kTypes);
  append_func_type(types, forwarder.lowered);
  append_func_type(types, forwarder.lifted);
  append_func_type(types, {std::vector<ValType>(4, ValType::I32), {ValType::I32}});
  append_func_type(types, {forwarder.lifted.results, {}});
  append_func_type(types, {{ValType::I32}, {}});

  Bytes import_section;
  append_leb(import_section, imports);
  for (std::uint32_t i = 0; i < imports; ++i) {
    append_name(import_section, "");
    append_name(import_section, std::to_string(i));
    import_section.push_back(0x00);
    import_section.push_back(i == 0 ? kLowered : kDropType);
  }
  const Bytes funcs = {3, kLifted, kReallocType, kPostType};
  const Bytes memories = {1, 0x00, 1};
  const Bytes globals = {1, kI32Type, 0x01, kI32Const, kFirstByte, kEnd};

  Bytes exports;
  append_leb(exports, 4);
  const auto add = [&](const char* name, std::uint8_t kind, std::uint32_t index) {
    append_name(exports, name);
    append_op(exports, kind, index);
  };
  add(kForwarderCall, 0x00, imports);
  add(kForwarderRealloc, 0x00, imports + 1);
  add(kForwarderPostReturn, 0x00, imports + 2);
  add(kForwarderMemory, 0x02, 0);

  Bytes code;
  append_leb(code, 3);
  append_body(code, forwarder.spill ? 1 : 0, kI32Type, call_code(forwarder, imports + 1));
  append_body(code, 1, kI64Type, realloc_code());
  append_body(code, 0, kI32Type, {kI32Const, kFirstByte, kGlobalSet, 0});

  Bytes out = {0, 'a', 's', 'm', 1, 0, 0, 0};
  append_section(out, 1, types);
  append_section(out, 2, import_section);
  append_section(out, 3, funcs);
  append_section(out, 5, memories);
  append_section(out, 6, globals);
  append_section(out, 7, exports);
  append_section(out, 10, code);
  return out;
}

}  // namespace whorl::component
