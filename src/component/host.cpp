#include "component/host.hpp"

#include "base/check.hpp"
#include "component/names.hpp"

#include <algorithm>
#include <cstring>

namespace whorl::component {

const CoreHostFunction* CoreHostModule::find(std::string_view function) const noexcept {
  const auto found = std::ranges::find_if(functions, [&](const CoreHostFunction& candidate) {
    return function == candidate.name;
  });
  return found == functions.end() ? nullptr : &*found;
}

std::uint16_t HostRegistry::next_slot() {
  WHORL_CHECK(slots_ < CallSite::kNone, "too many host interfaces");
  return slots_++;
}

std::uint16_t HostRegistry::add(const HostInterface& interface) {
  const bool is_known = std::ranges::any_of(interfaces_, [&](const Match& other) {
    // Without asking for the lengths of 150 names 150 times: that was a percent of a start.
    return std::strcmp(other.interface->name, interface.name) == 0 &&
           std::strcmp(other.interface->version, interface.version) == 0;
  });
  WHORL_CHECK(!is_known, "host interface registered twice", interface.name, interface.version);
  interfaces_.push_back({&interface, next_slot()});
  return interfaces_.back().host_slot;
}

std::uint16_t HostRegistry::add(const CoreHostModule& module) {
  WHORL_CHECK(!find_core_module(module.name), "host module registered twice", module.name);
  core_modules_.push_back({&module, next_slot()});
  return core_modules_.back().host_slot;
}

bool HostRegistry::is_announced(std::string_view name) const noexcept {
  return std::ranges::find(announced_, name) != announced_.end();
}

std::optional<HostRegistry::CoreMatch> HostRegistry::find_core_module(std::string_view name
) const noexcept {
  const auto found = std::ranges::find_if(core_modules_, [&](const CoreMatch& candidate) {
    return name == candidate.module->name;
  });
  return found == core_modules_.end() ? std::nullopt : std::optional(*found);
}

std::optional<HostRegistry::Match> HostRegistry::find(
    std::string_view name, std::string_view version
) const {
  const std::string track = compatibility_key(version);
  std::optional<Match> best;
  for (const Match& match : interfaces_) {
    const HostInterface& offered = *match.interface;
    if (name != offered.name) {
      continue;
    }
    if (version == offered.version) {
      return match;
    }
    if (track.empty() || compatibility_key(offered.version) != track) {
      continue;
    }
    if (!best || *parse_semver(best->interface->version) < *parse_semver(offered.version)) {
      best = match;
    }
  }
  return best;
}

std::vector<std::string> HostRegistry::versions_of(std::string_view name) const {
  std::vector<std::string> versions;
  for (const Match& offered : interfaces_) {
    if (name == offered.interface->name) {
      versions.emplace_back(offered.interface->version);
    }
  }
  return versions;
}

std::vector<std::string> HostRegistry::names() const {
  std::vector<std::string> names;
  for (const Match& offered : interfaces_) {
    names.emplace_back(offered.interface->name);
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

}  // namespace whorl::component
