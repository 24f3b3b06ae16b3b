/// Requirements on versions, such as ">=2.0, <5.0". @thread any (values)
/// @spec the requirements of Rust's semver, which Spin's plugins are written for
#pragma once

#include "base/result.hpp"
#include "manifest/semver.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::manifest {

/// Several comparisons that a version must all meet.
class Requirement {
 public:
  /// @return errors: InvalidInput with the part that is none
  [[nodiscard]] static Result<Requirement> parse(std::string_view text);
  /// A pre-release meets only a requirement that names one of the same version.
  [[nodiscard]] bool matches(const Version& version) const noexcept;

 private:
  enum class Operator : std::uint8_t {
    Exact,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Tilde,
    Caret
  };
  /// Numbers that are not written are free.
  struct Comparison {
    Operator op = Operator::Caret;
    std::uint64_t major = 0;
    std::optional<std::uint64_t> minor;
    std::optional<std::uint64_t> patch;
    std::string pre;
  };
  [[nodiscard]] static Result<Comparison> parse_one(std::string_view text);
  [[nodiscard]] static bool meets(const Comparison& wanted, const Version& version) noexcept;

  std::vector<Comparison> all_;
};

}  // namespace whorl::manifest
