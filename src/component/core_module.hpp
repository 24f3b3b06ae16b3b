/// Core modules as the linker sees them: types, imports, exports, segments; and a small rewriter.
///
/// The scanner reads no code: the engine validates and compiles the module as a whole. It reads
/// what decides how modules are put together. Views point into the module's bytes.
/// @thread any (immutable) @spec WebAssembly core specification, §5.5 modules
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "component/core_types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace whorl::component {

struct CoreImport {
  std::string_view module;
  std::string_view name;
  CoreExternType type;
};

struct CoreExport {
  CoreKind kind = CoreKind::Func;
  std::uint32_t index = 0;
};

/// An element segment, as far as fix-up modules are concerned.
struct CoreElements {
  bool is_active = false;
  std::uint32_t table = 0;
  /// The offset when it is an `i32.const`, else nothing.
  std::optional<std::uint32_t> offset;
  /// The functions listed; nothing when some entry is not a plain function reference, or there are
  /// too many to matter.
  std::optional<std::vector<std::uint32_t>> funcs;
};

/// A custom section whose name starts with "component-type": the world of the module, as a small
/// component. @spec engine.md E.7
struct ComponentTypeSection {
  std::string_view name;
  ByteView payload;
  std::uint64_t offset = 0;
};

class CoreModule {
 public:
  /// @param bytes  must outlive the object
  /// @param base   offset of the bytes in the file, for messages
  [[nodiscard]] static Result<CoreModule> scan(ByteView bytes, std::uint64_t base = 0);

  /// A module type as a module that has nothing but what it imports and exports.
  /// @param exports  names and types; names differ
  /// @return         InvalidInput when a function or tag does not name a function type
  [[nodiscard]] static Result<CoreModule> of_type(
      std::vector<CoreTypeDef> types,
      std::vector<CoreImport> imports,
      const std::vector<std::pair<std::string_view, CoreExternType>>& exports,
      std::uint64_t offset
  );

  [[nodiscard]] ByteView bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t base() const noexcept { return base_; }
  /// From the name section; empty if there is none.
  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] const std::vector<CoreTypeDef>& types() const noexcept { return types_; }
  [[nodiscard]] const std::vector<CoreImport>& imports() const noexcept { return imports_; }
  [[nodiscard]] const std::unordered_map<std::string_view, CoreExport>& exports() const noexcept {
    return exports_;
  }
  /// Names of the exports in their order.
  [[nodiscard]] const std::vector<std::string_view>& export_names() const noexcept {
    return export_names_;
  }
  [[nodiscard]] const CoreExport* find_export(std::string_view name) const noexcept;
  /// The type of an item by kind and index, imported ones first; null if there is no such item.
  [[nodiscard]] const CoreExternType* item(CoreKind kind, std::uint32_t index) const noexcept;
  /// The type of a function, when it can be expressed; null otherwise.
  [[nodiscard]] const engine::FuncType* func_type(std::uint32_t func) const noexcept;
  /// The type of an exported function; null if there is no such export or it can't be expressed.
  [[nodiscard]] const engine::FuncType* export_type(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t count(CoreKind kind) const noexcept {
    return items_[static_cast<std::size_t>(kind)].size();
  }
  [[nodiscard]] std::size_t imported(CoreKind kind) const noexcept {
    return imported_[static_cast<std::size_t>(kind)];
  }
  [[nodiscard]] std::optional<std::uint32_t> start() const noexcept { return start_; }
  [[nodiscard]] bool has_data() const noexcept { return data_segments_ != 0; }
  /// Active segments write into a memory or table while the module is instantiated.
  [[nodiscard]] bool has_active_segments() const noexcept;
  [[nodiscard]] const std::vector<CoreElements>& elements() const noexcept { return elements_; }
  /// Contents of the code section.
  [[nodiscard]] ByteView code() const noexcept { return code_; }
  [[nodiscard]] const std::vector<ComponentTypeSection>& component_types() const noexcept {
    return component_types_;
  }

 private:
  CoreModule() = default;
  [[nodiscard]] Result<> section(std::uint8_t id, Reader& in);
  [[nodiscard]] Result<> custom(Reader& in);
  [[nodiscard]] Result<> read_types(Reader& in);
  [[nodiscard]] Result<> read_imports(Reader& in);
  [[nodiscard]] Result<> read_funcs(Reader& in);
  [[nodiscard]] Result<> read_tables(Reader& in);
  [[nodiscard]] Result<> read_memories(Reader& in);
  [[nodiscard]] Result<> read_globals(Reader& in);
  [[nodiscard]] Result<> read_tags(Reader& in);
  [[nodiscard]] Result<> read_exports(Reader& in);
  [[nodiscard]] Result<> read_elements(Reader& in);
  [[nodiscard]] Result<> read_data(Reader& in);
  [[nodiscard]] Result<> check_type_index(const CoreExternType& type, std::uint64_t offset) const;

  ByteView bytes_;
  std::uint64_t base_ = 0;
  std::string_view name_;
  std::vector<CoreTypeDef> types_;
  std::vector<CoreImport> imports_;
  std::unordered_map<std::string_view, CoreExport> exports_;
  std::vector<std::string_view> export_names_;
  std::vector<CoreExternType> items_[5];
  std::size_t imported_[5] = {};
  std::optional<std::uint32_t> start_;
  std::uint32_t data_segments_ = 0;
  bool has_active_data_ = false;
  std::vector<CoreElements> elements_;
  ByteView code_;
  std::vector<ComponentTypeSection> component_types_;
};

/// Why what is given cannot be imported where `wanted` is declared; empty if it can.
/// @param wanted_in, given_in  the modules whose types the descriptions refer to
[[nodiscard]] std::string explain_core_mismatch(
    const CoreModule& wanted_in,
    const CoreExternType& wanted,
    const CoreModule& given_in,
    const CoreExternType& given
);

/// Why a module cannot be used where a module of that type is wanted; empty if it can: it imports
/// no more and exports no less. @spec Explainer "Core Type Definitions", module subtyping
[[nodiscard]] std::string explain_module_mismatch(
    const CoreModule& wanted, const CoreModule& given
);

/// Name under which take_out_start() exports the start function.
inline constexpr std::string_view kStartExport = "whorl:start";

/// A copy of the module without its start section, which exports the start function as
/// kStartExport instead, so that it can be called later, on a fiber.
///
/// Offsets in the code section may differ from the original by a few bytes.
/// @return InvalidInput if the module has no start function, or an export of that name
[[nodiscard]] Result<Bytes> take_out_start(const CoreModule& module);

}  // namespace whorl::component
