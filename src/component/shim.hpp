/// Recognition and elision of the shim and fix-up modules that componentizing tools emit.
///
/// A host function that needs the main module's memory cannot be lowered before that module exists,
/// so tools give the main module stand-ins: a shim module whose functions jump through a table, and
/// a fix-up module that fills the table afterwards. With memories looked up at call time the detour
/// is not needed. Both are recognised by structure, never by name. engine.md C.4, E.1.
///
/// Private to the room. @thread any
#pragma once

#include "component/graph.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace whorl::component {

/// A module that is nothing but one table and functions that jump through it.
struct ShimShape {
  std::string_view table;                                     ///< export name of the table
  std::unordered_map<std::string_view, std::uint32_t> slots;  ///< function export → table slot
};
/// @return nothing unless the whole module has that form
[[nodiscard]] std::optional<ShimShape> recognise_shim(const CoreModule& module);

/// A module without code whose one element segment writes imported functions into an imported table
/// from slot 0 on; it may name one of its imports as its start function.
struct FixupShape {
  std::uint32_t table_import = 0;             ///< which import is the table
  std::vector<std::uint32_t> slots;           ///< by slot: which import is the function
  std::optional<std::uint32_t> start_import;  ///< which import is the start function
};
[[nodiscard]] std::optional<FixupShape> recognise_fixup(const CoreModule& module);

/// A module that does nothing but name one of its imports as its start function.
/// @return which import that is
[[nodiscard]] std::optional<std::uint32_t> recognise_starter(const CoreModule& module);

/// What was found and done.
struct Elision {
  std::vector<bool> removed;  ///< by core instance: not to be instantiated
  /// By core instance: the start function of an elided fix-up or starter, due where it stood.
  std::vector<std::optional<CoreRef>> start;
};

/// Replaces what goes through shims by what the fix-ups bind to them, wherever that is the same,
/// and marks shim and fix-up as removed when nothing refers to them any more.
///
/// @param may_defer_start  whether the start function of an elided fix-up can be called later; if
///                         not, a fix-up with one is kept
[[nodiscard]] Elision elide_shims(Graph& graph, bool may_defer_start);
/// Nothing replaced, nothing removed.
[[nodiscard]] Elision keep_shims(const Graph& graph);

/// Whether every start function can be put off until all is instantiated: no module after the first
/// one with a start has active segments of its own, fix-ups excepted.
[[nodiscard]] bool can_defer_starts(const Graph& graph);

}  // namespace whorl::component
