/// Routine: the coroutine of one connection, started, resumed and destroyed by its owner.
///
/// Not an Asio awaitable: a connection waits for many things at once, and each such wait would
/// cost an awaitable's frame and type-erased handler; idle connections would keep them.
/// @thread shard
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

namespace whorl::http {

class [[clang::coro_return_type]] Routine {
 public:
  struct promise_type {
    Routine get_return_object() noexcept {
      return Routine(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    /// A broken invariant ends the connection, not the process; resume() rethrows it to the loop.
    void unhandled_exception() noexcept { escaped = std::current_exception(); }
    std::exception_ptr escaped;
  };

  Routine() = default;
  Routine(Routine&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Routine& operator=(Routine&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Routine() { destroy(); }

  /// Continues until the next suspension. Not when done.
  void resume() { handle_.resume(); }
  [[nodiscard]] bool is_done() const noexcept { return handle_ == nullptr || handle_.done(); }
  /// What escaped from it, once done.
  [[nodiscard]] std::exception_ptr escaped() const noexcept {
    return handle_ == nullptr ? nullptr : handle_.promise().escaped;
  }
  /// Ends it where it is suspended.
  void destroy() noexcept {
    if (handle_ != nullptr) {
      std::exchange(handle_, nullptr).destroy();
    }
  }

 private:
  explicit Routine(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace whorl::http
