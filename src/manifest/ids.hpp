/// Which words may name components, variables, stores. @thread any
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace whorl::manifest {

/// Component ids: words joined by `-`, each all lower or all upper case, a letter first.
/// @return why `text` is none, in Spin's words; nothing if it is one
[[nodiscard]] std::optional<std::string> why_no_component_id(std::string_view text);

/// Variable names: words joined by `_`, lower case only.
[[nodiscard]] std::optional<std::string> why_no_variable_name(std::string_view text);

/// Labels of stores and databases: as component ids, or the same with `_`.
[[nodiscard]] bool is_label(std::string_view text);

}  // namespace whorl::manifest
