#include "doctor/diagnose.hpp"

#include "build/build_info.hpp"
#include "fs/file.hpp"
#include "manifest/document.hpp"
#include "manifest/manifest.hpp"

#include <fmt/format.h>

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
  return value.is(Node::Kind::String) ? fmt::format("\"{}\"", value.text) : std::string("this");
}

void check_version(const Node& root, std::vector<Diagnosis>& out) {
  const Entry* version = root.find("spin_manifest_version");
  const Entry* older = root.find("spin_version");
  if (version == nullptr && older == nullptr) {
    out.push_back(
        {.severity = Severity::Error,
         .text = "Manifest missing 'spin_manifest_version' key",
         .cure = Cure::WriteVersion,
         .advice = {}}
    );
    return;
  }
  const Node& value = version != nullptr ? version->value : older->value;
  if (value.is(Node::Kind::String) && value.text == "1") {
    out.push_back(
        {.severity = Severity::Warning,
         .text = "Version 1 manifest can be upgraded to version 2",
         .cure = Cure::Upgrade,
         .advice = {}}
    );
  } else if (!value.is(Node::Kind::Integer) || value.integer != 2) {
    const bool is_one = value.is(Node::Kind::Integer) && value.integer == 1;
    out.push_back(
        {.severity = Severity::Error,
         .text = fmt::format(
             "Manifest 'spin_manifest_version' must be \"1\" or 2, not {}", shown(value)
         ),
         .cure = Cure::None,
         .advice = is_one ? "write `spin_manifest_version = \"1\"`" : ""}
    );
  }
}

/// A manifest of version 1 says its trigger type once, and each component's route.
void check_triggers(const Node& root, std::vector<Diagnosis>& out) {
  const auto diagnose = [&](std::string text, std::string advice) {
    out.push_back(
        {.severity = Severity::Error,
         .text = std::move(text),
         .cure = Cure::None,
         .advice = std::move(advice)}
    );
  };
  const Entry* trigger = root.find("trigger");
  if (trigger == nullptr) {
    diagnose("missing top-level trigger config", "write `trigger = { type = \"http\" }`");
    return;
  }
  const Entry* type = trigger->value.find("type");
  const Entry* components = root.find("component");
  if (type == nullptr || type->value.text != "http" || components == nullptr) {
    return;
  }
  for (const Node& component : components->value.items) {
    const Entry* own = component.find("trigger");
    const Entry* id = component.find("id");
    if (id != nullptr && (own == nullptr || own->value.find("route") == nullptr)) {
      diagnose(
          fmt::format("HTTP component \"{}\" missing trigger.route", id->value.text),
          "write `[component.trigger]` with `route = \"/...\"` below it"
      );
    }
  }
}

/// What the loader would say of the rest, mistake by mistake.
void check_manifest(const std::string& text, const std::string& path, std::vector<Diagnosis>& out) {
  if (const auto parsed = manifest::parse_manifest(text, path); !parsed) {
    out.push_back(
        {.severity = Severity::Error,
         .text = "The manifest cannot be used:\n" + parsed.error().message(),
         .cure = Cure::None,
         .advice = parsed.error().help()}
    );
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
        {.severity = Severity::Error,
         .text = fmt::format(
             "Component \"{}\" source \"{}\" is missing", component.id, component.source
         ),
         .cure = can_build ? Cure::Build : Cure::None,
         .advice = can_build ? "" : "build it, or give the component a build command"}
    );
  }
}

}  // namespace

Result<std::vector<Diagnosis>> examine(const std::string& manifest_path) {
  WHORL_TRY(const std::string text, read_manifest(manifest_path));
  WHORL_TRY(
      const Node root,
      manifest::parse_document(text, manifest_path)
          .context(
              "Couldn't parse manifest file at {} as valid TOML", fs::quote_path(manifest_path)
          )
  );
  std::vector<Diagnosis> out;
  check_version(root, out);
  // A wrong version makes everything after it look wrong as well.
  const bool is_readable = out.empty() || out.front().severity == Severity::Warning;
  if (is_readable) {
    check_manifest(text, manifest_path, out);
  } else if (root.find("application") == nullptr) {
    check_triggers(root, out);
  }
  WHORL_TRY(const auto info, build::parse_build_info(text, manifest_path, {}));
  check_sources(info, out);
  return out;
}

Result<void> write_version(const std::string& manifest_path) {
  WHORL_TRY(const std::string text, read_manifest(manifest_path));
  WHORL_CHECKED(fs::write_file_atomic(manifest_path + ".bak", as_bytes(text)));
  return fs::write_file_atomic(manifest_path, as_bytes("spin_manifest_version = 2\n" + text));
}

}  // namespace whorl::doctor
