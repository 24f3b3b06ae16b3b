/// What is known of guests before they run. @thread any
#pragma once

namespace whorl::engine {

class Engine;

/// A guest is about to begin that is likely to run past its slice: the epoch clock does not wait
/// until it has seen that. Costs a call of the kernel where the clock does not tick.
void expect_long_run(Engine& engine) noexcept;

}  // namespace whorl::engine
