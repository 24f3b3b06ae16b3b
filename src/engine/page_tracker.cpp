#include "engine/page_tracker.hpp"

#include "engine/fault_watch.hpp"
#include "engine/thread_use.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <optional>

namespace whorl::engine {
namespace {

// Of linux/fs.h since 6.7; the headers of the build machine may be older.
struct PageRegion {
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t categories;
};
struct ScanArguments {
  std::uint64_t size;
  std::uint64_t flags;
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t walk_end;
  std::uint64_t regions;
  std::uint64_t region_count;
  std::uint64_t max_pages;
  std::uint64_t category_inverted;
  std::uint64_t category_mask;
  std::uint64_t category_any_of;
  std::uint64_t return_mask;
};
constexpr unsigned long kPagemapScan = _IOWR('f', 16, ScanArguments);
constexpr std::uint64_t kFile = 1u << 2;
constexpr std::uint64_t kPresent = 1u << 3;
constexpr std::uint64_t kSwapped = 1u << 4;
constexpr std::uint64_t kZeroPage = 1u << 5;

/// After so many answers without it the kernel is asked all the same: what else it says is to be of
/// a moment ago (thread_use.hpp).
constexpr std::uint32_t kAnswersAlone = 63;

/// Regions taken from the kernel in one call.
constexpr std::size_t kRegions = 128;

/// One call of the kernel: the private regions from `start` on. @return regions filled, or nothing
std::optional<std::size_t> scan(
    int pagemap, ScanArguments& arguments, std::array<PageRegion, kRegions>& regions
) {
  arguments.size = sizeof arguments;
  arguments.regions = reinterpret_cast<std::uint64_t>(regions.data());
  arguments.region_count = regions.size();
  arguments.category_inverted = kFile | kZeroPage;
  arguments.category_mask = kFile | kZeroPage;
  arguments.category_any_of = kPresent | kSwapped;
  arguments.return_mask = kPresent;
  const long found = ::ioctl(pagemap, kPagemapScan, &arguments);
  if (found < 0) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(found);
}

std::optional<PageTracker> make_tracker() noexcept {
  if (::sysconf(_SC_PAGESIZE) != static_cast<long>(kPageBytes) ||
      ::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) != 1) {
    return std::nullopt;
  }
  const int pagemap = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pagemap < 0) {
    return std::nullopt;
  }
  const PageTracker tracker(pagemap);
  // Tried on a page of our own that is certainly private.
  alignas(kPageBytes) static std::array<std::uint8_t, kPageBytes> probe;
  static_cast<volatile std::uint8_t&>(probe[0]) = 1;
  std::vector<std::uint32_t> pages;
  if (!tracker.find_private(probe, 1, pages) || pages.size() != 1) {
    ::close(pagemap);
    return std::nullopt;
  }
  return tracker;
}

}  // namespace

std::uint64_t faults_of_this_thread() noexcept {
  static constinit thread_local std::uint32_t answers = 0;
  const std::uint64_t last_seen = ThreadUse::last_seen().faults;
  const bool was_quiet = FaultWatch::is_quiet();
  if (was_quiet && answers < kAnswersAlone) {
    ++answers;
    return last_seen;
  }
  answers = 0;
  if (was_quiet && ThreadUse::now().faults != last_seen) {
    FaultWatch::try_again();
  }
  FaultWatch::begin();
  return ThreadUse::now().faults;
}
std::uint64_t faults_last_seen() noexcept {
  return ThreadUse::last_seen().faults;
}

const PageTracker* PageTracker::of_process() noexcept {
  static const std::optional<PageTracker> tracker = make_tracker();
  return tracker ? &*tracker : nullptr;
}

void PageTracker::disable_huge_pages() noexcept {
  ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

bool PageTracker::find_private(ByteView memory, std::size_t most, std::vector<std::uint32_t>& pages)
    const {
  pages.clear();
  const auto base = reinterpret_cast<std::uint64_t>(memory.data());
  ScanArguments arguments{};
  arguments.start = base;
  arguments.end = base + memory.size();
  std::array<PageRegion, kRegions> regions;
  while (arguments.start < arguments.end) {
    const auto found = scan(pagemap_, arguments, regions);
    if (!found) {
      return false;
    }
    for (std::size_t i = 0; i < *found; ++i) {
      const std::uint64_t first = (regions[i].start - base) / kPageBytes;
      const std::uint64_t last = (regions[i].end - base) / kPageBytes;
      if (pages.size() + (last - first) > most) {
        return false;
      }
      for (std::uint64_t page = first; page < last; ++page) {
        pages.push_back(static_cast<std::uint32_t>(page));
      }
    }
    if (arguments.walk_end <= arguments.start) {
      return false;  // no progress: what the kernel says can't be relied on
    }
    arguments.start = arguments.walk_end;
  }
  return true;
}

}  // namespace whorl::engine
