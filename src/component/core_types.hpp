/// Types of core WebAssembly as they stand in a module's binary.
///
/// More than engine::FuncType can say (references, vectors, GC types): what only the engine needs
/// to understand is kept as codes, enough to step over it and to compare what is simple.
/// @thread any (values) @spec WebAssembly core specification, §5.3 types
#pragma once

#include "base/result.hpp"
#include "component/reader.hpp"
#include "engine/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace whorl::component {

/// A value type by its code; `heap` says which reference for the two long forms (0x63, 0x64).
struct CoreValType {
  std::uint8_t code = 0;
  std::int64_t heap = 0;
  bool operator==(const CoreValType&) const = default;
  /// False for references to a type by index: those mean nothing outside their module.
  [[nodiscard]] bool is_closed() const noexcept {
    return (code != 0x63 && code != 0x64) || heap < 0;
  }
};

/// A type definition of a module: a function's, or something else that has an index too.
struct CoreTypeDef {
  engine::FuncType func;
  bool is_func = false;
  /// False when engine::FuncType can't express it (GC references); then it is not compared by us.
  bool is_exact = false;
};

enum class CoreKind : std::uint8_t { Func, Table, Memory, Global, Tag };

struct CoreLimits {
  std::uint64_t min = 0;
  std::optional<std::uint64_t> max;
  bool is_64 = false;
  bool is_shared = false;
};

/// The type of an import, an export or an item of a module.
struct CoreExternType {
  CoreKind kind = CoreKind::Func;
  std::uint32_t type = 0;   ///< Func, Tag: type index in the module
  CoreLimits limits;        ///< Table, Memory
  CoreValType value;        ///< Table: element; Global: value
  bool is_mutable = false;  ///< Global
};

[[nodiscard]] Result<CoreValType> read_core_val_type(Reader& in);
/// Reads a recursive type: one definition, or a group of them.
[[nodiscard]] Result<> read_core_rec_type(Reader& in, std::vector<CoreTypeDef>& out);
/// Reads the type of an import or of a module type's export.
[[nodiscard]] Result<CoreExternType> read_core_extern_type(Reader& in);
[[nodiscard]] Result<CoreExternType> read_core_table_type(Reader& in);
[[nodiscard]] Result<CoreExternType> read_core_memory_type(Reader& in);
[[nodiscard]] Result<CoreExternType> read_core_global_type(Reader& in);
/// Steps over a constant expression, its end included.
[[nodiscard]] Result<> skip_const_expr(Reader& in);

[[nodiscard]] std::string_view to_string(CoreKind kind) noexcept;

}  // namespace whorl::component
