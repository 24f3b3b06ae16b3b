// Dependencies of components and triggers, and their names.

#include "manifest/decoder.hpp"
#include "manifest/ids.hpp"
#include "manifest/package_names.hpp"

#include <fmt/format.h>

namespace whorl::manifest {
namespace {

constexpr std::size_t kMaxDependencies = 1000;

/// `namespace:package[/interface][@version]`. Sets what is right; says what is not.
std::optional<std::string> read_package_name(std::string_view text, DependencyName& out) {
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    auto version = parse_version(text.substr(at + 1));
    if (!version) {
      return version.error().message();
    }
    out.version = *std::move(version);
    text = text.substr(0, at);
  }
  std::optional<std::string_view> interface;
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    interface = text.substr(slash + 1);
    text = text.substr(0, slash);
  }
  if (auto why = why_no_package(text)) {
    return why;
  }
  const auto colon = text.find(':');
  if (auto why = interface ? why_no_component_id(*interface) : std::nullopt) {
    return why;
  }
  out.space = text.substr(0, colon);
  out.package = text.substr(colon + 1);
  out.interface = interface.value_or("");
  return std::nullopt;
}

Result<DependencyName> decode_name(Decoder& decoder, const Entry& entry) {
  DependencyName out{.text = entry.name};
  const bool is_plain = entry.name.find_first_of(":/@") == std::string::npos;
  auto why = is_plain ? why_no_component_id(entry.name) : read_package_name(entry.name, out);
  if (why) {
    return decoder.error(
        entry.name_span,
        *std::move(why),
        "a dependency is named \"plain-name\" or \"namespace:package/interface@1.0.0\""
    );
  }
  return out;
}

std::string text_in(const Node& node, std::string_view name) {
  const std::string* text = string_in(node, name);
  return text == nullptr ? std::string() : *text;
}

PackageSource package_in(const Node& node) {
  return {
      .registry = text_in(node, "registry"),
      .package = text_in(node, "package"),
      .version = text_in(node, "version")
  };
}

/// The parts that all forms have.
Dependency common_parts(const Node& node) {
  Dependency out{.span = node.span};
  if (const std::string* name = string_in(node, "export")) {
    out.export_name = *name;
  }
  const Entry* inherit = node.find("inherit_configuration");
  if (inherit == nullptr) {
    return out;
  }
  using Kind = app::Inherit::Kind;
  out.inherit = app::Inherit();
  if (inherit->value.is(Node::Kind::Boolean)) {
    out.inherit->kind = inherit->value.boolean ? Kind::All : Kind::Nothing;
    return out;
  }
  out.inherit->kind = inherit->value.items.empty() ? Kind::Nothing : Kind::Some;
  for (const Node& item : inherit->value.items) {
    out.inherit->grants.push_back(item.text);
  }
  return out;
}

Result<Dependency> decode_dependency(Decoder& decoder, const Node& node) {
  Dependency out = common_parts(node);
  if (node.is(Node::Kind::String)) {
    out.source = PackageSource{.registry = {}, .package = {}, .version = node.text};
  } else if (fits(node, kRegistryDependencyFields)) {
    out.source = package_in(node);
  } else if (fits(node, kLocalDependencyFields)) {
    out.source = LocalSource{text_in(node, "path")};
  } else if (fits(node, kRemoteDependencyFields)) {
    out.source = RemoteSource{.url = text_in(node, "url"), .digest = text_in(node, "digest")};
  } else if (fits(node, kAppDependencyFields)) {
    out.source = AppSource{text_in(node, "component")};
  } else {
    return decoder.no_variant(
        node,
        "ComponentDependency",
        "a dependency is a version, { version = \"…\", package = \"…\" }, { path = \"…\" }, "
        "{ url = \"…\", digest = \"sha256:…\" } or { component = \"…\" }"
    );
  }
  return out;
}

}  // namespace

Result<std::vector<NamedDependency>> decode_dependencies(Decoder& decoder, const Node& node) {
  WHORL_CHECKED(decoder.table(node, "a map"));
  // Each is compared with each other one.
  if (node.entries.size() > kMaxDependencies) {
    return decoder.error(
        node.span, fmt::format("a component has at most {} dependencies", kMaxDependencies)
    );
  }
  std::vector<NamedDependency> out;
  for (const Entry& entry : node.entries) {
    auto name = decode_name(decoder, entry);
    auto dependency = decode_dependency(decoder, entry.value);
    if (name && dependency) {
      out.push_back(
          {.name = *std::move(name),
           .name_span = entry.name_span,
           .dependency = *std::move(dependency)}
      );
    }
  }
  return out;
}

Result<Dependency> decode_player(Decoder& decoder, const Node& list, const Node& node) {
  Dependency out = common_parts(node);
  if (fits(node, kRegistryPlayerFields)) {
    out.source = package_in(node);
  } else if (fits(node, kLocalPlayerFields)) {
    out.source = LocalSource{text_in(node, "path")};
  } else if (fits(node, kRemotePlayerFields)) {
    out.source = RemoteSource{.url = text_in(node, "url"), .digest = text_in(node, "digest")};
  } else if (fits(node, kAppPlayerFields)) {
    out.source = AppSource{text_in(node, "component")};
  } else {
    return decoder.no_variant(
        list,
        "TriggerDependency",
        "{ component = \"…\" }, { path = \"…\" }, { url = \"…\", digest = \"sha256:…\" } or "
        "{ package = \"…\", version = \"…\" }"
    );
  }
  return out;
}

}  // namespace whorl::manifest
