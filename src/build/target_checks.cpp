#include "build/target_checks.hpp"

#include "app/allowed_hosts.hpp"
#include "build/target_worlds.hpp"
#include "component/target.hpp"
#include "fs/file.hpp"
#include "loader/dependency_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <variant>

namespace whorl::build {
namespace {

using SharedEnvironment = std::shared_ptr<const ResolvedEnvironment>;

/// What a message calls the wasm file of a component.
std::string describe_source(const manifest::ComponentSource& source) {
  if (const auto* local = std::get_if<manifest::LocalSource>(&source)) {
    return fmt::format("file {}", fs::quote_path(local->path));
  }
  if (const auto* remote = std::get_if<manifest::RemoteSource>(&source)) {
    return fmt::format("URL {}", remote->url);
  }
  return fmt::format("package {}", std::get<manifest::PackageSource>(source).package);
}

std::string mismatch_text(const component::TargetReport::Mismatch& mismatch) {
  const auto& why = mismatch.why;
  std::string out = fmt::format(
      "Found a type mismatch for {} {}: {}\n",
      mismatch.is_import ? "import" : "export",
      mismatch.name,
      why.front()
  );
  for (std::size_t i = 1; i < why.size(); ++i) {
    out += fmt::format("  {} {}\n", i == 1 ? "because:" : "        ", why[i]);
  }
  return out;
}

/// Why a component does not fit a world, as Spin says it.
std::string report_text(
    const component::TargetReport& report,
    const manifest::Component& component,
    std::string_view environment,
    std::string_view world
) {
  std::string out = fmt::format(
      "Component {} ({}) can't run in environment {} (world {}).\n",
      component.id,
      describe_source(component.source),
      environment,
      world
  );
  if (!report.imports_not_offered.empty()) {
    out +=
        "The component requires the following imports, which the environment does not provide:\n";
    for (const std::string& name : report.imports_not_offered) {
      out += fmt::format("  - {}\n", name);
    }
  }
  if (!report.missing_exports.empty()) {
    out +=
        "The environment requires the following exports, which the component does not provide:\n";
    for (const auto& missing : report.missing_exports) {
      out += fmt::format("  - {} ({})\n", missing.name, missing.kind);
    }
  }
  for (const auto& mismatch : report.mismatches) {
    out += mismatch_text(mismatch);
  }
  return out;
}

class Checker {
 public:
  Checker(const manifest::Manifest& manifest, const TargetChecks& checks)
      : manifest_(manifest), checks_(checks) {}

  [[nodiscard]] Result<std::vector<std::string>> run() {
    WHORL_CHECKED(resolve());
    WHORL_CHECKED(refuse_unsupported());
    std::set<std::pair<std::string, std::string>> seen;
    for (const manifest::Trigger& trigger : manifest_.triggers) {
      const auto* id = trigger.component ? std::get_if<std::string>(&*trigger.component) : nullptr;
      // A static response has no component.
      if (id == nullptr || !is_selected(*id) || !seen.emplace(trigger.type, *id).second) {
        continue;
      }
      const auto component = std::ranges::find(manifest_.components, *id, &manifest::Component::id);
      if (component == manifest_.components.end()) {
        return fail(
                   ErrorKind::NotFound,
                   "Component {} specified for trigger {} does not exist",
                   *id,
                   trigger.id
        )
            .context("Failed to prepare components for target environment checking");
      }
      WHORL_CHECKED(check(*component, trigger.type));
    }
    return std::move(problems_);
  }

 private:
  [[nodiscard]] bool is_selected(const std::string& id) const {
    return checks_.components.empty() ||
           std::ranges::find(checks_.components, id) != checks_.components.end();
  }

  [[nodiscard]] static std::string key_of(const manifest::Target& target) {
    return fmt::format("{} {}", static_cast<int>(target.kind), target.text);
  }

  /// All environments, also those of components that nothing runs: a mistake is to be found now.
  [[nodiscard]] Result<void> resolve() {
    std::vector<manifest::Target> all = manifest_.targets;
    for (const manifest::Component& component : manifest_.components) {
      if (component.targets) {
        all.insert(all.end(), component.targets->begin(), component.targets->end());
      }
    }
    for (const manifest::Target& target : all) {
      SharedEnvironment& environment = environments_[key_of(target)];
      if (environment == nullptr) {
        WHORL_TRY(environment, resolve_environment(target, checks_));
      }
    }
    return {};
  }

  [[nodiscard]] std::vector<SharedEnvironment> environments_of(const manifest::Component* component
  ) const {
    const auto& targets =
        component != nullptr && component->targets ? *component->targets : manifest_.targets;
    std::vector<SharedEnvironment> out;
    out.reserve(targets.size());
    for (const manifest::Target& target : targets) {
      out.push_back(environments_.at(key_of(target)));
    }
    return out;
  }

  /// Refused before any component is read.
  [[nodiscard]] Result<void> refuse_unsupported() const {
    for (const manifest::Trigger& trigger : manifest_.triggers) {
      const auto* id = trigger.component ? std::get_if<std::string>(&*trigger.component) : nullptr;
      const auto component =
          id == nullptr ? manifest_.components.end()
                        : std::ranges::find(manifest_.components, *id, &manifest::Component::id);
      const auto* found = component == manifest_.components.end() ? nullptr : &*component;
      for (const SharedEnvironment& environment : environments_of(found)) {
        if (environment->description.find(trigger.type) == nullptr) {
          return fail(
              ErrorKind::InvalidInput,
              "Environment {} does not support trigger type {}",
              environment->name,
              trigger.type
          );
        }
      }
    }
    return {};
  }

  [[nodiscard]] Result<void> check(
      const manifest::Component& component, const std::string& trigger_type
  ) {
    const std::vector<SharedEnvironment> environments = environments_of(&component);
    if (environments.empty()) {
      return {};
    }
    WHORL_TRY(const component::TypedWorld world, world_of(component));
    for (const SharedEnvironment& environment : environments) {
      const TriggerEnvironment* offered = environment->description.find(trigger_type);
      check_worlds(component, *environment, environment->worlds.at(offered), world);
      check_capabilities(component, *environment, *offered);
    }
    return {};
  }

  /// Fitting one world is enough; otherwise the last one counts.
  void check_worlds(
      const manifest::Component& component,
      const ResolvedEnvironment& environment,
      const std::vector<CandidateWorld>& candidates,
      const component::TypedWorld& world
  ) {
    std::string problem;
    for (const CandidateWorld& candidate : candidates) {
      problem = candidate.problem;
      for (const component::TypedWorld& target : candidate.worlds) {
        const component::TargetReport report = component::check_target(target, world);
        if (report.fits()) {
          return;
        }
        problem = report_text(report, component, environment.name, candidate.name);
      }
    }
    if (!problem.empty()) {
      problems_.push_back(std::move(problem));
    }
  }

  void check_capabilities(
      const manifest::Component& component,
      const ResolvedEnvironment& environment,
      const TriggerEnvironment& offered
  ) {
    constexpr std::string_view kChaining = "local_service_chaining";
    if (!app::needs_service_chaining(component.allowed_outbound_hosts) ||
        std::ranges::find(offered.capabilities, kChaining) != offered.capabilities.end()) {
      return;
    }
    problems_.push_back(fmt::format(
        "Component {} can't run in environment {} because it requires the feature(s) '{}' which "
        "the environment does not support",
        component.id,
        environment.name,
        kChaining
    ));
  }

  [[nodiscard]] Result<component::TypedWorld> world_of(const manifest::Component& component) const {
    const auto read = [&]() -> Result<component::TypedWorld> {
      WHORL_TRY(const std::string folder, fs::absolute(fs::parent(checks_.manifest_path)));
      WHORL_TRY(
          const loader::ComponentParts parts,
          loader::component_parts(component, folder, checks_.load)
      );
      return component::composed_world(parts.parts);
    };
    return read()
        .context(
            "Spin needed to compose dependencies for {} as part of target checking, but "
            "composition failed",
            component.id
        )
        .context("Failed to prepare components for target environment checking");
  }

  const manifest::Manifest& manifest_;
  const TargetChecks& checks_;
  std::map<std::string, SharedEnvironment> environments_;
  std::vector<std::string> problems_;
};

}  // namespace

bool has_targets(const manifest::Manifest& manifest) {
  return !manifest.targets.empty() ||
         std::ranges::any_of(manifest.components, [](const manifest::Component& component) {
           return component.targets && !component.targets->empty();
         });
}

Result<std::vector<std::string>> check_targets(
    const manifest::Manifest& manifest, const TargetChecks& checks
) {
  return Checker(manifest, checks).run();
}

}  // namespace whorl::build
