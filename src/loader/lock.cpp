#include "loader/lock.hpp"

#include "app/file_url.hpp"
#include "fs/file.hpp"
#include "loader/assets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace whorl::loader {
namespace {

constexpr std::string_view kMiddleware = "middleware";
/// Where a component notes which trigger type knows what its trigger dependencies mean.
constexpr const char* kResolveUsing = "resolve-trigger-dependencies-using";

Result<void> lock_variables(
    const manifest::Manifest& from, app::LockedApp& out, LockContext& context
) {
  for (const manifest::Variable& variable : from.variables) {
    if (variable.is_required == variable.default_value.has_value()) {
      return fail(ErrorKind::InvalidInput, "must be `required` OR have a `default`")
          .with_help(fmt::format("see `{}`, line {}", variable.name, variable.span.line));
    }
    out.variables[variable.name] = {
        .description = variable.description.value_or(""),
        .default_value = variable.default_value,
        .is_secret = variable.is_secret,
        .has_description = variable.description.has_value()
    };
    if (variable.default_value) {
      context.variable_defaults[variable.name] = *variable.default_value;
    }
  }
  return {};
}

/// Several `components` of a trigger are known to its own code only; a lock file has no place for
/// their names.
app::Trigger lock_trigger(const manifest::Trigger& from) {
  app::Value::Table config;
  if (from.component) {
    config.push_back({"component", app::Value(std::get<std::string>(*from.component))});
  }
  config.insert(config.end(), from.config.as_table()->begin(), from.config.as_table()->end());
  return {.id = from.id, .type = from.type, .config = app::Value(std::move(config))};
}

void note_used(const manifest::Trigger& trigger, LockContext& context) {
  if (trigger.component) {
    context.used.insert(std::get<std::string>(*trigger.component));
  }
  for (const manifest::ComponentRefs& named : trigger.components) {
    for (const manifest::ComponentRef& ref : named.refs) {
      context.used.insert(std::get<std::string>(ref));
    }
  }
}

using Roles = std::map<std::string, std::vector<app::Dependency>>;

/// A trigger's id is any text; log files are named after components.
std::string as_file_name(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20; }, '-'
  );
  return text;
}

/// Puts each trigger's dependencies before its component, or before a copy of it.
class Assignment {
 public:
  Assignment(const std::vector<manifest::Trigger>& triggers, app::LockedApp& app)
      : triggers_(triggers), app_(app) {
    for (std::size_t i = 0; i < app.components.size(); ++i) {
      ids_.insert(app.components[i].id);
      places_.emplace(app.components[i].id, i);
    }
    for (const manifest::Trigger& trigger : triggers) {
      if (trigger.component) {
        ++uses_[std::get<std::string>(*trigger.component)];
      }
    }
  }

  void assign(std::size_t index, Roles roles) {
    const manifest::Trigger& trigger = triggers_[index];
    const std::string& wanted = std::get<std::string>(*trigger.component);
    const auto place = places_.find(wanted);
    if (place == places_.end()) {
      return;  // the trigger's start will say so
    }
    app::Component* component = &app_.components[place->second];
    if (uses_[wanted] > 1) {
      app::Component copy = *component;
      copy.id = free_id(fmt::format("{}-for-{}", wanted, as_file_name(trigger.id)));
      app_.triggers[index].config.set("component", app::Value(copy.id));
      app_.components.push_back(std::move(copy));
      component = &app_.components.back();
    }
    if (roles.contains(std::string(kMiddleware))) {
      component->host_requirements[std::string(kMiddleware)] = "required";
    }
    component->metadata.set(kResolveUsing, app::Value(trigger.type));
    component->trigger_dependencies = std::move(roles);
  }

 private:
  std::string free_id(const std::string& wanted) {
    std::string id = wanted;
    for (std::size_t i = 1; !ids_.insert(id).second; ++i) {
      id = fmt::format("{}-d{}", wanted, i);
    }
    return id;
  }

  const std::vector<manifest::Trigger>& triggers_;
  app::LockedApp& app_;
  std::set<std::string> ids_;
  std::map<std::string, std::size_t> places_;  ///< of the components that were written
  std::map<std::string, std::size_t> uses_;    ///< by triggers
};

Result<Roles> lock_roles(const manifest::Trigger& trigger, LockContext& context) {
  Roles roles;
  for (const manifest::Players& players : trigger.dependencies) {
    for (const manifest::Dependency& dependency : players.dependencies) {
      WHORL_TRY(
          app::Dependency locked,
          lock_dependency(dependency, nullptr, context)
              .context("Failed to load trigger dependency for `{}`", trigger.id)
              .context("Failed to load `{}` trigger `{}`", trigger.type, trigger.id)
      );
      roles[players.role].push_back(std::move(locked));
    }
  }
  return roles;
}

Result<app::LockedApp> lock_parts(
    manifest::Manifest from, const std::string& path, LockContext& context
) {
  app::LockedApp out;
  WHORL_CHECKED(lock_variables(from, out, context));
  out.name = std::move(from.name);
  out.version = std::move(from.app_version);
  out.description = std::move(from.description);
  out.authors = std::move(from.authors);
  out.origin = app::to_file_url(path);
  out.profile = context.options.profile;
  out.trigger_globals = std::move(from.trigger_globals);
  out.metadata = app::Value(app::Value::Table{});
  for (const manifest::Trigger& trigger : from.triggers) {
    out.triggers.push_back(lock_trigger(trigger));
    note_used(trigger, context);
  }
  for (manifest::Component& component : from.components) {
    const std::string id = component.id;
    WHORL_TRY(
        app::Component locked,
        lock_component(std::move(component), context).context("Failed to load component `{}`", id)
    );
    out.components.push_back(std::move(locked));
  }
  WHORL_CHECKED(lock_trigger_dependencies(from.triggers, out, context));
  return out;
}

}  // namespace

Result<void> lock_trigger_dependencies(
    const std::vector<manifest::Trigger>& triggers, app::LockedApp& app, LockContext& context
) {
  Assignment assignment(triggers, app);
  for (std::size_t i = 0; i < triggers.size(); ++i) {
    const manifest::Trigger& trigger = triggers[i];
    WHORL_TRY(Roles roles, lock_roles(trigger, context));
    if (!roles.empty() && trigger.component) {
      assignment.assign(i, std::move(roles));
    } else if (!trigger.dependencies.empty()) {
      app::Value kept(app::Value::Table{});
      for (const manifest::Players& players : trigger.dependencies) {
        kept.set(players.role, app::Value(app::Value::Array{}));
      }
      app.triggers[i].dependencies = std::move(kept);
    }
  }
  return {};
}

Result<app::LockedApp> lock(
    manifest::Manifest from, const std::string& path, const LoadOptions& options
) {
  LockContext context{.options = options, .folder = std::string(fs::parent(path))};
  auto locked = lock_parts(std::move(from), path, context);
  if (!locked) {
    std::ranges::for_each(context.copies, take_back);
  }
  if (options.warnings != nullptr) {
    options.warnings->insert(
        options.warnings->end(), context.warnings.begin(), context.warnings.end()
    );
  }
  return locked;
}

}  // namespace whorl::loader
