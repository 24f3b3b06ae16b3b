/// Glob: a pattern of paths, as build tools write them.
///
/// `*` and `?` stay within a segment, `**` as a whole segment stands for any number of them,
/// `[a-z]`, `[!a-z]` for one character, `{a,b}` for alternatives. Everything else is literal.
/// @thread any (a value)
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::fs {

class Glob {
 public:
  /// Alternatives that `{…}` may make of one pattern, and bytes of a pattern.
  static constexpr std::size_t kMaxAlternatives = 256;
  static constexpr std::size_t kMaxBytes = 4096;

  /// Dot segments are taken back first. @return errors: InvalidInput, ResourceLimit
  [[nodiscard]] static Result<Glob> parse(std::string_view pattern);

  [[nodiscard]] bool matches(std::string_view path) const;

  /// Where matches can be.
  struct Root {
    std::string folder;    ///< that holds all matches; "" for the current one
    bool is_deep = false;  ///< they may be in folders below it
    [[nodiscard]] bool operator==(const Root&) const = default;
  };
  [[nodiscard]] std::vector<Root> roots() const;

 private:
  using Segments = std::vector<std::string>;
  std::vector<Segments> alternatives_;
};

}  // namespace whorl::fs
