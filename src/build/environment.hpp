/// Target environments as they are described: which worlds a host offers to the components of each
/// type of trigger. What the entries of `targets` in a manifest lead to. @thread any (values)
#pragma once

#include "base/result.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::build {

/// Where a world is found.
struct WorldReference {
  enum class Place : std::uint8_t {
    DefaultRegistry,
    Registry,   ///< a registry of packages; `where` names it
    Reference,  ///< an image of an OCI registry; `where` is its reference
    Folder,     ///< WIT text; `where` is relative to the description's folder
  };
  Place place = Place::DefaultRegistry;
  std::string where{};
  std::string world{};  ///< "spin:up/http-trigger@3.6.0"
  [[nodiscard]] bool operator==(const WorldReference&) const = default;
};

/// What is offered to the components of one type of trigger.
struct TriggerEnvironment {
  std::vector<WorldReference> worlds{};  ///< fitting one of them is enough; none: everything fits
  std::vector<std::string> capabilities{};  ///< requirements of components that it meets
  [[nodiscard]] bool operator==(const TriggerEnvironment&) const = default;
};

struct Environment {
  std::map<std::string, TriggerEnvironment> triggers{};
  std::optional<TriggerEnvironment> others{};  ///< of types that are not listed; absent: refused
  [[nodiscard]] bool operator==(const Environment&) const = default;

  /// Null for a type of trigger that it does not support.
  [[nodiscard]] const TriggerEnvironment* find(std::string_view trigger_type) const;
};

/// The longest description that is read, bytes.
inline constexpr std::size_t kMaxEnvironmentBytes = std::size_t{1} << 20;

/// Reads a description (TOML). @return errors: InvalidInput in Spin's words, with the place
[[nodiscard]] Result<Environment> parse_environment(
    std::string_view text, std::string_view file_name
);

}  // namespace whorl::build
