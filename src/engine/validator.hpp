/// The engine's own validator of components, as a second opinion on our own checks.
///
/// Nothing judged here is ever run: components are judged by their skeletons
/// (component/skeleton.hpp), whose functions have no bodies, on an engine of its own that has every
/// feature of the component model switched on that can be, no pool and no threads, and is gone
/// afterwards.
/// @thread any, may take milliseconds
#pragma once

#include "base/bytes.hpp"
#include "base/hash.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::engine {

enum class Verdict : std::uint8_t {
  Valid,
  Invalid,
  Unknown,  ///< it uses a feature that is switched off here, or that the engine can't compile
};

struct Judgement {
  Verdict verdict = Verdict::Unknown;
  /// What the engine says, on one line, without the place in the skeleton; empty for Valid.
  std::string reason;
};

/// Judges a component. Any bytes may be given.
[[nodiscard]] Judgement judge_component(ByteView component);

/// Name of the fact (ModuleCache::add_fact) that a component was judged and not refused.
inline constexpr std::string_view kWellTyped = "well-typed";
/// What that fact is kept under: what was judged, the engine's version and its settings.
/// @param content  digest of everything the component given to judge_component() was made of
[[nodiscard]] Sha256Digest verdict_key(const Sha256Digest& content);

/// True for reasons that tell of a feature which is switched off or not supported, and so nothing
/// about the component. For tests.
[[nodiscard]] bool is_beyond_judgement(std::string_view reason) noexcept;

}  // namespace whorl::engine
