/// Finds target environments and their worlds: files, the network, the catalogue, the cache.
/// Private to the room. @thread blocking
#pragma once

#include "base/result.hpp"
#include "build/environment.hpp"
#include "build/target_checks.hpp"
#include "component/target.hpp"
#include "manifest/manifest.hpp"

#include <map>
#include <string>
#include <vector>

namespace whorl::build {

/// A world that a component may fit.
struct CandidateWorld {
  std::string name;     ///< as the environment refers to it
  std::string problem;  ///< why nothing fits it; empty: nothing is wrong with it
  std::vector<component::TypedWorld> worlds;  ///< fitting one is enough
};

/// An environment with its worlds, those of each type of trigger.
struct ResolvedEnvironment {
  std::string name;
  Environment description;
  std::map<const TriggerEnvironment*, std::vector<CandidateWorld>> worlds;
};

/// The environment that an entry of `targets` means. The description of the result is what its
/// map's keys point into: it is not copied.
[[nodiscard]] Result<std::shared_ptr<const ResolvedEnvironment>> resolve_environment(
    const manifest::Target& target, const TargetChecks& checks
);

}  // namespace whorl::build
