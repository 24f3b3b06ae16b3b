/// The list of known failures: it may only shrink. @thread one
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::conformance {

class Expectations {
 public:
  Expectations() = default;
  /// Lines `PATH:LINE reason`; `#` starts a comment, empty lines are fine.
  /// @return InvalidInput with the line for one that is no entry, or has no reason
  [[nodiscard]] static Result<Expectations> read(const std::string& path);

  /// The reason why a command fails; null if it is not on the list.
  [[nodiscard]] const std::string* find(std::string_view script, std::uint32_t line) const;
  /// The command failed, as expected.
  void met(std::string_view script, std::uint32_t line);
  /// What is wrong with the entries of a script that was run: those that did not fail.
  [[nodiscard]] std::vector<std::string> unmet(std::string_view script) const;

 private:
  struct Entry {
    std::string script;  ///< the end of its path
    std::uint32_t line = 0;
    std::string reason;
    bool is_met = false;
    [[nodiscard]] bool is_of(std::string_view path) const;
  };
  std::string path_;
  std::vector<Entry> entries_;
};

}  // namespace whorl::conformance
