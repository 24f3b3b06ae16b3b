/// Versions of packages. @spec Semantic Versioning 2.0.0. @thread any (values)
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::manifest {

struct Version {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::uint64_t patch = 0;
  std::string pre{};    ///< without its dash
  std::string build{};  ///< without its plus
  [[nodiscard]] bool operator==(const Version&) const = default;
};

/// Reads a whole version. @return errors: InvalidInput, worded as Rust's semver does, which is what
/// Spin shows
[[nodiscard]] Result<Version> parse_version(std::string_view text);

/// Either may stand where the other is asked for: the same leftmost number that is not zero.
[[nodiscard]] bool are_compatible(const Version& a, const Version& b) noexcept;

}  // namespace whorl::manifest
