/// LockedApp as JSON: the `spin.lock` that trigger plugins, images and other hosts read and write.
///
/// Writing follows Spin to the byte: order of fields, of names, what is left out when empty.
/// Reading accepts what any Spin since 1.0 wrote; what is read is written again with the same
/// meaning, also the parts that nothing here uses. @thread any (pure functions)
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace whorl::app {

/// The longest lock file that is read, bytes; sources and files may be inside it.
inline constexpr std::size_t kMaxLockBytes = 256 * 1024 * 1024;

/// Defaults of variables are in it, also of secret ones: that is its contract.
[[nodiscard]] std::string write_lock(const LockedApp& app);

/// Reads a lock file. Mounts are not set: which files a guest gets is settled by the loader.
/// @return errors: InvalidInput (no JSON, a wrong shape: says where; an id twice), Unsupported (it
///         requires a feature that is not known here), ResourceLimit
[[nodiscard]] Result<LockedApp> read_lock(std::string_view json);

}  // namespace whorl::app
