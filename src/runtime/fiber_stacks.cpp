#include "runtime/fiber_stacks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::runtime {

// Shards race here; the total is exact, the share may be off by as many as there are shards.
bool ComponentFibers::try_take() noexcept {
  const std::uint32_t used = stacks_.used_.fetch_add(1, std::memory_order_relaxed);
  const std::uint32_t held = held_.fetch_add(1, std::memory_order_relaxed);
  if (used < stacks_.total_ && held < stacks_.total_ - used) [[likely]] {
    return true;
  }
  give_back();
  return false;
}

void ComponentFibers::give_back() noexcept {
  held_.fetch_sub(1, std::memory_order_relaxed);
  stacks_.used_.fetch_sub(1, std::memory_order_relaxed);
}

bool ComponentFibers::is_scarce() const noexcept {
  return held() > (stacks_.total_ - std::min(stacks_.used(), stacks_.total_)) / 2;
}

std::string ComponentFibers::refusal() const {
  return fmt::format(
      "too many calls of this component's events wait at the same time: {} of the host's {} "
      "further "
      "stacks are its own, {} are in use; that is its share (SPIN_MAX_INSTANCE_COUNT raises both)",
      held(),
      stacks_.total(),
      stacks_.used()
  );
}

}  // namespace whorl::runtime
