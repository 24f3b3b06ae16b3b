// Running some of an application's components only.

#include "loader/loader.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace whorl::loader {
namespace {

constexpr std::string_view kChainingSuffix = ".spin.internal";

/// The host part of an outbound pattern, without scheme, port and path.
std::string_view host_of(std::string_view pattern) {
  const auto scheme_end = pattern.find("://");
  if (scheme_end != std::string_view::npos) {
    pattern.remove_prefix(scheme_end + 3);
  }
  return pattern.substr(0, pattern.find_first_of(":/"));
}

using Ids = std::set<std::string_view, std::less<>>;

/// A component that stays may not call one that doesn't. Patterns with templates are unknown here.
Result<void> check_chaining(const app::Component& component, const Ids& kept) {
  for (const std::string& pattern : component.allowed_outbound_hosts) {
    const std::string_view host = host_of(pattern);
    if (pattern.contains("{{") || !host.ends_with(kChainingSuffix)) {
      continue;
    }
    const std::string_view target = host.substr(0, host.size() - kChainingSuffix.size());
    if (target == "*") {
      return fail(
          ErrorKind::InvalidInput,
          "Selected component '{}' cannot use wildcard service chaining: allowed_outbound_hosts = "
          "[\"http://*.spin.internal\"]",
          component.id
      );
    }
    if (!kept.contains(target)) {
      return fail(
          ErrorKind::InvalidInput,
          "Selected component '{}' cannot use service chaining to unselected component: "
          "allowed_outbound_hosts = [\"http://{}.spin.internal\"]",
          component.id,
          target
      );
    }
  }
  return {};
}

Result<app::LockedApp> select(const app::LockedApp& app, std::span<const std::string> ids) {
  Ids kept;
  for (const std::string& id : ids) {
    if (app.find_component(id) == nullptr) {
      return fail(ErrorKind::NotFound, "Specified component \"{}\" not found in application", id);
    }
    kept.insert(id);
  }
  app::LockedApp out = app;
  std::erase_if(out.components, [&](const app::Component& component) {
    return !kept.contains(component.id);
  });
  std::erase_if(out.triggers, [&](const app::Trigger& trigger) {
    const app::Value* component = trigger.config.find("component");
    const std::string* id = component == nullptr ? nullptr : component->as_string();
    return id == nullptr || !kept.contains(*id);
  });
  for (const app::Component& component : out.components) {
    WHORL_CHECKED(check_chaining(component, kept));
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<const app::LockedApp>> select_components(
    const app::LockedApp& app, std::span<const std::string> ids
) {
  WHORL_TRY(
      app::LockedApp selected,
      select(app, ids).context(
          "failed to resolve application with only components selected with --component"
      )
  );
  return std::make_shared<const app::LockedApp>(std::move(selected));
}

}  // namespace whorl::loader
