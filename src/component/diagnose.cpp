#include "component/diagnose.hpp"

#include "component/linker.hpp"
#include "component/reader.hpp"

#include <algorithm>

namespace whorl::component {
namespace {

std::string with_version(std::string_view name, std::string_view version) {
  return version.empty() ? printable(name)
                         : fmt::format("{}@{}", printable(name), printable(version));
}

/// WASI 0.3 and its candidates.
bool is_async_wasi(const ExternName& wanted) noexcept {
  return wanted.interface.starts_with("wasi:") && wanted.version.starts_with("0.3");
}

}  // namespace

Error explain_missing_interface(
    const HostRegistry& registry, const ExternName& wanted, std::uint64_t offset
) {
  const std::vector<std::string> versions = registry.versions_of(wanted.interface);
  Error error = versions.empty()
                    ? unsupported(
                          offset,
                          "the component imports the interface {}, which this host does not offer",
                          with_version(wanted.interface, wanted.version)
                      )
                    : unsupported(
                          offset,
                          "the component imports the interface {}; this host offers it as {}",
                          with_version(wanted.interface, wanted.version),
                          fmt::join(versions, ", ")
                      );
  if (is_async_wasi(wanted)) {
    return std::move(error).with_help(
        "this host does not have that part of WASI 0.3 yet; build for WASI 0.2"
    );
  }
  if (!versions.empty()) {
    return std::move(error).with_help("build the component against one of the versions offered");
  }
  const std::string close = nearest(wanted.interface, registry.names());
  if (!close.empty()) {
    return std::move(error).with_help(fmt::format("did you mean {}?", close));
  }
  return std::move(error).with_help(
      "remove the import, or compose the component with one that provides it"
  );
}

Error explain_missing_function(
    const HostInterface& offered,
    std::string_view import_name,
    std::string_view function,
    std::uint64_t offset
) {
  Error error = unsupported(
      offset,
      "the component calls `{}` of {}, which {} does not have",
      printable(function),
      printable(import_name),
      with_version(offered.name, offered.version)
  );
  std::vector<std::string> names;
  for (const HostFunction& candidate : offered.functions) {
    names.emplace_back(candidate.name);
  }
  const std::string close = nearest(function, names);
  return close.empty() ? std::move(error).with_help("build the component against an older version")
                       : std::move(error).with_help(fmt::format("did you mean `{}`?", close));
}

Error explain_type_difference(
    const HostInterface& offered,
    std::string_view import_name,
    std::string_view function,
    std::string_view difference,
    std::uint64_t offset
) {
  return malformed(
             offset,
             "the component's `{}` of {} is not the one that {} offers: {}",
             printable(function),
             printable(import_name),
             with_version(offered.name, offered.version),
             difference
  )
      .with_help("build the component against the published version of the interface");
}

}  // namespace whorl::component
