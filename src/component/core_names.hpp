/// Names of a bare core module's imports and exports that stand for canonical definitions: what the
/// tools that make components of modules read in them.
///
/// Private to the room. @thread any (functions of their arguments)
/// Two schemes are in use: the one that all tools emit (brackets, '#'), and the one of the
/// component model's build targets, whose names begin with "cm32p2".
/// @spec wit-component's name mangling, as engine.md E.7 sums it up; component-model#378
#pragma once

#include "component/ir.hpp"
#include "component/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::component {

/// "$root" of the module of an import: functions of the world itself, and built-ins.
inline constexpr std::string_view kRootModule = "$root";
/// Before the module of an import: built-ins for what the core module exports.
inline constexpr std::string_view kExportMark = "[export]";

/// Before the names of the standard scheme.
inline constexpr std::string_view kStandardMark = "cm32p2";

enum class CoreScheme : std::uint8_t { Brackets, Standard };

/// What the module of an import stands for.
struct CoreImportModule {
  CoreScheme scheme = CoreScheme::Brackets;
  bool for_exports = false;    ///< built-ins for what the core module exports
  std::string_view interface;  ///< empty for the world itself
};
/// @return nothing for a module of the standard scheme that cannot be read
[[nodiscard]] std::optional<CoreImportModule> parse_core_module(std::string_view module) noexcept;

/// What an import's name asks for.
struct CoreImportName {
  ir::CanonOp op = ir::CanonOp::Lower;
  /// Lower: what is called. task.return: whose result. resource.*: which resource. stream.*,
  /// future.*: in whose type the stream or future is; else empty.
  std::string_view function;
  /// stream.*, future.*: which one of that type, in the order of find_payload(); none for one that
  /// carries nothing.
  std::optional<std::uint32_t> payload;
  bool is_async = false;
  bool is_cancellable = false;
  StringEncoding encoding = StringEncoding::Utf8;  ///< error-context.*
  std::uint32_t slot = 0;                          ///< context.*
  std::uint8_t core_type = 0;                      ///< context.*: as in ir::Canon
};

/// Reads the name of an import. What is no built-in's is the name of a function.
/// @return  nothing for a built-in's name that cannot be read
[[nodiscard]] std::optional<CoreImportName> parse_core_import(
    CoreScheme scheme, std::string_view name
) noexcept;

/// How an export is lifted, by its name.
struct CoreExportName {
  enum class Lift : std::uint8_t {
    Plain,
    Callback,    ///< "[async-lift]", with a callback
    Stackful,    ///< "[async-lift-stackful]"
    Accessory,   ///< a callback or post-return: belongs to another export
    Destructor,  ///< of the resource `function`
  };
  Lift lift = Lift::Plain;
  std::string_view interface;  ///< empty for a function of the world itself
  std::string_view function;
};
[[nodiscard]] CoreExportName parse_core_export(std::string_view name) noexcept;
/// What the post-return of an export is called.
[[nodiscard]] std::string post_return_name(std::string_view export_name);

/// "world" of "ns:package/world@1.0.0".
[[nodiscard]] std::string_view world_label(std::string_view name) noexcept;

/// The stream or future of a function's type that a built-in's name counts: parameters before the
/// result, what is carried before what carries it.
/// @param steps  out: how many types were looked at
/// @return       null if there are not that many
[[nodiscard]] TypeRef find_payload(const FuncShape& shape, std::uint32_t index, std::size_t& steps);

}  // namespace whorl::component
