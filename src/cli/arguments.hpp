/// Splitting a command line into flags by a table, with the messages that users of Spin know.
///
/// `up` has flags of its own and passes the others on to triggers; what goes wrong with the two
/// kinds is reported differently, so both are found here and told apart. @thread any
#pragma once

#include "cli/report.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::cli {

/// One flag. Everything is text that lives as long as the program.
struct FlagSpec {
  enum class Owner : std::uint8_t { Up, Trigger };
  enum class Standing : std::uint8_t {
    Offered,  ///< stands in the help
    Hidden,   ///< works all the same
  };
  enum class Repeat : std::uint8_t { Once, Many };

  std::string_view name;             ///< without dashes
  char letter = '\0';                ///< short form; '\0': none
  std::string_view value_name{};     ///< empty: takes no value
  std::string_view help{};           ///< paragraphs, separated by empty lines
  std::string_view environment{};    ///< variable that stands in; empty: none
  std::string_view default_value{};  ///< only for the help
  std::array<std::string_view, 2> aliases{};
  std::array<std::string_view, 2> choices{};      ///< the only values; empty: any
  std::array<std::string_view, 2> choice_help{};  ///< what they mean
  Owner owner = Owner::Trigger;
  Standing standing = Standing::Offered;
  Repeat repeat = Repeat::Once;
  bool may_be_empty = false;  ///< takes an empty value

  [[nodiscard]] bool takes_value() const noexcept { return !value_name.empty(); }
  /// "--listen <ADDRESS>", "--quiet".
  [[nodiscard]] std::string to_text() const;
};

/// One use of a flag.
struct FlagUse {
  const FlagSpec* spec;
  std::string value;  ///< empty for a flag without value
};

/// What was found on a command line.
struct ScannedArguments {
  std::vector<FlagUse> uses;                ///< in order
  std::optional<UsageError> up_error;       ///< the first thing wrong with `up`'s own flags
  std::optional<UsageError> trigger_error;  ///< the first thing wrong with anything else
  /// The first argument that `up` passes on, if it is no flag: perhaps a forgotten `-f`.
  std::optional<std::string> stray;
  /// What is not `up`'s own, as it was written: for triggers in other processes.
  std::vector<std::string> passed_on;

  /// The uses of a flag's name.
  [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
};

/// Usage lines of the two kinds of errors.
inline constexpr std::string_view kTriggerUsage = "whorl [COMMAND] [OPTIONS]";
inline constexpr std::string_view kUpUsage = "whorl up [OPTIONS]";

/// Finds the flags of `table` in `arguments`. Never fails: errors are part of the result, since it
/// depends on later steps which of them is reported.
/// @param own_usage  shown with errors of flags that belong to the command itself
[[nodiscard]] ScannedArguments scan_arguments(
    std::span<const std::string_view> arguments,
    std::span<const FlagSpec> table,
    std::string_view own_usage = kUpUsage
);

/// What `up` is told: a "--" in front of it separates nothing, since all of it is `up`'s.
[[nodiscard]] std::span<const std::string_view> without_separator(
    std::span<const std::string_view> arguments
);

/// How many arguments at the front are flags of `table` and their values. What follows the first
/// other one belongs to another command, whatever it looks like.
[[nodiscard]] std::size_t own_prefix(
    std::span<const std::string_view> arguments, std::span<const FlagSpec> table
);

/// "invalid value 'x' for '--listen <ADDRESS>': why".
[[nodiscard]] UsageError invalid_value(
    const FlagSpec& spec, std::string_view value, std::string_view why
);
/// "the argument '--a' cannot be used with '--b <B>'".
[[nodiscard]] UsageError conflict(const FlagSpec& a, const FlagSpec& b, std::string usage);

/// Likeness of two words between 0 and 1 (Jaro), which is how command lines guess what was meant.
[[nodiscard]] double likeness(std::string_view a, std::string_view b);

}  // namespace whorl::cli
