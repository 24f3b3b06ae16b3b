// From what was written to what later steps take.

#include "manifest/ids.hpp"
#include "manifest/manifest.hpp"
#include "manifest/package_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace whorl::manifest {
namespace {

using Ids = std::set<std::string, std::less<>>;

/// Finds the first of `<stem>1`, `<stem>2`, … that is free. Ids are never given back, so each
/// search goes on where the last one of the same stem ended.
class Numbering {
 public:
  std::string next(const Ids& taken, const std::string& stem) {
    std::size_t& number = last_[stem];
    while (true) {
      std::string id = fmt::format("{}{}", stem, ++number);
      if (!taken.contains(id)) {
        return id;
      }
    }
  }

 private:
  std::map<std::string, std::size_t> last_;
};

std::string trigger_id(const Trigger& trigger, const Ids& taken, Numbering& numbering) {
  const std::string* component =
      trigger.component ? std::get_if<std::string>(&*trigger.component) : nullptr;
  if (component != nullptr) {
    std::string id = fmt::format("{}-{}-trigger", *component, trigger.type);
    if (!taken.contains(id)) {
      return id;
    }
  }
  return numbering.next(taken, trigger.type + "-trigger");
}

void give_trigger_ids(Manifest& manifest, Numbering& numbering) {
  Ids taken;
  for (const Trigger& trigger : manifest.triggers) {
    taken.insert(trigger.id);
  }
  for (Trigger& trigger : manifest.triggers) {
    if (trigger.id.empty()) {
      trigger.id = trigger_id(trigger, taken, numbering);
      taken.insert(trigger.id);
    }
  }
}

/// Moves components written in place to the component table.
class InlineComponents {
 public:
  InlineComponents(Manifest& manifest, Numbering& numbering)
      : manifest_(manifest), numbering_(numbering) {
    for (const Component& component : manifest.components) {
      taken_.insert(component.id);
    }
  }

  void move_all() {
    for (Trigger& trigger : manifest_.triggers) {
      const bool is_single = trigger.component && trigger.components.empty();
      if (trigger.component) {
        move(*trigger.component, is_single ? trigger.id + "-component" : std::string());
      }
      for (ComponentRefs& named : trigger.components) {
        for (ComponentRef& ref : named.refs) {
          move(ref, {});
        }
      }
    }
  }

 private:
  void move(ComponentRef& ref, std::string wanted) {
    auto* written_out = std::get_if<Component>(&ref);
    if (written_out == nullptr) {
      return;
    }
    Component component = std::move(*written_out);
    component.id = wanted.empty() || why_no_component_id(wanted) || taken_.contains(wanted)
                       ? numbering_.next(taken_, "inline-component")
                       : std::move(wanted);
    taken_.insert(component.id);
    ref = component.id;
    manifest_.components.push_back(std::move(component));
  }

  Manifest& manifest_;
  Numbering& numbering_;
  Ids taken_;
};

void apply_profile(Component& component, std::string_view name) {
  const auto profile = std::ranges::find(component.profiles, name, &Profile::name);
  if (profile == component.profiles.end()) {
    return;
  }
  if (profile->source) {
    component.source = *profile->source;
  }
  for (const auto& [variable, value] : profile->environment) {
    component.environment[variable] = value;
  }
  for (const NamedDependency& dependency : profile->dependencies) {
    const auto same = std::ranges::find_if(component.dependencies, [&](const auto& other) {
      return other.name.text == dependency.name.text;
    });
    if (same == component.dependencies.end()) {
      component.dependencies.push_back(dependency);
    } else {
      *same = dependency;
    }
  }
  if (profile->build) {
    component.build = component.build.value_or(BuildConfig());
    component.build->commands = profile->build->commands;
    component.build->is_list = profile->build->is_list;
  }
}

// Names as Rust's debug form has them, which is how Spin's messages show them.

Error invalid(std::string message, std::source_location where = std::source_location::current()) {
  return Error(ErrorKind::InvalidInput, std::move(message), where);
}

/// Both names may ask for the same import.
bool do_overlap(const DependencyName& a, const DependencyName& b) {
  if (a.is_plain() || b.is_plain() || a.space != b.space || a.package != b.package) {
    return false;
  }
  const bool are_apart = a.version && b.version && !are_compatible(*a.version, *b.version);
  const bool are_different =
      !a.interface.empty() && !b.interface.empty() && a.interface != b.interface;
  return !are_apart && !are_different;
}

Result<void> check_dependency(const NamedDependency& named) {
  const auto* package = std::get_if<PackageSource>(&named.dependency.source);
  if (package != nullptr && package->package.empty() && named.name.is_plain()) {
    return invalid(fmt::format("dependency Id(\"{}\") must specify a package name", named.name.text)
    );
  }
  if (!named.name.is_plain() && named.name.interface.empty() && named.dependency.export_name) {
    return invalid(fmt::format(
        "using an export to satisfy the package dependency {} is not currently permitted",
        debug_form(named.name)
    ));
  }
  return {};
}

Result<void> check_dependencies(const Component& component) {
  const auto& all = component.dependencies;
  for (std::size_t i = 0; i < all.size(); ++i) {
    WHORL_CHECKED(check_dependency(all[i]));
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      if (do_overlap(all[i].name, all[j].name)) {
        return invalid(fmt::format(
            "{} dependency conflicts with {}", package_form(all[i].name), package_form(all[j].name)
        ));
      }
    }
  }
  return {};
}

/// `dependencies_inherit_configuration` said for each.
Result<void> spread_inheritance(Component& component) {
  if (!component.dependencies_inherit_configuration) {
    return {};
  }
  for (NamedDependency& named : component.dependencies) {
    if (named.dependency.inherit) {
      return invalid(fmt::format(
          "Component `{}` specifies both `dependencies_inherit_configuration` and per-dependency "
          "`inherit_configuration`. These are mutually exclusive; use one or the other.",
          component.id
      ));
    }
    named.dependency.inherit = app::Inherit{
        .kind = *component.dependencies_inherit_configuration ? app::Inherit::Kind::All
                                                              : app::Inherit::Kind::Nothing
    };
  }
  return {};
}

/// What a component has that one without permissions has not, by the names of its keys.
std::string grants_of(const Component& component) {
  const std::array<std::pair<std::string_view, bool>, 9> kinds{{
      {"ai_models", !component.ai_models.empty()},
      {"allowed_http_hosts", !component.allowed_http_hosts.empty()},
      {"allowed_outbound_hosts", !component.allowed_outbound_hosts.empty()},
      {"dependencies", !component.dependencies.empty()},
      {"environment", !component.environment.empty()},
      {"files", !component.files.empty()},
      {"key_value_stores", !component.key_value_stores.empty()},
      {"sqlite_databases", !component.sqlite_databases.empty()},
      {"variables", !component.variables.empty()},
  }};
  std::string out;
  for (const auto& [name, is_there] : kinds) {
    if (is_there) {
      out += out.empty() ? "" : ", ";
      out += name;
    }
  }
  return out;
}

using ComponentsById = std::map<std::string_view, const Component*>;

/// Replaces a dependency on a component of the same application by that component's source.
Result<void> resolve(
    Dependency& dependency, const ComponentsById& components, const std::string& dependent
) {
  const auto* source = std::get_if<AppSource>(&dependency.source);
  if (source == nullptr) {
    return {};
  }
  const auto found = components.find(source->component);
  if (found == components.end()) {
    return fail(ErrorKind::NotFound, "dependency ID {} does not exist", source->component)
        .with_help(fmt::format("see line {}", dependency.span.line));
  }
  const Component& component = *found->second;
  if (const std::string grants = grants_of(component); !grants.empty()) {
    return invalid(fmt::format(
                       "Dependencies may not have their own resources or permissions. Component {} "
                       "cannot be used as a dependency of {} because it specifies: {}",
                       component.id,
                       dependent,
                       grants
                   ))
        .with_help(
            "leave them out there, and let the dependency use those of the component it belongs to "
            "with `inherit_configuration`"
        );
  }
  dependency.source =
      std::visit([](const auto& from) { return DependencySource(from); }, component.source);
  return {};
}

Result<void> resolve_all(Manifest& manifest) {
  // What is looked up (sources, grants) is not what is replaced.
  ComponentsById components;
  for (const Component& component : manifest.components) {
    components.emplace(component.id, &component);
  }
  for (Component& component : manifest.components) {
    for (NamedDependency& named : component.dependencies) {
      WHORL_CHECKED(resolve(named.dependency, components, component.id));
    }
  }
  for (Trigger& trigger : manifest.triggers) {
    for (Players& players : trigger.dependencies) {
      for (Dependency& dependency : players.dependencies) {
        WHORL_CHECKED(resolve(dependency, components, trigger.id));
      }
    }
  }
  return {};
}

}  // namespace

Result<void> normalise(Manifest& manifest, std::string_view profile) {
  Numbering numbering;
  give_trigger_ids(manifest, numbering);
  InlineComponents(manifest, numbering).move_all();
  for (Component& component : manifest.components) {
    if (!profile.empty()) {
      apply_profile(component, profile);
    }
    WHORL_CHECKED(spread_inheritance(component));
  }
  WHORL_CHECKED(resolve_all(manifest));
  for (const Component& component : manifest.components) {
    WHORL_CHECKED(check_dependencies(component).context(
        "component Id(\"{}\") has invalid dependencies", component.id
    ));
  }
  return {};
}

}  // namespace whorl::manifest
