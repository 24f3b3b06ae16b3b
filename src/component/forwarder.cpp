#include "component/forwarder.hpp"

#include "component/core_code.hpp"

#include <iterator>
#include <string>

namespace whorl::component {
namespace {

constexpr std::uint8_t kFirstByte = 16;  ///< where the allocator begins: address 0 stays unused

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
  append_body(code, 1, kI64Type, bump_realloc_code());
  append_body(code, 0, kI32Type, {kI32Const, kFirstByte, kGlobalSet, 0});

  Bytes out(std::begin(kCorePreamble), std::end(kCorePreamble));
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
