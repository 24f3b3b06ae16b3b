#include "engine/stack_trim.hpp"

#include "engine/capi.hpp"
#include "engine/page_tracker.hpp"

#include <sys/mman.h>

namespace whorl::engine {

// An earlier moment will do: faults that were another fiber's cost one call at most.
StackTrim::StackTrim() noexcept : faults_(faults_last_seen()) {}

void StackTrim::give_back(std::uintptr_t bottom) const noexcept {
  // Without a fault no page was touched that was not there before, and what was there is kept.
  if (faults_of_this_thread() == faults_) {
    return;
  }
  const std::uintptr_t first = (bottom + kPageBytes - 1) & ~(kPageBytes - 1);
  const std::uintptr_t last = (capi::stack_pointer() - kKeptStackBytes) & ~(kPageBytes - 1);
  if (first < last) {
    // A kernel that refuses leaves the pages, as if they were kept.
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of this stack
    ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  }
}

}  // namespace whorl::engine
