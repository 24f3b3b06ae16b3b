#include "component/host.hpp"

#include "base/check.hpp"
#include "component/names.hpp"

#include <algorithm>

namespace whorl::component {

std::uint16_t HostRegistry::add(const HostInterface& interface) {
  WHORL_CHECK(interfaces_.size() < CallSite::kNone, "too many host interfaces");
  for (const HostInterface* other : interfaces_) {
    WHORL_CHECK(
        std::string_view(other->name) != interface.name ||
            std::string_view(other->version) != interface.version,
        "host interface registered twice",
        interface.name,
        interface.version
    );
  }
  interfaces_.push_back(&interface);
  return static_cast<std::uint16_t>(interfaces_.size() - 1);
}

std::optional<HostRegistry::Match> HostRegistry::find(
    std::string_view name, std::string_view version
) const {
  const std::string track = compatibility_key(version);
  std::optional<Match> best;
  for (std::size_t slot = 0; slot < interfaces_.size(); ++slot) {
    const HostInterface* offered = interfaces_[slot];
    if (name != offered->name) {
      continue;
    }
    const Match match{offered, static_cast<std::uint16_t>(slot)};
    if (version == offered->version) {
      return match;
    }
    if (track.empty() || compatibility_key(offered->version) != track) {
      continue;
    }
    if (!best || *parse_semver(best->interface->version) < *parse_semver(offered->version)) {
      best = match;
    }
  }
  return best;
}

std::vector<std::string> HostRegistry::versions_of(std::string_view name) const {
  std::vector<std::string> versions;
  for (const HostInterface* offered : interfaces_) {
    if (name == offered->name) {
      versions.emplace_back(offered->version);
    }
  }
  return versions;
}

std::vector<std::string> HostRegistry::names() const {
  std::vector<std::string> names;
  for (const HostInterface* offered : interfaces_) {
    names.emplace_back(offered->name);
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

}  // namespace whorl::component
