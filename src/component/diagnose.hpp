/// Messages about imports that the host does not offer: what was wanted, what there is, what comes
/// closest. Private to the room. @thread any
#pragma once

#include "base/error.hpp"
#include "component/host.hpp"
#include "component/names.hpp"
#include "component/types.hpp"

#include <cstdint>
#include <string_view>

namespace whorl::component {

/// An interface nobody offers, or not in that version.
[[nodiscard]] Error explain_missing_interface(
    const HostRegistry& registry, const ExternName& wanted, std::uint64_t offset
);

/// A function that the offered version of an interface does not have.
[[nodiscard]] Error explain_missing_function(
    const HostInterface& offered,
    std::string_view import_name,
    std::string_view function,
    std::uint64_t offset
);

/// A function whose type differs from the one offered. @param difference  from explain_difference()
[[nodiscard]] Error explain_type_difference(
    const HostInterface& offered,
    std::string_view import_name,
    std::string_view function,
    std::string_view difference,
    std::uint64_t offset
);

}  // namespace whorl::component
