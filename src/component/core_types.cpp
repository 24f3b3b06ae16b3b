#include "component/core_types.hpp"

namespace whorl::component {
namespace {

constexpr std::uint32_t kMaxFuncParams = 1'000;
constexpr std::uint32_t kMaxTypes = 1'000'000;
constexpr std::uint32_t kMaxFields = 10'000;

std::optional<engine::ValType> as_engine_type(const CoreValType& type) noexcept {
  switch (type.code) {
    case 0x7f:
      return engine::ValType::I32;
    case 0x7e:
      return engine::ValType::I64;
    case 0x7d:
      return engine::ValType::F32;
    case 0x7c:
      return engine::ValType::F64;
    case 0x7b:
      return engine::ValType::V128;
    case 0x70:
      return engine::ValType::FuncRef;
    case 0x6f:
      return engine::ValType::ExternRef;
    default:
      return std::nullopt;
  }
}

Result<> read_func_side(
    Reader& in, std::string_view what, std::vector<engine::ValType>& out, bool& is_exact
) {
  WHORL_TRY(const std::uint32_t count, in.count(what, kMaxFuncParams));
  for (std::uint32_t i = 0; i < count; ++i) {
    WHORL_TRY(const CoreValType type, read_core_val_type(in));
    if (const auto known = as_engine_type(type)) {
      out.push_back(*known);
    } else {
      is_exact = false;
    }
  }
  return {};
}

Result<> skip_field_type(Reader& in) {
  const auto packed = in.peek();
  if (packed == 0x78 || packed == 0x77) {
    WHORL_CHECKED(in.byte("a storage type"));
  } else {
    WHORL_CHECKED(read_core_val_type(in));
  }
  WHORL_CHECKED(in.byte("a mutability"));
  return {};
}

Result<> read_composite(Reader& in, CoreTypeDef& out) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t code, in.byte("a core type"));
  switch (code) {
    case 0x60:
      out.is_func = true;
      out.is_exact = true;
      WHORL_CHECKED(read_func_side(in, "the parameters", out.func.params, out.is_exact));
      return read_func_side(in, "the results", out.func.results, out.is_exact);
    case 0x5f: {
      WHORL_TRY(const std::uint32_t fields, in.count("the fields of a struct type", kMaxFields));
      for (std::uint32_t i = 0; i < fields; ++i) {
        WHORL_CHECKED(skip_field_type(in));
      }
      return {};
    }
    case 0x5e:
      return skip_field_type(in);
    case 0x5d:
      WHORL_CHECKED(in.s33("a type index"));
      return {};
    default:
      return malformed(start, "expected a core type, found {:#04x}", code);
  }
}

Result<> read_sub_type(Reader& in, CoreTypeDef& out) {
  const auto lead = in.peek();
  if (lead == 0x50 || lead == 0x4f) {
    WHORL_CHECKED(in.byte("a core type"));
    WHORL_TRY(const std::uint32_t supers, in.count("the supertypes", kMaxFields));
    for (std::uint32_t i = 0; i < supers; ++i) {
      WHORL_CHECKED(in.u32("a type index"));
    }
  }
  return read_composite(in, out);
}

enum class LimitsOf : std::uint8_t { Table, Memory };

Result<CoreLimits> read_limits(Reader& in, LimitsOf of) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t flags, in.byte("limits"));
  const std::uint8_t known = of == LimitsOf::Memory ? 0x0f : 0x07;
  if ((flags & ~known) != 0) {
    return malformed(start, "expected limits, found flags {:#04x}", flags);
  }
  CoreLimits out;
  out.is_shared = (flags & 0x02) != 0;
  out.is_64 = (flags & 0x04) != 0;
  WHORL_TRY(out.min, in.u64("a minimum size"));
  if ((flags & 0x01) != 0) {
    WHORL_TRY(out.max, in.u64("a maximum size"));
  }
  if ((flags & 0x08) != 0) {
    WHORL_CHECKED(in.u32("a page size"));
  }
  return out;
}

/// Operands of the GC instructions (prefix 0xfb) that a constant expression may use.
Result<> skip_gc_operands(Reader& in, std::uint64_t start) {
  WHORL_TRY(const std::uint32_t op, in.u32("an instruction"));
  switch (op) {
    case 0x00:
    case 0x01:
    case 0x06:
    case 0x07:
      WHORL_CHECKED(in.u32("a type index"));
      return {};
    case 0x08:
      WHORL_CHECKED(in.u32("a type index"));
      WHORL_CHECKED(in.u32("a length"));
      return {};
    case 0x1a:
    case 0x1b:
    case 0x1c:
      return {};
    default:
      return malformed(start, "instruction 0xfb {:#x} can't be part of a constant expression", op);
  }
}

Result<> skip_const_operands(Reader& in, std::uint8_t op, std::uint64_t start) {
  switch (op) {
    case 0x41:
      WHORL_CHECKED(in.s32("a constant"));
      return {};
    case 0x42:
      WHORL_CHECKED(in.s64("a constant"));
      return {};
    case 0x43:
      WHORL_CHECKED(in.take(4, "an f32 constant"));
      return {};
    case 0x44:
      WHORL_CHECKED(in.take(8, "an f64 constant"));
      return {};
    case 0x23:
    case 0xd2:
      WHORL_CHECKED(in.u32("an index"));
      return {};
    case 0xd0:
      WHORL_CHECKED(in.s33("a heap type"));
      return {};
    case 0x6a:
    case 0x6b:
    case 0x6c:
    case 0x7c:
    case 0x7d:
    case 0x7e:
      return {};
    case 0xfb:
      return skip_gc_operands(in, start);
    case 0xfd: {
      WHORL_TRY(const std::uint32_t vector_op, in.u32("an instruction"));
      if (vector_op != 0x0c) {
        return malformed(start, "expected v128.const, found 0xfd {:#x}", vector_op);
      }
      WHORL_CHECKED(in.take(16, "a v128 constant"));
      return {};
    }
    default:
      return malformed(start, "instruction {:#04x} can't be part of a constant expression", op);
  }
}

}  // namespace

Result<CoreValType> read_core_val_type(Reader& in) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t code, in.byte("a core value type"));
  CoreValType out{code, 0};
  if (code == 0x63 || code == 0x64) {
    WHORL_TRY(out.heap, in.s33("a heap type"));
    if (code == 0x63 && out.heap < 0) {
      // A nullable reference to an abstract type has a short form too: keep that one.
      return CoreValType{static_cast<std::uint8_t>(out.heap & 0x7f), 0};
    }
    return out;
  }
  if (code < 0x65 || code > 0x7f || code == 0x78 || code == 0x77) {
    return malformed(start, "expected a core value type, found {:#04x}", code);
  }
  return out;
}

Result<> read_core_rec_type(Reader& in, std::vector<CoreTypeDef>& out) {
  std::uint32_t count = 1;
  if (in.peek() == 0x4e) {
    WHORL_CHECKED(in.byte("a core type"));
    WHORL_TRY(count, in.count("the types of a recursive group", kMaxTypes));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    CoreTypeDef type;
    WHORL_CHECKED(read_sub_type(in, type));
    out.push_back(std::move(type));
  }
  return {};
}

Result<CoreExternType> read_core_table_type(Reader& in) {
  CoreExternType out;
  out.kind = CoreKind::Table;
  WHORL_TRY(out.value, read_core_val_type(in));
  WHORL_TRY(out.limits, read_limits(in, LimitsOf::Table));
  return out;
}

Result<CoreExternType> read_core_memory_type(Reader& in) {
  CoreExternType out;
  out.kind = CoreKind::Memory;
  WHORL_TRY(out.limits, read_limits(in, LimitsOf::Memory));
  return out;
}

Result<CoreExternType> read_core_global_type(Reader& in) {
  CoreExternType out;
  out.kind = CoreKind::Global;
  WHORL_TRY(out.value, read_core_val_type(in));
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t mutability, in.byte("a mutability"));
  if (mutability > 1) {
    return malformed(start, "expected a mutability, found {:#04x}", mutability);
  }
  out.is_mutable = mutability == 1;
  return out;
}

Result<CoreExternType> read_core_extern_type(Reader& in) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint8_t kind, in.byte("the kind of a core item"));
  CoreExternType out;
  switch (kind) {
    case 0x00: {
      WHORL_TRY(out.type, in.u32("a type index"));
      return out;
    }
    case 0x01:
      return read_core_table_type(in);
    case 0x02:
      return read_core_memory_type(in);
    case 0x03:
      return read_core_global_type(in);
    case 0x04: {
      out.kind = CoreKind::Tag;
      WHORL_CHECKED(in.byte("a tag attribute"));
      WHORL_TRY(out.type, in.u32("a type index"));
      return out;
    }
    default:
      return malformed(start, "expected the kind of a core item, found {:#04x}", kind);
  }
}

Result<> skip_const_expr(Reader& in) {
  for (;;) {
    const std::uint64_t start = in.offset();
    WHORL_TRY(const std::uint8_t op, in.byte("a constant expression"));
    if (op == 0x0b) {
      return {};
    }
    WHORL_CHECKED(skip_const_operands(in, op, start));
  }
}

std::string_view to_string(CoreKind kind) noexcept {
  switch (kind) {
    case CoreKind::Func:
      return "function";
    case CoreKind::Table:
      return "table";
    case CoreKind::Memory:
      return "memory";
    case CoreKind::Global:
      return "global";
    case CoreKind::Tag:
      return "tag";
  }
  return "item";
}

}  // namespace whorl::component
