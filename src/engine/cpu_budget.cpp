#include "engine/cpu_budget.hpp"

#include "engine/store_impl.hpp"

namespace whorl::engine {

void allow_cpu(Store& store, std::chrono::nanoseconds more) noexcept {
  using std::chrono::nanoseconds;
  const nanoseconds used = store.cpu_used();
  store.impl().budget.cpu = more > nanoseconds::max() - used ? nanoseconds::max() : used + more;
}

}  // namespace whorl::engine
