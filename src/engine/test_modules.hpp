/// For tests and benchmarks: builds small core modules byte by byte, since the engine library has
/// no text format in it.
/// @spec WebAssembly core specification, §5 binary format
#pragma once

#include "base/bytes.hpp"
#include "engine/types.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::engine::test {

inline void append(Bytes& to, const Bytes& from) {
  to.insert(to.end(), from.begin(), from.end());
}
inline void append_u32(Bytes& to, std::uint32_t value) {
  while (value >= 0x80) {
    to.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  to.push_back(static_cast<std::uint8_t>(value));
}
inline void append_s64(Bytes& to, std::int64_t value) {
  for (;;) {
    const auto low = static_cast<std::uint8_t>(value & 0x7f);
    value >>= 7;
    if ((value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0)) {
      to.push_back(low);
      return;
    }
    to.push_back(low | 0x80);
  }
}
inline void append_name(Bytes& to, std::string_view name) {
  append_u32(to, static_cast<std::uint32_t>(name.size()));
  append(to, Bytes(name.begin(), name.end()));
}

/// Instructions, to be chained: `Code().local_get(0).i32_const(1).op(kI32Add)`.
class Code {
 public:
  Code& op(std::uint8_t opcode) {
    bytes_.push_back(opcode);
    return *this;
  }
  Code& op_u32(std::uint8_t opcode, std::uint32_t operand) {
    bytes_.push_back(opcode);
    append_u32(bytes_, operand);
    return *this;
  }
  Code& local_get(std::uint32_t index) { return op_u32(0x20, index); }
  Code& local_set(std::uint32_t index) { return op_u32(0x21, index); }
  Code& local_tee(std::uint32_t index) { return op_u32(0x22, index); }
  Code& global_get(std::uint32_t index) { return op_u32(0x23, index); }
  Code& global_set(std::uint32_t index) { return op_u32(0x24, index); }
  Code& call(std::uint32_t func) { return op_u32(0x10, func); }
  Code& br(std::uint32_t depth) { return op_u32(0x0c, depth); }
  Code& br_if(std::uint32_t depth) { return op_u32(0x0d, depth); }
  Code& loop() { return op(0x03).op(0x40); }
  Code& if_() { return op(0x04).op(0x40); }
  Code& end() { return op(0x0b); }
  Code& i32_const(std::int32_t value) {
    bytes_.push_back(0x41);
    append_s64(bytes_, value);
    return *this;
  }
  Code& i64_const(std::int64_t value) {
    bytes_.push_back(0x42);
    append_s64(bytes_, value);
    return *this;
  }
  Code& i32_load() { return op(0x28).op(2).op(0); }
  Code& i32_store() { return op(0x36).op(2).op(0); }
  Code& call_indirect(std::uint32_t type) { return op_u32(0x11, type).op(0); }
  Code& memory_grow() { return op(0x40).op(0); }
  Code& memory_size() { return op(0x3f).op(0); }
  Code& unreachable() { return op(0x00); }
  Code& drop() { return op(0x1a); }
  Code& return_() { return op(0x0f); }
  Code& i32_add() { return op(0x6a); }
  Code& i32_sub() { return op(0x6b); }
  Code& i32_div_s() { return op(0x6d); }
  Code& i32_eqz() { return op(0x45); }
  [[nodiscard]] const Bytes& bytes() const noexcept { return bytes_; }

 private:
  Bytes bytes_;
};

/// A module under construction. Imports come before functions.
class ModuleBuilder {
 public:
  std::uint32_t import_func(std::string_view module, std::string_view name, const FuncType& type) {
    append_name(imports_, module);
    append_name(imports_, name);
    imports_.push_back(0x00);
    append_u32(imports_, type_index(type));
    ++import_count_;
    return next_func_++;
  }
  void import_memory(std::string_view module, std::string_view name, std::uint32_t pages) {
    append_name(imports_, module);
    append_name(imports_, name);
    imports_.push_back(0x02);
    imports_.push_back(0x00);
    append_u32(imports_, pages);
    ++import_count_;
  }
  /// @param locals  types of the locals after the parameters
  std::uint32_t func(
      const FuncType& type, const Code& code, const std::vector<ValType>& locals = {}
  ) {
    append_u32(functions_, type_index(type));
    Bytes body;
    append_u32(body, static_cast<std::uint32_t>(locals.size()));
    for (const ValType local : locals) {
      append_u32(body, 1);
      body.push_back(byte_of(local));
    }
    append(body, code.bytes());
    body.push_back(0x0b);
    append_u32(bodies_, static_cast<std::uint32_t>(body.size()));
    append(bodies_, body);
    ++function_count_;
    return next_func_++;
  }
  std::uint32_t export_func(
      std::string_view name,
      const FuncType& type,
      const Code& code,
      const std::vector<ValType>& locals = {}
  ) {
    const std::uint32_t index = func(type, code, locals);
    export_item(name, 0x00, index);
    return index;
  }
  void export_item(std::string_view name, std::uint8_t kind, std::uint32_t index) {
    append_name(exports_, name);
    exports_.push_back(kind);
    append_u32(exports_, index);
    ++export_count_;
  }
  void memory(std::uint32_t pages, std::string_view export_name = "memory") {
    memory_pages_ = pages;
    has_memory_ = true;
    if (!export_name.empty()) {
      export_item(export_name, 0x02, 0);
    }
  }
  void table(std::uint32_t elements, std::vector<std::uint32_t> funcs = {}) {
    table_elements_ = elements;
    elements_ = std::move(funcs);
    has_table_ = true;
  }
  std::uint32_t global_i32(std::int32_t value) {
    globals_.push_back(0x7f);
    globals_.push_back(0x01);
    append(globals_, Code().i32_const(value).end().bytes());
    return global_count_++;
  }
  void data(std::uint32_t offset, std::string_view text) {
    data_.push_back(0x00);
    append(data_, Code().i32_const(static_cast<std::int32_t>(offset)).end().bytes());
    append_name(data_, text);
    ++data_count_;
  }
  void start(std::uint32_t func) {
    start_ = func;
    has_start_ = true;
  }
  void module_name(std::string_view name) { name_ = name; }
  void func_name(std::uint32_t func, std::string_view name) {
    append_u32(func_names_, func);
    append_name(func_names_, name);
    ++func_name_count_;
  }

  [[nodiscard]] Bytes build() const {
    Bytes out = {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00};
    section(out, 1, static_cast<std::uint32_t>(types_.size()), type_bytes());
    section(out, 2, import_count_, imports_);
    section(out, 3, function_count_, functions_);
    if (has_table_) {
      Bytes table = {0x70, 0x00};
      append_u32(table, table_elements_);
      section(out, 4, 1, table);
    }
    if (has_memory_) {
      Bytes memory = {0x00};
      append_u32(memory, memory_pages_);
      section(out, 5, 1, memory);
    }
    section(out, 6, global_count_, globals_);
    section(out, 7, export_count_, exports_);
    if (has_start_) {
      Bytes start;
      append_u32(start, start_);
      raw_section(out, 8, start);
    }
    if (!elements_.empty()) {
      Bytes elements = {0x00};
      append(elements, Code().i32_const(0).end().bytes());
      append_u32(elements, static_cast<std::uint32_t>(elements_.size()));
      for (const std::uint32_t func : elements_) {
        append_u32(elements, func);
      }
      section(out, 9, 1, elements);
    }
    section(out, 10, function_count_, bodies_);
    section(out, 11, data_count_, data_);
    if (!name_.empty() || func_name_count_ != 0) {
      raw_section(out, 0, name_section());
    }
    return out;
  }

 private:
  static std::uint8_t byte_of(ValType type) {
    switch (type) {
      case ValType::I32:
        return 0x7f;
      case ValType::I64:
        return 0x7e;
      case ValType::F32:
        return 0x7d;
      case ValType::F64:
        return 0x7c;
      case ValType::V128:
        return 0x7b;
      case ValType::FuncRef:
        return 0x70;
      default:
        return 0x6f;
    }
  }
  std::uint32_t type_index(const FuncType& type) {
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (types_[i] == type) {
        return static_cast<std::uint32_t>(i);
      }
    }
    types_.push_back(type);
    return static_cast<std::uint32_t>(types_.size() - 1);
  }
  [[nodiscard]] Bytes type_bytes() const {
    Bytes out;
    for (const FuncType& type : types_) {
      out.push_back(0x60);
      for (const auto* list : {&type.params, &type.results}) {
        append_u32(out, static_cast<std::uint32_t>(list->size()));
        for (const ValType value : *list) {
          out.push_back(byte_of(value));
        }
      }
    }
    return out;
  }
  [[nodiscard]] Bytes name_section() const {
    Bytes out;
    append_name(out, "name");
    Bytes module;
    append_name(module, name_);
    raw_section(out, 0, module);
    Bytes funcs;
    append_u32(funcs, func_name_count_);
    append(funcs, func_names_);
    raw_section(out, 1, funcs);
    return out;
  }
  static void raw_section(Bytes& out, std::uint8_t id, const Bytes& content) {
    out.push_back(id);
    append_u32(out, static_cast<std::uint32_t>(content.size()));
    append(out, content);
  }
  static void section(Bytes& out, std::uint8_t id, std::uint32_t count, const Bytes& content) {
    if (count == 0) {
      return;
    }
    Bytes with_count;
    append_u32(with_count, count);
    append(with_count, content);
    raw_section(out, id, with_count);
  }

  std::vector<FuncType> types_;
  Bytes imports_, functions_, bodies_, exports_, globals_, data_, func_names_;
  std::uint32_t import_count_ = 0, function_count_ = 0, export_count_ = 0, global_count_ = 0,
                data_count_ = 0, func_name_count_ = 0, next_func_ = 0;
  std::uint32_t memory_pages_ = 0, table_elements_ = 0, start_ = 0;
  bool has_memory_ = false, has_table_ = false, has_start_ = false;
  std::vector<std::uint32_t> elements_;
  std::string name_;
};

inline FuncType type(
    std::initializer_list<ValType> params = {}, std::initializer_list<ValType> results = {}
) {
  return FuncType{params, results};
}
inline constexpr ValType kI32 = ValType::I32;
inline constexpr ValType kI64 = ValType::I64;

}  // namespace whorl::engine::test
