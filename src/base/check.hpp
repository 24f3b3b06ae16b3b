/// CHECK: invariants of ours, always on. Never for guest, network or file input: those are Results.
///
/// In development builds a broken invariant prints itself and aborts; in release it throws
/// InvariantBroken, which is caught at exactly three kinds of place: the host-function thunk (it
/// becomes a trap), the end of a request or message, and main.
#pragma once

#include <fmt/format.h>

#include <source_location>
#include <stdexcept>
#include <string>

namespace whorl {

/// A bug of ours was noticed. what() says which and where.
class InvariantBroken : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

namespace detail {
[[noreturn]] void check_failed(
    const char* condition, const std::string& why, std::source_location where
);
template <class... Args>
[[noreturn]] void check_failed_with(
    std::source_location where, const char* condition, const char* why, const Args&... args
) {
  std::string text = why;
  ((text += fmt::format(" [{}]", args)), ...);
  check_failed(condition, text, where);
}
}  // namespace detail
}  // namespace whorl

/// WHORL_CHECK(cond, "why", values…): the values are printed.
#define WHORL_CHECK(cond, ...)                                                                 \
  do {                                                                                         \
    if (!(cond)) [[unlikely]] {                                                                \
      ::whorl::detail::check_failed_with(std::source_location::current(), #cond, __VA_ARGS__); \
    }                                                                                          \
  } while (false)

/// For hot loops: checked in development builds only.
#ifdef WHORL_CHECK_ABORTS
#define WHORL_DCHECK(cond, ...) WHORL_CHECK(cond, __VA_ARGS__)
#else
#define WHORL_DCHECK(cond, ...) \
  do {                          \
  } while (false)
#endif
