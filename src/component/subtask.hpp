/// Subtasks: calls that a guest made asynchronously, as its handle table holds them.
///
/// Private to the room, but for the templates of host functions. @thread shard
/// @spec CanonicalABI.md "Subtask State"; named as in definitions.py
#pragma once

#include "component/abi_context.hpp"
#include "component/thread.hpp"
#include "component/waitable.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace whorl::component {

class Subtask;

/// What runs on behalf of a subtask.
class SubtaskWork {
 public:
  virtual ~SubtaskWork() = default;
  /// The caller wants no result any more. @spec definitions.py OnCancel
  /// @param from  the caller's component instance
  [[nodiscard]] virtual Failure on_cancel(std::uint16_t from) = 0;

 protected:
  /// Links the two until one of them is gone.
  void link(Subtask& subtask) noexcept;
  void unlink() noexcept;
  /// Null once it was dropped.
  [[nodiscard]] Subtask* subtask() const noexcept { return subtask_; }

 private:
  friend class Subtask;
  Subtask* subtask_ = nullptr;
};

class Subtask final : public Waitable {
 public:
  enum class State : std::uint8_t {
    Starting = 0,
    Started = 1,
    Returned = 2,
    CancelledBeforeStarted = 3,
    CancelledBeforeReturned = 4,
  };

  ~Subtask() override;

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool is_resolved() const noexcept { return state_ >= State::Returned; }
  [[nodiscard]] bool is_resolve_delivered() const noexcept { return is_delivered_; }
  /// The arguments are being taken.
  void start();
  void resolve(State state);
  void deliver_resolve() noexcept;
  /// What was lent for the arguments stays lent until the end was delivered.
  [[nodiscard]] LiftContext& lend(
      ByteView memory, HandleTable& handles, StringEncoding encoding, engine::Store& store
  );
  /// From now on progress is an event.
  void notifies() noexcept { notifies_ = true; }

  [[nodiscard]] SubtaskWork* work() const noexcept { return work_; }
  bool cancellation_requested = false;

 private:
  friend class SubtaskWork;
  [[nodiscard]] EventTuple make_event() override;

  State state_ = State::Starting;
  bool is_delivered_ = false;
  bool notifies_ = false;
  SubtaskWork* work_ = nullptr;
  std::optional<LiftContext> lent_;
};

}  // namespace whorl::component
