/// FlagReader: the values of flags, or of the environment variables that stand in for them.
/// Private to the room. @thread the main thread
#pragma once

#include "base/result.hpp"
#include "cli/arguments.hpp"
#include "cli/up_flags.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::cli {

/// The value of a flag or of the environment variable that stands in for it.
[[nodiscard]] std::optional<std::string> given(
    const ScannedArguments& arguments, const FlagSpec& spec
);

/// Reads flags one after the other; keeps the first error.
class FlagReader {
 public:
  /// @param arguments  outlive the reader
  explicit FlagReader(const ScannedArguments& arguments) : arguments_(arguments) {}

  /// Gives the parsed value to `use`, if the flag or its variable was given.
  template <class Parse, class Use>
  void read(std::string_view name, Parse parse, Use use) {
    const FlagSpec& spec = up_flag(name);
    const auto text = given(arguments_, spec);
    if (!text || error_) {
      return;
    }
    auto value = parse(*text);
    if (value) {
      use(*std::move(value));
    } else {
      error_ = invalid_value(spec, *text, value.error().message());
    }
  }

  /// Every use of a flag, or what its variable holds; a variable that is empty counts for flags
  /// that take that.
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  /// A switch without environment variable, or with one that holds a boolean.
  [[nodiscard]] bool is_on(std::string_view name);
  /// A path; an empty one is refused unless the flag takes it.
  [[nodiscard]] std::optional<std::string> path(std::string_view name);

  void fail(UsageError error) {
    if (!error_) {
      error_ = std::move(error);
    }
  }
  [[nodiscard]] std::optional<UsageError>& error() noexcept { return error_; }

 private:
  const ScannedArguments& arguments_;
  std::optional<UsageError> error_;
};

}  // namespace whorl::cli
