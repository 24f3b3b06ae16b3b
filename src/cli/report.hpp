/// How the command line says that something went wrong. @thread any
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <string>

namespace whorl::cli {

enum class Colour : std::uint8_t { Never, Ansi };

inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

/// An error as Spin prints it: `Error: <outermost>`, then, when there is more, an empty line,
/// `Caused by:` and the rest, numbered if there are several; and our advice as a last `Help:` line.
[[nodiscard]] std::string format_error(const Error& error, Colour colour);

/// A command line that cannot be understood.
struct UsageError {
  std::string message;  ///< without "error: "
  std::string usage;    ///< the words after "Usage: "; empty: not shown
  std::string cause;    ///< repeated as the cause where `up` itself reports it
};

/// Wrong usage in general; goes with exit code 2.
[[nodiscard]] std::string format_usage_error(const UsageError& error, Colour colour);
/// Wrong usage of a flag that belongs to `up` and not to a trigger; goes with exit code 1.
[[nodiscard]] std::string format_up_usage_error(const UsageError& error, Colour colour);

/// The same written to stderr, with the exit code that goes with it.
int report_failure(const Error& error);
int report_usage(const UsageError& error);
int report_up_usage(const UsageError& error);

/// One of several things that are wrong, written to stderr; the command goes on.
void report_problem(const std::string& text);

}  // namespace whorl::cli
