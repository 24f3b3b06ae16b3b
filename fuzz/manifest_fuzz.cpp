// Manifests are files from anywhere: no text may crash or hang us, and what is accepted must go
// through the later steps (ids, triggers, routes) without breaking an invariant either.

#include "app/http_trigger.hpp"
#include "app/route.hpp"
#include "base/bytes.hpp"
#include "base/check.hpp"
#include "manifest/manifest.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

namespace whorl {
namespace {

app::LockedApp as_app(const manifest::Manifest& from) {
  app::LockedApp out;
  out.trigger_globals = from.trigger_globals;
  for (const manifest::Component& component : from.components) {
    out.components.push_back({.id = component.id});
  }
  for (const manifest::Trigger& trigger : from.triggers) {
    app::Value config = trigger.config;
    WHORL_CHECK(!trigger.id.empty(), "every trigger has an id");
    if (trigger.component) {
      config.set("component", app::Value(std::get<std::string>(*trigger.component)));
    }
    out.triggers.push_back({.id = trigger.id, .type = trigger.type, .config = std::move(config)});
  }
  return out;
}

void check_routes(const app::RouteTable& table, std::string_view text) {
  for (const app::Route& route : table.routes()) {
    const app::RouteMatch match = table.match(route.raw);
    WHORL_CHECK(
        match.route == nullptr || match.values.size() == match.route->pattern.names().size(),
        "every name has a value"
    );
  }
  const app::RouteMatch match = table.match(text);
  if (match.route != nullptr) {
    app::for_each_spin_header(match, {}, [](std::string_view name, std::string_view) {
      WHORL_CHECK(name.starts_with("spin-"), "a header of ours", name);
    });
  }
}

/// Some profile that there is, so that applying one is tried, too.
std::string profile_of(const manifest::Manifest& parsed) {
  for (const manifest::Component& component : parsed.components) {
    if (!component.profiles.empty()) {
      return component.profiles.front().name;
    }
  }
  return {};
}

void check_manifest(manifest::Manifest parsed, std::string_view text) {
  const std::string profile = profile_of(parsed);
  if (auto done = manifest::normalise(parsed, profile); !done) {
    WHORL_CHECK(!done.error().message().empty(), "every error says something");
    return;
  }
  std::set<std::string> ids;
  for (const manifest::Component& component : parsed.components) {
    WHORL_CHECK(ids.insert(component.id).second, "component ids are unique", component.id);
  }
  for (const manifest::Trigger& trigger : parsed.triggers) {
    WHORL_CHECK(!trigger.id.empty(), "every trigger has an id");
  }
  const app::LockedApp app = as_app(parsed);
  static_cast<void>(app::check_http_globals(app));
  const auto triggers = app::http_triggers(app);
  if (!triggers) {
    return;
  }
  const auto table = app::RouteTable::build(*triggers);
  if (table) {
    check_routes(*table, text);
  }
}

}  // namespace
}  // namespace whorl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = whorl::as_text({data, size});
  auto parsed = whorl::manifest::parse_manifest(text, "spin.toml");
  if (parsed) {
    whorl::check_manifest(*std::move(parsed), text);
  } else {
    WHORL_CHECK(!parsed.error().message().empty(), "every error says something");
  }
  return 0;
}
