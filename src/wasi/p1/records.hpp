/// Records that several functions read and write. @thread shard
#pragma once

#include "wasi/files/metadata.hpp"
#include "wasi/p1/abi.hpp"
#include "wasi/p1/guest.hpp"

#include <cstdint>
#include <expected>

namespace whorl::wasi::p1 {

/// Writes a `filestat`; room for it was checked before.
void write_filestat(Guest& guest, Ptr out, const files::Metadata& metadata);

/// @param flags  fstflags; Invalid when they contradict each other
[[nodiscard]] std::expected<files::TimeChanges, Errno> to_time_changes(
    std::uint64_t access, std::uint64_t modify, std::uint32_t flags
) noexcept;

}  // namespace whorl::wasi::p1
