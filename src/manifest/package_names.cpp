#include "manifest/package_names.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::manifest {
namespace {

/// A part of a package's name. @spec component model: a label in lower case
std::optional<std::string> why_no_label(std::string_view text) {
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  if (text.empty()) {
    return "invalid label: labels may not be empty";
  }
  while (true) {
    const auto end = text.find('-');
    const std::string_view word = text.substr(0, end);
    if (word.empty()) {
      return "invalid label: dash-separated words may not be empty";
    }
    if (!is_lower(word[0])) {
      return "invalid label: dash-separated words must begin with an ASCII lowercase letter";
    }
    if (!std::ranges::all_of(word, [&](char c) { return is_lower(c) || (c >= '0' && c <= '9'); })) {
      return "invalid label: dash-separated words may contain only lowercase alphanumeric ASCII "
             "characters";
    }
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    text.remove_prefix(end + 1);
  }
}

std::string debug_form(const Version& version) {
  std::string out = fmt::format(
      "Version {{ major: {}, minor: {}, patch: {}", version.major, version.minor, version.patch
  );
  out += version.pre.empty() ? "" : fmt::format(", pre: Prerelease(\"{}\")", version.pre);
  out += version.build.empty() ? "" : fmt::format(", build: BuildMetadata(\"{}\")", version.build);
  return out + " }";
}

}  // namespace

std::optional<std::string> why_no_package(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    return "invalid package ref: missing expected ':'";
  }
  for (const std::string_view part : {text.substr(0, colon), text.substr(colon + 1)}) {
    if (auto why = why_no_label(part)) {
      return why;
    }
  }
  return std::nullopt;
}

std::optional<std::string> why_no_registry(std::string_view text) {
  constexpr std::string_view kSpecial = "-._~!$&'()*+,;=:@[]";
  const auto is_allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kSpecial.contains(c);
  };
  if (text.empty()) {
    return "invalid registry: empty string";
  }
  if (!std::ranges::all_of(text, is_allowed)) {
    return "invalid registry: invalid uri character";
  }
  // Colons between brackets are those of an address; what is before an @ names a user.
  std::string_view host =
      text.substr(text.find('@') == std::string_view::npos ? 0 : text.find('@') + 1);
  if (const auto bracket = host.find(']');
      host.starts_with('[') && bracket != std::string_view::npos) {
    host.remove_prefix(bracket);
  }
  if (host.empty() || std::ranges::count(host, ':') > 1) {
    return "invalid registry: invalid authority";
  }
  return std::nullopt;
}

std::string package_form(const DependencyName& name) {
  return fmt::format(
      "DependencyPackageName {{ package: PackageRef {{ namespace: \"{}\", name: \"{}\" }}, "
      "version: {}, interface: {} }}",
      name.space,
      name.package,
      name.version ? fmt::format("Some({})", debug_form(*name.version)) : "None",
      name.interface.empty() ? "None" : fmt::format("Some(Id(\"{}\"))", name.interface)
  );
}

std::string debug_form(const DependencyName& name) {
  return name.is_plain() ? fmt::format("Plain(Id(\"{}\"))", name.text)
                         : fmt::format("Package({})", package_form(name));
}

}  // namespace whorl::manifest
