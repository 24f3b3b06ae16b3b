/// Items of a stream or future on their way from one guest's buffer to another's.
/// @thread shard. Private to the room. @spec CanonicalABI.md "Buffer State"
#pragma once

#include "component/copy_end.hpp"

#include <cstdint>
#include <optional>

namespace whorl::component {

/// Copies the next `n` items of `from` to the next places of `to`, both of one type with a layout.
/// Does not count them as progress. On a fiber if the type needs the receiver's realloc.
///
/// @param n  no more than either buffer has left
/// @return   why the guest must be ended, if it must
[[nodiscard]] std::optional<HostTrap> copy_between(
    const Call& call, const GuestBuffer& from, const GuestBuffer& to, std::uint32_t n
);

}  // namespace whorl::component
