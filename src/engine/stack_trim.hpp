/// Internal to engine/: what a fiber did to its stack goes back to the system with its end.
///
/// The pool hands stacks on with the pages that were ever touched. A fiber whose call is over gives
/// back those that lie deep, from the stack itself: nothing below its own frames lives any more,
/// and nobody else has the stack yet. Whether there are such pages is told by the thread's page
/// faults, so that a fiber that stays with what it finds costs no call for memory.
/// @thread any; on the fiber
#pragma once

#include <cstddef>
#include <cstdint>

namespace whorl::engine {

/// How much of a stack stays with the pool for the next fiber, below the frames that enter it.
inline constexpr std::size_t kKeptStackBytes = std::size_t{64} * 1024;

class StackTrim {
 public:
  /// On a fiber's outermost frame of ours, before the guest runs.
  StackTrim() noexcept;
  /// In the same frame, when the fiber's call is over.
  /// @param bottom  no page of the stack lies below
  void give_back(std::uintptr_t bottom) const noexcept;

 private:
  std::uint64_t faults_;
};

}  // namespace whorl::engine
