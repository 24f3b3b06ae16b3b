/// The core modules of 2022: their imports and exports have names of their own, but, value for
/// value, the canonical ABI of the unversioned interfaces of `fermyon:spin`.
///
/// Private to the room. A table, so that there is one implementation of each interface.
/// @thread any
#pragma once

#include "component/types.hpp"

#include <memory>
#include <string_view>

namespace whorl::component {

/// What a function of those modules is called today.
struct LegacyName {
  std::string_view module;  ///< empty for an export
  std::string_view name;
  std::string_view interface;
  std::string_view function;
};

/// What allocates in such a module; its type is that of `cabi_realloc`.
inline constexpr std::string_view kLegacyRealloc = "canonical_abi_realloc";

/// Null for what is no such import.
[[nodiscard]] const LegacyName* find_legacy_import(
    std::string_view module, std::string_view name
) noexcept;
/// Null for what is no such export.
[[nodiscard]] const LegacyName* find_legacy_export(std::string_view name) noexcept;

/// The type of an import whose interface the host does not have: parameters as the core sees them,
/// a result with its real error. Null for the others.
[[nodiscard]] std::shared_ptr<const FuncShape> legacy_shape(const LegacyName& import);

}  // namespace whorl::component
