/// What makes a release candidate of WASI 0.2 out of 0.2: rows of differences. @thread any
#pragma once

#include "component/host.hpp"

#include <span>
#include <string_view>

namespace whorl::wasi::p2 {

/// What is different of a function.
struct Change {
  std::string_view interface;
  std::string_view name;                 ///< in 0.2; empty for one that 0.2 has not
  const char* candidate_name = nullptr;  ///< null: the candidate has no such function
  component::HostFunction instead = {};  ///< unless the function itself is the same
};

/// A resource that stands in another place.
struct ResourceChange {
  std::string_view interface;
  const component::ResourceTag* without = nullptr;  ///< what 0.2 has there, or null
  component::HostResourceDesc with = {};  ///< what the candidate has there, if it says a tag
};

struct CandidateTable {
  const char* version;
  std::span<const Change> functions;
  std::span<const ResourceChange> resources = {};
};

/// @spec WASI 0.2.0-rc-2023-10-18 against 0.2.0
[[nodiscard]] const CandidateTable& october_table();
/// @spec WASI 0.2.0-rc-2023-11-10 against 0.2.0
[[nodiscard]] const CandidateTable& november_table();

/// The rows of October that are about HTTP; october_table() has them.
[[nodiscard]] std::span<const Change> october_http_changes();

}  // namespace whorl::wasi::p2
