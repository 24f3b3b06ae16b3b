/// Which pages of guest memory were written: the question behind an exact reset.
///
/// A page of a linear memory becomes private to this process when it is first written, and that
/// raises a page fault on the thread that writes. So between two moments with the same fault count
/// no page became private, and what was found private earlier is all there is (engine.md M9). That
/// holds only while the kernel moves nothing on its own: transparent huge pages are off for the
/// process (K3), and pages that were swapped out count as private. @thread any
#pragma once

#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace whorl::engine {

/// Bytes of a page of the machine; the tracker is off on machines where it differs.
inline constexpr std::size_t kPageBytes = 4096;

/// Page faults of the calling thread so far, of either kind; but for those of the kernel while it
/// wrote for the thread to memory that FaultWatch was not told of. Asks the kernel only where the
/// processor can't tell that there were none.
[[nodiscard]] std::uint64_t faults_of_this_thread() noexcept;
/// What the last call of faults_of_this_thread() on this thread returned, without asking the kernel
/// again: an earlier moment to compare with, which is as sound and in steady state as good.
[[nodiscard]] std::uint64_t faults_last_seen() noexcept;

/// The kernel's view of which pages are private.
class PageTracker {
 public:
  /// The tracker of the process; null where pages can't be told apart reliably: a kernel without
  /// PAGEMAP_SCAN (before 6.7), transparent huge pages on, pages of another size. Found out at the
  /// first call, so disable_huge_pages() comes before it.
  [[nodiscard]] static const PageTracker* of_process() noexcept;
  /// Switches transparent huge pages off for the process; before guest memory exists.
  static void disable_huge_pages() noexcept;

  /// Writes the indices of all private pages of `memory` to `pages`, in order: those ever written
  /// since they were mapped, whether the last event wrote them or not.
  ///
  /// @param memory  starts at a page
  /// @param most    stop there: a memory with more is not worth restoring
  /// @return        false if there are more than `most`, or the kernel refused
  [[nodiscard]] bool find_private(
      ByteView memory, std::size_t most, std::vector<std::uint32_t>& pages
  ) const;

  explicit PageTracker(int pagemap) noexcept : pagemap_(pagemap) {}

 private:
  int pagemap_;  ///< /proc/self/pagemap, open as long as the process lives
};

}  // namespace whorl::engine
