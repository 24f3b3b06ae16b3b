/// Views of an engine: the same slots, clock and compatibility, another way to make code.
///
/// Code of either kind does the same and runs in the same engine, side by side. A view differs for
/// big modules only (kBigCodeBytes): what a small one takes is not worth a second tier.
/// @thread any
#pragma once

#include "base/result.hpp"
#include "engine/engine.hpp"

#include <cstdint>
#include <memory>

namespace whorl::engine {

/// Bytes of function bodies from which a module is big: about 0.7 s of optimising.
inline constexpr std::uint64_t kBigCodeBytes = std::uint64_t{1} << 20;

/// The view of who waits: a big module that is not in the code cache is compiled without
/// optimising, unless most of its functions are known from other modules. Such code is kept
/// nowhere. With debug information nothing is optimised anyway; the view is the engine then.
[[nodiscard]] std::shared_ptr<Engine> in_a_hurry(const std::shared_ptr<Engine>& engine);
/// The view of who compiles behind others' backs: optimised, on the calling thread alone.
[[nodiscard]] std::shared_ptr<Engine> in_background(const std::shared_ptr<Engine>& engine);
/// Whether something was compiled through the view that is not optimised.
[[nodiscard]] bool has_quick_code(const Engine& view) noexcept;

}  // namespace whorl::engine
