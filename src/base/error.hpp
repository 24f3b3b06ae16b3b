/// Errors by reaction: what a caller can do about a failure decides its kind, not where it arose.
///
/// An Error is built only when something fails; it is one pointer wide so that Result<T> stays
/// small. @thread any (a value, not shared).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl {

/// What a caller should do about a failure.
enum class ErrorKind : std::uint8_t {
  InvalidInput,      ///< the operator's or client's text is wrong; fix it
  NotFound,          ///< the thing named does not exist
  AlreadyExists,     ///< the thing named exists already
  PermissionDenied,  ///< not granted
  Unauthenticated,   ///< credentials missing or wrong
  Unavailable,       ///< a peer or resource is down; retry later
  Overloaded,        ///< we have too much to do; retry later
  DeadlineExceeded,  ///< time is over
  Cancelled,         ///< the caller or a shutdown ended it
  Disconnected,      ///< the peer went away
  Unsupported,       ///< understood, but not offered
  ResourceLimit,     ///< a limit was hit; the message names it
  GuestTrap,         ///< the guest ended itself
  Corrupt,           ///< bytes that should be sound are not
  Internal,          ///< a bug of ours
};

/// Name of a kind as it stands in logs, e.g. "invalid-input".
[[nodiscard]] std::string_view to_string(ErrorKind kind) noexcept;

/// Why something failed: kind, message, and the chain of what was being attempted.
class [[nodiscard]] Error {
 public:
  Error(
      ErrorKind kind,
      std::string message,
      std::source_location where = std::source_location::current()
  );
  Error(Error&&) noexcept = default;
  Error& operator=(Error&&) noexcept = default;
  ~Error() = default;

  [[nodiscard]] ErrorKind kind() const noexcept { return state_->kind; }
  /// The innermost message: what went wrong.
  [[nodiscard]] const std::string& message() const noexcept { return state_->message; }
  /// What was being attempted, outermost last.
  [[nodiscard]] const std::vector<std::string>& contexts() const noexcept {
    return state_->contexts;
  }
  /// Advice for the person who reads the message; empty if there is none.
  [[nodiscard]] const std::string& help() const noexcept { return state_->help; }
  [[nodiscard]] const std::source_location& where() const noexcept { return state_->where; }

  /// Adds what was being attempted.
  void add_context(std::string context) { state_->contexts.push_back(std::move(context)); }
  void set_help(std::string help) { state_->help = std::move(help); }
  [[nodiscard]] Error context(std::string text) && {
    add_context(std::move(text));
    return std::move(*this);
  }
  [[nodiscard]] Error with_help(std::string text) && {
    set_help(std::move(text));
    return std::move(*this);
  }
  /// A copy; errors are not copied by accident.
  [[nodiscard]] Error clone() const;

  /// One line: outermost context first, parts joined by ": ".
  [[nodiscard]] std::string to_line() const;

 private:
  struct State {
    ErrorKind kind;
    std::string message;
    std::vector<std::string> contexts;
    std::string help;
    std::source_location where;
  };
  std::unique_ptr<State> state_;
};

namespace detail {
/// A format string that also captures the place of the call.
template <class... Args>
struct Located {
  template <class Text>
  consteval Located(  // NOLINT(google-explicit-constructor): stands for the format string
      const Text& text,
      std::source_location place = std::source_location::current()
  )
      : format(text), where(place) {}
  fmt::format_string<Args...> format;
  std::source_location where;
};
}  // namespace detail

/// Builds an Error with a formatted message: `fail(ErrorKind::NotFound, "no file {}", path)`.
template <class... Args>
[[nodiscard]] Error fail(
    ErrorKind kind, detail::Located<std::type_identity_t<Args>...> text, Args&&... args
) {
  return Error(kind, fmt::format(text.format, std::forward<Args>(args)...), text.where);
}

}  // namespace whorl
