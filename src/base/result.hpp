/// Result<T>: a value or an Error. Failure is a value here; exceptions are for bugs
/// (base/check.hpp).
///
/// A thin, nodiscard class over std::expected, which in libstdc++ 12 is neither nodiscard nor
/// monadic (docs/adr/0002). @thread any (a value, not shared).
#pragma once

#include "base/error.hpp"

#include <concepts>
#include <expected>
#include <type_traits>
#include <utility>

namespace whorl {

template <class T = void>
class [[nodiscard]] Result {
 public:
  using Value = T;

  Result()
    requires(std::is_void_v<T> || std::default_initializable<T>)
  = default;
  Result(Error error)
      : value_(std::unexpect, std::move(error)) {
  }  // NOLINT(google-explicit-constructor): an Error is a failed Result
  template <class U>
    requires(!std::is_void_v<T> && std::constructible_from<T, U &&> && !std::same_as<std::remove_cvref_t<U>, Result> && !std::same_as<std::remove_cvref_t<U>, Error>)
  Result(U&& value)
      : value_(std::in_place, std::forward<U>(value)) {
  }  // NOLINT(google-explicit-constructor): a T is a good Result

  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return value_.has_value(); }

  [[nodiscard]] std::add_lvalue_reference_t<T> value() & { return *value_; }
  [[nodiscard]] std::add_lvalue_reference_t<const T> value() const& { return *value_; }
  [[nodiscard]] T value() && { return *std::move(value_); }
  [[nodiscard]] std::add_lvalue_reference_t<T> operator*() & { return *value_; }
  [[nodiscard]] std::add_lvalue_reference_t<const T> operator*() const& { return *value_; }
  T operator*() && { return *std::move(value_); }
  [[nodiscard]] auto operator->()
    requires(!std::is_void_v<T>)
  {
    return &*value_;
  }
  [[nodiscard]] auto operator->() const
    requires(!std::is_void_v<T>)
  {
    return &*value_;
  }

  [[nodiscard]] Error& error() & { return value_.error(); }
  [[nodiscard]] const Error& error() const& { return value_.error(); }
  /// Moves the error out; only for a failed Result.
  [[nodiscard]] Error take_error() { return std::move(value_.error()); }

  /// Adds what was being attempted, if this failed: `parse(text).context("reading {}", path)`.
  template <class... Args>
  [[nodiscard]] Result context(fmt::format_string<Args...> text, Args&&... args) && {
    if (!value_) {
      value_.error().add_context(fmt::format(text, std::forward<Args>(args)...));
    }
    return std::move(*this);
  }
  template <class F>
  [[nodiscard]] Result map_error(F&& f) && {
    if (!value_) {
      return Result(std::forward<F>(f)(std::move(value_.error())));
    }
    return std::move(*this);
  }

 private:
  std::expected<T, Error> value_;
};

}  // namespace whorl

#define WHORL_CONCAT_(a, b) a##b
#define WHORL_CONCAT(a, b) WHORL_CONCAT_(a, b)

/// Declaration form: `WHORL_TRY(auto file, open(path));` returns the error, or declares `file`.
#define WHORL_TRY(decl, ...) \
  WHORL_TRY_(WHORL_CONCAT(whorl_try_, __COUNTER__), return, decl, __VA_ARGS__)
/// The same in a coroutine.
#define WHORL_CO_TRY(decl, ...) \
  WHORL_TRY_(WHORL_CONCAT(whorl_try_, __COUNTER__), co_return, decl, __VA_ARGS__)
#define WHORL_TRY_(tmp, ret, decl, ...) \
  auto tmp = (__VA_ARGS__);             \
  if (!tmp) [[unlikely]] {              \
    ret tmp.take_error();               \
  }                                     \
  decl = *std::move(tmp)

/// For a Result<void>: returns the error if there is one.
#define WHORL_CHECKED(...)                                     \
  do {                                                         \
    if (auto whorl_r = (__VA_ARGS__); !whorl_r) [[unlikely]] { \
      return whorl_r.take_error();                             \
    }                                                          \
  } while (false)
/// The same in a coroutine.
#define WHORL_CO_CHECKED(...)                                  \
  do {                                                         \
    if (auto whorl_r = (__VA_ARGS__); !whorl_r) [[unlikely]] { \
      co_return whorl_r.take_error();                          \
    }                                                          \
  } while (false)
