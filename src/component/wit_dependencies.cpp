#include "component/wit_dependencies.hpp"

#include "component/binary.hpp"
#include "component/names.hpp"
#include "component/wit_world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace whorl::component {
namespace {

/// "ns:pkg/interface@1.2.3" apart; what is not there is empty.
struct Wanted {
  std::string_view package;    ///< "ns:pkg"
  std::string_view interface;  ///< "ns:pkg/interface"
  std::string_view version;
};

Wanted parse(std::string_view name) {
  const auto at = name.find('@');
  const std::string_view path = name.substr(0, at);
  const auto slash = path.find('/');
  return {
      .package =
          path.find(':') == std::string_view::npos ? std::string_view() : path.substr(0, slash),
      .interface = slash == std::string_view::npos ? std::string_view() : path,
      .version = at == std::string_view::npos ? std::string_view() : name.substr(at + 1),
  };
}

/// Whether an export is what a dependency's name means.
bool is_meant(const Wanted& wanted, std::string_view exported) {
  const Wanted there = parse(exported);
  if (there.interface.empty() || there.package != wanted.package ||
      (!wanted.interface.empty() && there.interface != wanted.interface)) {
    return false;
  }
  return wanted.version.empty() || there.version.empty() ||
         versions_compatible(wanted.version, there.version);
}

/// The interfaces among a world's exports.
std::vector<const wit::Item*> interfaces_of(const wit::World& world) {
  std::vector<const wit::Item*> out;
  for (const wit::Item& item : world.exports) {
    const auto* interface = std::get_if<wit::InterfaceRef>(&item.what);
    if (interface != nullptr && *interface != nullptr && !parse(item.name).interface.empty()) {
      out.push_back(&item);
    }
  }
  return out;
}

wit::Imported as_it_is(const wit::Item& item) {
  return {item.name, item.name, std::get<wit::InterfaceRef>(item.what)};
}

Result<void> add_renamed(
    const WitDependency& dependency, const wit::World& world, std::vector<wit::Imported>& out
) {
  if (parse(dependency.name).interface.empty()) {
    return fail(
        ErrorKind::InvalidInput,
        "failed to map named export {} to dependency {}: the dependency name should be a qualified "
        "interface name - {} not qualified",
        *dependency.export_name,
        dependency.name,
        dependency.name
    );
  }
  for (const wit::Item* item : interfaces_of(world)) {
    if (item->name == *dependency.export_name) {
      out.push_back({dependency.name, item->name, std::get<wit::InterfaceRef>(item->what)});
      return {};
    }
  }
  return fail(
      ErrorKind::InvalidInput,
      "failed to map named export {} to dependency {}: the component does not export it",
      *dependency.export_name,
      dependency.name
  );
}

Result<void> add_imports(
    const WitDependency& dependency, const wit::World& world, std::vector<wit::Imported>& out
) {
  if (dependency.export_name) {
    return add_renamed(dependency, world, out);
  }
  const Wanted wanted = parse(dependency.name);
  if (wanted.package.empty()) {
    return {};
  }
  bool is_found = false;
  for (const wit::Item* item : interfaces_of(world)) {
    if (is_meant(wanted, item->name)) {
      out.push_back(as_it_is(*item));
      is_found = true;
    }
  }
  if (is_found) {
    return {};
  }
  if (wanted.interface.empty()) {
    return fail(
        ErrorKind::InvalidInput, "package {} not found in component binary", dependency.name
    );
  }
  return fail(
      ErrorKind::InvalidInput,
      "interface {} not found in component binary",
      wanted.interface.substr(wanted.package.size() + 1)
  );
}

}  // namespace

Result<std::string> dependencies_wit(std::span<const WitDependency> dependencies) {
  std::vector<wit::Imported> imports;
  std::vector<wit::Item> others;
  for (const WitDependency& dependency : dependencies) {
    WHORL_TRY(const BinaryKind kind, detect_binary(dependency.wasm));
    if (kind != BinaryKind::Component) {
      return fail(
          ErrorKind::InvalidInput,
          "dependency {} is a core module, not a component",
          dependency.name
      );
    }
    WHORL_TRY(const auto decoded, decode_component(dependency.wasm));
    const wit::World world = wit::world_of(*decoded);
    WHORL_CHECKED(add_imports(dependency, world, imports));
    others.insert(others.end(), world.imports.begin(), world.imports.end());
    others.insert(others.end(), world.exports.begin(), world.exports.end());
  }
  return wit::to_text(imports, others);
}

}  // namespace whorl::component
