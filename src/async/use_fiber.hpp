/// use_fiber: the completion token that parks a fiber until an Asio operation completes.
///
///     auto [code, count] = socket.async_read_some(buffer, use_fiber(fiber));
///
/// The result comes as a tuple of the operation's arguments, the error code first; nothing is
/// thrown. When the fiber is cancelled the operation is asked to end through its cancellation slot,
/// and the code is operation_aborted. Buffers may lie on the fiber's stack: an operation on a
/// socket, pipe or timer touches them no more when the call has returned. Operations composed of
/// several steps (TLS) could, if the fiber is cancelled while it is being woken for another reason:
/// their buffers belong to the stream's object. @thread shard
#pragma once

#include "async/parkable.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace whorl::async {

/// See use_fiber().
struct UseFiber {
  Parkable* fiber;
};

/// @param fiber  the fiber the calling code runs on
[[nodiscard]] inline UseFiber use_fiber(Parkable& fiber) noexcept {
  return {&fiber};
}

namespace detail {

template <class... Args>
struct FiberFrame;

/// What the operation's handler owns: the cancellation signal must outlive the operation.
template <class... Args>
struct FiberOperation {
  boost::asio::cancellation_signal signal;
  FiberFrame<Args...>* frame;  ///< null once the waiting stack is gone
};

/// What lives on the parked stack.
template <class... Args>
struct FiberFrame final : Cancellable {
  explicit FiberFrame(Parkable& parkable) noexcept : fiber(parkable) {}
  FiberFrame(const FiberFrame&) = delete;
  FiberFrame& operator=(const FiberFrame&) = delete;
  ~FiberFrame() {
    if (operation != nullptr) {
      operation->frame = nullptr;
    }
  }
  void cancel() noexcept override {
    if (operation != nullptr) {
      operation->signal.emit(boost::asio::cancellation_type::all);
    }
  }

  Parkable& fiber;
  FiberOperation<Args...>* operation = nullptr;
  std::optional<std::tuple<Args...>> result;
};

template <class... Args>
class FiberHandler {
 public:
  using cancellation_slot_type = boost::asio::cancellation_slot;

  explicit FiberHandler(FiberFrame<Args...>& frame)
      : operation_(std::make_unique<FiberOperation<Args...>>()) {
    operation_->frame = &frame;
    frame.operation = operation_.get();
  }
  FiberHandler(FiberHandler&&) noexcept = default;
  FiberHandler& operator=(FiberHandler&&) noexcept = default;
  ~FiberHandler() {
    if (operation_ != nullptr && operation_->frame != nullptr) {
      operation_->frame->operation = nullptr;
    }
  }

  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
    return operation_->signal.slot();
  }
  void operator()(Args... args) {
    FiberFrame<Args...>* frame = operation_->frame;
    if (frame != nullptr) {
      frame->result.emplace(std::move(args)...);
      frame->fiber.unpark();
    }
  }

 private:
  std::unique_ptr<FiberOperation<Args...>> operation_;
};

template <class... Args>
std::tuple<Args...> aborted() {
  std::tuple<Args...> result{};
  std::get<0>(result) = boost::asio::error::operation_aborted;
  return result;
}

}  // namespace detail
}  // namespace whorl::async

template <class... Args>
class boost::asio::async_result<whorl::async::UseFiber, void(Args...)> {
 public:
  using return_type = std::tuple<std::decay_t<Args>...>;

  template <class Initiation, class... InitArgs>
  static return_type initiate(
      Initiation&& initiation, whorl::async::UseFiber token, InitArgs&&... init_args
  ) {
    namespace detail = whorl::async::detail;
    if (token.fiber->cancelled()) {
      return detail::aborted<std::decay_t<Args>...>();
    }
    detail::FiberFrame<std::decay_t<Args>...> frame(*token.fiber);
    std::forward<Initiation>(initiation)(
        detail::FiberHandler<std::decay_t<Args>...>(frame), std::forward<InitArgs>(init_args)...
    );
    while (!frame.result.has_value()) {
      if (!token.fiber->park(&frame) && !frame.result.has_value()) {
        // The owner ends without letting the operation complete. Asio's own operations do not
        // touch their buffers after this.
        frame.cancel();
        return detail::aborted<std::decay_t<Args>...>();
      }
    }
    return *std::move(frame.result);
  }
};
