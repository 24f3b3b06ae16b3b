#include "engine/pool_plan.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string>

namespace whorl::engine {
namespace {

// A slot in use: memory image, grown tail and inaccessible rest are up to 4 mappings; a stack and
// its guard page 2. What is left is for code, threads, files and allocator arenas.
constexpr std::uint64_t kMappingsPerMemory = 4;
constexpr std::uint64_t kMappingsPerStack = 2;
/// Of the stacks beyond one a slot, as long as they are no quarter of the slots.
constexpr std::uint32_t kMostSpareStacks = 1000;
constexpr std::uint64_t kMappingsKept = 4096;
// Address space left for everything else under RLIMIT_AS or RLIMIT_DATA.
constexpr std::uint64_t kBytesKept = std::uint64_t{1} << 30;

std::uint64_t less(std::uint64_t from, std::uint64_t what) noexcept {
  return from > what ? from - what : 0;
}

std::uint64_t limit_of(decltype(RLIMIT_AS) resource) {
  rlimit limit = {};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return ~std::uint64_t{0};
  }
  return limit.rlim_cur;
}

/// A small file of the kernel's; empty if it can't be read.
std::string read_text(const char* path) {
  std::string text;
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return text;
  }
  std::array<char, 4096> part;
  while (true) {
    const ssize_t got = ::read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      break;
    }
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  return text;
}

class Mapping {
 public:
  Mapping(std::uint64_t bytes, int protection) noexcept
      : bytes_(bytes),
        address_(
            ::mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        ) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (ok()) {
      ::munmap(address_, bytes_);
    }
  }
  [[nodiscard]] bool ok() const noexcept { return address_ != MAP_FAILED; }

 private:
  std::uint64_t bytes_;
  void* address_;
};

}  // namespace

MachineLimits read_machine_limits() {
  MachineLimits limits;
  const std::string most = read_text("/proc/sys/vm/max_map_count");
  (void)std::from_chars(most.data(), most.data() + most.size(), limits.max_map_count);
  const std::string maps = read_text("/proc/self/maps");
  limits.mappings_in_use = static_cast<std::uint64_t>(std::ranges::count(maps, '\n'));
  limits.address_space = limit_of(RLIMIT_AS);
  if (limits.address_space != ~std::uint64_t{0}) {
    const std::string sizes = read_text("/proc/self/statm");
    std::uint64_t pages = 0;
    (void)std::from_chars(sizes.data(), sizes.data() + sizes.size(), pages);
    limits.address_space = less(limits.address_space, pages * 4096);
  }
  limits.data_segment = limit_of(RLIMIT_DATA);
  return limits;
}

PoolCounts counts_for(std::uint32_t slots) noexcept {
  // Composed apps have several core instances and tables per memory. A guest of WASI 0.3 has a
  // fiber for each call that waits: a fan-out of ten has ten. They are shared
  // (runtime/fiber_stacks.hpp).
  return {
      .memories = slots,
      .tables = 2 * slots,
      .core_instances = 4 * slots,
      .stacks = slots + std::max(slots / 4, std::min(slots, kMostSpareStacks)) + 4,
  };
}

PoolBytes bytes_for(const PoolCounts& counts, const SlotSizes& sizes) noexcept {
  const std::uint64_t writable = counts.tables * sizes.table + counts.stacks * sizes.stack;
  // One more memory slot for the guards before the first and after the last.
  return {
      .reserved = (counts.memories + std::uint64_t{1}) * sizes.memory + writable,
      .writable = writable,
  };
}

std::uint64_t mappings_for(const PoolCounts& counts) noexcept {
  return counts.memories * kMappingsPerMemory + counts.stacks * kMappingsPerStack;
}

bool probe_address_space(const PoolCounts& counts, const SlotSizes& sizes) {
  const PoolBytes bytes = bytes_for(counts, sizes);
  const Mapping memories(bytes.reserved - bytes.writable, PROT_NONE);
  const Mapping tables(counts.tables * sizes.table, PROT_READ | PROT_WRITE);
  const Mapping stacks(counts.stacks * sizes.stack, PROT_READ | PROT_WRITE);
  return memories.ok() && tables.ok() && stacks.ok();
}

PoolPlan plan_pool(
    std::uint32_t wanted, const SlotSizes& sizes, const MachineLimits& limits, Probe probe
) {
  PoolPlan plan;
  if (wanted == 0) {
    return plan;
  }
  const std::uint64_t mappings = less(limits.max_map_count, limits.mappings_in_use + kMappingsKept);
  const std::uint64_t space = less(limits.address_space, kBytesKept);
  const std::uint64_t data = less(limits.data_segment, kBytesKept);
  std::string why;
  std::uint32_t slots = wanted;
  const auto lower = [&](const auto& fits, std::string reason) {
    const std::uint32_t before = slots;
    std::uint32_t low = 0;
    while (low < slots) {  // largest count that fits
      const std::uint32_t middle = slots - (slots - low) / 2;
      if (fits(counts_for(middle))) {
        low = middle;
      } else {
        slots = middle - 1;
      }
    }
    if (slots != before) {
      why = std::move(reason);
    }
  };
  lower(
      [&](const PoolCounts& counts) { return mappings_for(counts) <= mappings; },
      fmt::format("vm.max_map_count is {}", limits.max_map_count)
  );
  lower(
      [&](const PoolCounts& counts) { return bytes_for(counts, sizes).reserved <= space; },
      "the address space is limited (ulimit -v)"
  );
  lower(
      [&](const PoolCounts& counts) { return bytes_for(counts, sizes).writable <= data; },
      "the data segment is limited (ulimit -d)"
  );
  while (slots >= kLeastSlots && !probe(counts_for(slots), sizes)) {
    slots /= 2;
    why = "the kernel does not give more address space";
  }
  plan.slots = slots < std::min(kLeastSlots, wanted) ? 0 : slots;
  if (plan.slots != wanted) {
    plan.note =
        plan.slots == 0
            ? fmt::format("instances are allocated on demand: {}", why)
            : fmt::format(
                  "the instance pool has {} slots instead of {}: {}", plan.slots, wanted, why
              );
  }
  return plan;
}

}  // namespace whorl::engine
