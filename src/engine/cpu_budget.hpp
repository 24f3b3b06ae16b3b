/// The CPU budget of a store that serves several events at once. @thread shard
#pragma once

#include <chrono>

namespace whorl::engine {

class Store;

/// From now on the store may use that much more CPU than it has used. nanoseconds::max() lifts the
/// limit.
void allow_cpu(Store& store, std::chrono::nanoseconds more) noexcept;

}  // namespace whorl::engine
