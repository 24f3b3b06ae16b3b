/// The borrow handles that a call puts into the callee's table: they go with the call, also when it
/// fails. Private to the room. @thread shard @spec definitions.py Task.num_borrows
#pragma once

#include "component/handle_table.hpp"

namespace whorl::component {

class CallBorrows {
 public:
  /// @param handles  of the callee; outlives this object
  explicit CallBorrows(HandleTable& handles) noexcept : handles_(handles) {}
  CallBorrows(const CallBorrows&) = delete;
  CallBorrows& operator=(const CallBorrows&) = delete;
  ~CallBorrows() {
    if (scope_.num_borrows != 0) {
      handles_.abandon(scope_);
    }
  }

  [[nodiscard]] BorrowScope& scope() noexcept { return scope_; }

 private:
  HandleTable& handles_;
  BorrowScope scope_;
};

}  // namespace whorl::component
