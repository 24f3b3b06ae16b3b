/// Names of the component model: kebab-case labels, annotated function names, interface names and
/// their versions.
///
/// Views point into the text parsed. @thread any
/// @spec component model, Explainer "Import and Export Definitions", "Name Uniqueness"; Semantic
///       Versioning 2.0.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::component {

/// A parsed semantic version.
struct Semver {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::uint64_t patch = 0;
  std::string_view pre;    ///< "rc-2026-03-15", empty for a release
  std::string_view build;  ///< ignored when comparing

  /// Order by precedence (§11 of the specification); build metadata does not count.
  [[nodiscard]] std::weak_ordering operator<=>(const Semver& other) const noexcept;
  [[nodiscard]] bool operator==(const Semver& other) const noexcept {
    return (*this <=> other) == 0;
  }
};

/// @return nothing unless the whole text is a valid semantic version
[[nodiscard]] std::optional<Semver> parse_semver(std::string_view text) noexcept;

/// The compatibility track of a version: "1" for 1.x.y, "0.2" for 0.2.x. Empty for what is only
/// compatible with itself: 0.0.x, pre-releases, and what is not a version.
[[nodiscard]] std::string compatibility_key(std::string_view version);

/// True if a component that wants one version may be given the other: equal, or on the same track.
[[nodiscard]] bool versions_compatible(std::string_view a, std::string_view b);

/// What a name of an import or export says.
struct ExternName {
  enum class Kind : std::uint8_t {
    Label,        ///< "get-keys"
    Constructor,  ///< "[constructor]fields"
    Method,       ///< "[method]fields.append"
    Static,       ///< "[static]fields.from-list"
    Interface,    ///< "wasi:http/types@0.2.4"
    Url,          ///< "url=<…>", "unlocked-dep=<…>", "locked-dep=<…>", "integrity=<…>"
  };
  Kind kind = Kind::Label;
  std::string_view resource;   ///< Constructor, Method, Static
  std::string_view label;      ///< Label, Method, Static
  std::string_view interface;  ///< Interface: without the version, "wasi:http/types"
  std::string_view version;    ///< Interface: "0.2.4", may be empty
};

/// True for a kebab-case label: words of [a-z0-9] or acronyms of [A-Z0-9] joined by '-', the first
/// of which starts with a letter.
[[nodiscard]] bool is_label(std::string_view text) noexcept;

/// @return nothing unless the whole text is a valid name
[[nodiscard]] std::optional<ExternName> parse_extern_name(std::string_view text) noexcept;

/// Splits "wasi:http/types@0.2.4". @return nothing unless it is a valid interface name
[[nodiscard]] std::optional<ExternName> parse_interface_name(std::string_view text) noexcept;

/// Two names of one scope must differ in this form: lower case, annotations folded so that
/// "[method]a.b" and "[static]a.b" meet.
[[nodiscard]] std::string uniqueness_key(std::string_view name);

/// The candidate closest to a text by edit distance, for "did you mean"; empty when none is close.
[[nodiscard]] std::string nearest(
    std::string_view text, const std::vector<std::string>& candidates
);

}  // namespace whorl::component
