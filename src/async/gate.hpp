/// Gate: counts those inside, can be closed, and tells when everybody has left.
///
/// The heart of every orderly shutdown: close(), then wait on empty_event() until is_empty().
/// @thread shard
#pragma once

#include "async/event.hpp"
#include "base/check.hpp"

#include <cstddef>
#include <utility>

namespace whorl::async {

class Gate {
 public:
  /// Being inside; leaves when destroyed. Must not outlive the gate.
  class Pass {
   public:
    Pass() = default;
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Pass() {
      if (gate_ != nullptr) {
        gate_->leave();
      }
    }
    /// False when the gate was closed.
    explicit operator bool() const noexcept { return gate_ != nullptr; }

   private:
    friend class Gate;
    explicit Pass(Gate* gate) noexcept : gate_(gate) {}
    Gate* gate_ = nullptr;
  };

  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() = default;

  /// Enters, unless the gate is closed: then the pass is false.
  [[nodiscard]] Pass try_enter() noexcept {
    if (closed_) {
      return Pass(nullptr);
    }
    ++inside_;
    return Pass(this);
  }
  /// Admits nobody from now on.
  void close() noexcept {
    closed_ = true;
    if (inside_ == 0) {
      empty_event_.notify();
    }
  }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  [[nodiscard]] std::size_t inside() const noexcept { return inside_; }
  /// Closed, and everybody has left.
  [[nodiscard]] bool is_empty() const noexcept { return closed_ && inside_ == 0; }
  /// Fires when is_empty() becomes true.
  [[nodiscard]] Event& empty_event() noexcept { return empty_event_; }

 private:
  void leave() noexcept {
    if (--inside_ == 0 && closed_) {
      empty_event_.notify();
    }
  }

  std::size_t inside_ = 0;
  bool closed_ = false;
  Event empty_event_;
};

}  // namespace whorl::async
