#include "doctor/diagnose.hpp"

#include "build/build_info.hpp"
#include "build/stale.hpp"
#include "fs/file.hpp"
#include "manifest/document.hpp"
#include "manifest/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace whorl::doctor {
namespace {

using manifest::Entry;
using manifest::Node;
using Severity = Diagnosis::Severity;
using Cure = Diagnosis::Cure;

Result<std::string> read_manifest(const std::string& path) {
  WHORL_TRY(const Bytes bytes, fs::read_file(path, manifest::kMaxManifestBytes));
  return std::string(as_text(bytes));
}

std::string shown(const Node& value) {
  if (value.is(Node::Kind::Integer)) {
    return fmt::format("{}", value.integer);
  }
  if (value.is(Node::Kind::Float)) {
    return fmt::format("{}", value.real);
  }
  return value.is(Node::Kind::String) ? fmt::format("\"{}\"", value.text) : std::string("this");
}

bool is_version_one(const Node& value) {
  return value.is(Node::Kind::String) && value.text == "1";
}

/// What a manifest without the version looks like: version 1 has components in a list.
std::string likely_version(const Node& root) {
  const Entry* components = root.find("component");
  const bool is_one = root.find("application") == nullptr && components != nullptr &&
                      components->value.is(Node::Kind::Array);
  return is_one ? "\"1\"" : "2";
}

void check_version(const Node& root, std::vector<Diagnosis>& out) {
  const Entry* version = root.find("spin_manifest_version");
  const Entry* older = root.find("spin_version");
  const Entry* either = version != nullptr ? version : older;
  if (either != nullptr && is_version_one(either->value)) {
    out.push_back(
        {.severity = Severity::Warning,
         .text = "Version 1 manifest can be upgraded to version 2",
         .cure = Cure::Upgrade}
    );
  }
  if (either == nullptr) {
    out.push_back(
        {.text = "Manifest missing 'spin_manifest_version' key",
         .cure = Cure::SetVersion,
         .value = likely_version(root)}
    );
  } else if (version == nullptr) {
    out.push_back(
        {.severity = Severity::Warning,
         .text = "Manifest using old 'spin_version' key",
         .cure = Cure::SetVersion,
         .value = is_version_one(either->value) ? "\"1\"" : likely_version(root)}
    );
  } else if (const Node& value = version->value;
             !is_version_one(value) && (!value.is(Node::Kind::Integer) || value.integer != 2)) {
    const bool is_one = value.is(Node::Kind::Integer) && value.integer == 1;
    out.push_back(
        {.text = fmt::format(
             "Manifest 'spin_manifest_version' must be \"1\" or 2, not {}", shown(value)
         ),
         .cure = Cure::SetVersion,
         .value = is_one ? "\"1\"" : "2"}
    );
  }
}

/// What is wrong with the trigger of a component of version 1; empty if nothing is.
std::string route_problem(const Node& component, const std::string& id) {
  const Entry* trigger = component.find("trigger");
  const Entry* route = trigger == nullptr ? nullptr : trigger->value.find("route");
  if (trigger != nullptr && !trigger->value.is(Node::Kind::Table)) {
    return fmt::format("Invalid trigger config for http component \"{}\": not a table", id);
  }
  if (route == nullptr) {
    return fmt::format("HTTP component \"{}\" missing trigger.route", id);
  }
  return route->value.is(Node::Kind::String)
             ? std::string()
             : fmt::format(
                   "Invalid trigger config for http component \"{}\": route is not a string", id
               );
}

/// A manifest of version 1 says its trigger type once, and each component's route.
void check_triggers(const Node& root, std::vector<Diagnosis>& out) {
  const Entry* trigger = root.find("trigger");
  if (trigger == nullptr) {
    out.push_back({.text = "missing top-level trigger config", .cure = Cure::AddTrigger});
    return;
  }
  const Entry* type = trigger->value.find("type");
  std::string_view problem;
  if (!trigger->value.is(Node::Kind::Table)) {
    problem = "not a table";
  } else if (type == nullptr) {
    problem = "trigger table missing type";
  } else if (!type->value.is(Node::Kind::String)) {
    problem = "type must be a string";
  }
  if (!problem.empty()) {
    out.push_back(
        {.text = fmt::format("Invalid app trigger config: {}", problem),
         .advice = "write `trigger = { type = \"http\" }`"}
    );
    return;
  }
  const Entry* components = root.find("component");
  if (type->value.text != "http" || components == nullptr) {
    return;
  }
  const std::vector<Node>& all = components->value.items;
  for (const Node& component : all) {
    const Entry* id = component.find("id");
    const bool has_id = id != nullptr && id->value.is(Node::Kind::String);
    std::string text = route_problem(component, has_id ? id->value.text : "<missing ID>");
    if (text.empty()) {
      continue;
    }
    const bool is_curable = all.size() == 1 && text.ends_with("missing trigger.route");
    out.push_back(
        {.text = std::move(text),
         .cure = is_curable ? Cure::AddRoute : Cure::None,
         .advice = is_curable ? "" : "write `[component.trigger]` with `route = \"/...\"` below it"}
    );
  }
}

/// The toolchain comes before what it would build.
void check_rust(const build::BuildInfo& info, RustTools (*rust)(), Examination& out) {
  const bool uses_cargo = std::ranges::any_of(info.components, [](const auto& component) {
    return std::ranges::any_of(component.commands, [](const std::string& command) {
      return command.starts_with("cargo");
    });
  });
  if (!uses_cargo) {
    return;
  }
  const RustTools tools = rust();
  if (!tools.has_cargo) {
    out.diagnoses.push_back(
        {.text = "The Rust compiler isn't installed",
         .advice = "install it, with the target wasm32-wasip2: see https://rustup.rs"}
    );
  } else if (tools.target == RustTools::Target::Missing) {
    out.diagnoses.push_back(
        {.text = "The required Rust target 'wasm32-wasip2' isn't installed",
         .cure = Cure::AddRustTarget}
    );
  } else if (tools.target == RustTools::Target::Unknown) {
    out.notes.emplace_back(
        "Spin Doctor can't determine if the Rust wasm32-wasip2 target is installed."
    );
  }
}

/// What the loader would say of the rest, mistake by mistake.
void check_manifest(
    const manifest::Manifest& manifest, const std::string& folder, std::vector<Diagnosis>& out
) {
  const auto find = [&manifest](const std::string& id) {
    return std::ranges::find(manifest.components, id, &manifest::Component::id);
  };
  for (const manifest::Trigger& trigger : manifest.triggers) {
    const auto* id = trigger.component ? std::get_if<std::string>(&*trigger.component) : nullptr;
    if (id != nullptr && find(*id) == manifest.components.end()) {
      out.push_back(
          {.text = fmt::format(
               "Trigger \"{}\" names component \"{}\", which does not exist", trigger.id, *id
           ),
           .advice = fmt::format("add `[component.{}]`, or name one that there is", *id)}
      );
    }
  }
  for (const manifest::Component& component : manifest.components) {
    for (const manifest::NamedDependency& named : component.dependencies) {
      const auto* local = std::get_if<manifest::LocalSource>(&named.dependency.source);
      if (local != nullptr && fs::kind_of(fs::join(folder, local->path)) == fs::Kind::Missing) {
        out.push_back(
            {.text = fmt::format(
                 "Component \"{}\" dependency \"{}\" source \"{}\" is missing",
                 component.id,
                 named.name.text,
                 local->path
             )}
        );
      }
    }
    for (const manifest::FileGrant& grant : component.files) {
      if (grant.destination && fs::kind_of(fs::join(folder, grant.source)) == fs::Kind::Missing) {
        out.push_back(
            {.text = fmt::format(
                 "Component \"{}\" mounts \"{}\", which does not exist", component.id, grant.source
             )}
        );
      }
    }
  }
}

void check_sources(const build::BuildInfo& info, std::vector<Diagnosis>& out) {
  for (const build::ComponentBuild& component : info.components) {
    const bool is_missing =
        !component.source.empty() &&
        fs::kind_of(fs::join(info.folder(), component.source)) == fs::Kind::Missing;
    if (!is_missing) {
      continue;
    }
    const bool can_build = !component.commands.empty();
    out.push_back(
        {.text = fmt::format(
             "Component \"{}\" source \"{}\" is missing", component.id, component.source
         ),
         .cure = can_build ? Cure::Build : Cure::None,
         .advice = can_build ? "" : "build it, or give the component a build command",
         .value = component.id}
    );
  }
  for (const std::string& id : build::stale_components(info)) {
    out.push_back(
        {.severity = Severity::Warning,
         .text = fmt::format("Component \"{}\" was built before its sources were changed", id),
         .cure = Cure::Build,
         .value = id}
    );
  }
}

}  // namespace

Result<Examination> examine(const std::string& manifest_path, RustTools (*rust)()) {
  WHORL_TRY(const std::string text, read_manifest(manifest_path));
  WHORL_TRY(
      const Node root,
      manifest::parse_document(text, manifest_path)
          .context(
              "Couldn't parse manifest file at {} as valid TOML", fs::quote_path(manifest_path)
          )
  );
  Examination out;
  std::vector<Diagnosis>& found = out.diagnoses;
  check_version(root, found);
  const bool is_certain = std::ranges::none_of(found, [](const Diagnosis& diagnosis) {
    return diagnosis.cure == Cure::SetVersion;
  });
  const std::size_t before = found.size();
  if (root.find("application") == nullptr) {
    check_triggers(root, found);
  }
  // A wrong version makes everything after it look wrong as well, and so does a wrong trigger.
  auto parsed = manifest::parse_manifest(text, manifest_path);
  if (!parsed && is_certain && found.size() == before) {
    found.push_back(
        {.text = "The manifest cannot be used:\n" + parsed.error().message(),
         .advice = parsed.error().help()}
    );
  }
  WHORL_TRY(const auto info, build::parse_build_info(text, manifest_path, {}));
  check_rust(info, rust, out);
  check_sources(info, found);
  if (parsed && manifest::normalise(*parsed)) {
    check_manifest(*parsed, info.folder(), found);
  }
  return out;
}

}  // namespace whorl::doctor
