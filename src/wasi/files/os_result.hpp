/// What file operations give back: a value or Linux's error number.
///
/// Guests are told error numbers, so building an Error with its texts would be wasted; each version
/// of WASI has its own table from these numbers to its own. @thread any
#pragma once

#include <cerrno>
#include <expected>

namespace whorl::wasi::files {

/// A value, or an errno of Linux.
template <class T = void>
using OsResult = std::expected<T, int>;

/// The error of the system call that has just failed.
[[nodiscard]] inline std::unexpected<int> os_error() noexcept {
  return std::unexpected(errno);
}
[[nodiscard]] inline std::unexpected<int> os_error(int number) noexcept {
  return std::unexpected(number);
}

/// The outcome of a system call that returns -1 on failure.
template <class T>
[[nodiscard]] OsResult<> checked(T returned) noexcept {
  if (returned < 0) {
    return os_error();
  }
  return {};
}

}  // namespace whorl::wasi::files
