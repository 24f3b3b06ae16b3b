/// Internal to engine/: tells the address sanitizer which stack the code stands on. It would learn
/// of a switch from the code that makes it, but that is the engine's, which is not instrumented;
/// without this it cannot clean up behind exceptions thrown on fibers and may then report errors
/// where there are none. Nothing in other builds.
#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define WHORL_ENGINE_ASAN 1
#endif
#endif

namespace whorl::engine {

struct StackBounds {
  const void* bottom = nullptr;
  std::size_t size = 0;
};

/// We stand on this stack now. @return where the sanitizer thought we stood
inline StackBounds stand_on([[maybe_unused]] const StackBounds& stack) noexcept {
  StackBounds before;
#ifdef WHORL_ENGINE_ASAN
  void* fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, stack.bottom, stack.size);
  __sanitizer_finish_switch_fiber(fake, &before.bottom, &before.size);
#endif
  return before;
}

}  // namespace whorl::engine
