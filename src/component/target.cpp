#include "component/target.hpp"

#include "component/binary.hpp"
#include "component/core_module.hpp"
#include "component/module_world.hpp"
#include "component/names.hpp"
#include "component/wit_compare.hpp"
#include "component/wit_packages.hpp"
#include "component/wit_world.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace whorl::component {
namespace {

/// Finds items by name: exactly, else the newest version that may stand for the one asked for.
class Names {
 public:
  explicit Names(const std::vector<wit::Item>& items) {
    for (const wit::Item& item : items) {
      exact_.insert_or_assign(item.name, &item);
      const auto name = parse_interface_name(item.name);
      const auto version = name ? parse_semver(name->version) : std::nullopt;
      if (!version || compatibility_key(name->version).empty()) {
        continue;
      }
      auto& newest = by_track_[track(*name)];
      if (newest.item == nullptr || newest.version < *version) {
        newest = {&item, *version};
      }
    }
  }

  [[nodiscard]] const wit::Item* find(std::string_view name) const {
    if (const auto found = exact_.find(name); found != exact_.end()) {
      return found->second;
    }
    const auto parsed = parse_interface_name(name);
    if (!parsed || compatibility_key(parsed->version).empty()) {
      return nullptr;
    }
    const auto found = by_track_.find(track(*parsed));
    return found == by_track_.end() ? nullptr : found->second.item;
  }

 private:
  struct Newest {
    const wit::Item* item = nullptr;
    Semver version;  ///< points into the item's name
  };
  static std::string track(const ExternName& name) {
    return fmt::format("{}@{}", name.interface, compatibility_key(name.version));
  }

  std::map<std::string_view, const wit::Item*> exact_;
  std::map<std::string, Newest> by_track_;
};

void sort_report(TargetReport& report) {
  std::ranges::sort(report.imports_not_offered);
  std::ranges::sort(report.missing_exports, {}, &TargetReport::Missing::name);
  std::ranges::sort(report.mismatches, {}, &TargetReport::Mismatch::name);
}

std::vector<wit::Packages::Source> sources_of(const std::vector<WitFile>& files) {
  std::vector<wit::Packages::Source> out;
  out.reserve(files.size());
  for (const WitFile& file : files) {
    out.push_back({file.path, file.text});
  }
  return out;
}

}  // namespace

TypedWorld::TypedWorld(wit::World world)
    : world_(std::make_shared<const wit::World>(std::move(world))) {}

Result<std::optional<TypedWorld>> read_target(const WitFolder& folder, std::string_view world) {
  wit::Packages packages;
  for (const std::vector<WitFile>& dependency : folder.dependencies) {
    WHORL_CHECKED(packages.add(sources_of(dependency)));
  }
  WHORL_TRY(const std::string own, packages.add(sources_of(folder.files)));
  auto made = packages.world(own, world);
  if (made) {
    return std::optional<TypedWorld>(TypedWorld(*std::move(made)));
  }
  if (made.error().kind() == ErrorKind::NotFound) {
    return std::optional<TypedWorld>();
  }
  return made.take_error();
}

Result<std::optional<TypedWorld>> read_target(ByteView package, std::string_view world) {
  WHORL_TRY(const BinaryKind kind, detect_binary(package));
  if (kind != BinaryKind::Component) {
    return fail(ErrorKind::InvalidInput, "a core module is no package of interfaces");
  }
  WHORL_TRY(const auto decoded, decode_component(package));
  const wit::World top = wit::world_of(*decoded);
  const auto found = std::ranges::find(top.exports, world, &wit::Item::name);
  const auto* node = found == top.exports.end() ? nullptr : std::get_if<wit::NodeRef>(&found->what);
  if (node == nullptr || *node == nullptr || (*node)->kind != wit::Node::Kind::Scope) {
    return std::optional<TypedWorld>();
  }
  return std::optional<TypedWorld>(TypedWorld(wit::packaged_world(*decoded, world)));
}

TypedWorld make_target(
    std::span<const std::string_view> imports, std::span<const std::string_view> exports
) {
  wit::World world;
  for (const std::string_view name : imports) {
    world.imports.push_back({std::string(name), {}});
  }
  for (const std::string_view name : exports) {
    world.exports.push_back({std::string(name), {}});
  }
  return TypedWorld(std::move(world));
}

Result<TypedWorld> composed_world(std::span<const Part> parts) {
  wit::World out;
  for (const Part& part : parts) {
    WHORL_TRY(const BinaryKind kind, detect_binary(part.bytes));
    wit::World own;
    if (kind == BinaryKind::Component) {
      WHORL_TRY(const auto decoded, decode_component(part.bytes));
      own = wit::world_of(*decoded);
    } else {
      WHORL_TRY(const CoreModule module, CoreModule::scan(part.bytes));
      own = componentized_world(module);
    }
    for (wit::Item& item : own.imports) {
      const bool is_given =
          std::ranges::find(part.plugs, item.name, &Plug::import) != part.plugs.end();
      if (!is_given &&
          std::ranges::find(out.imports, item.name, &wit::Item::name) == out.imports.end()) {
        out.imports.push_back(std::move(item));
      }
    }
    out.exports = std::move(own.exports);
  }
  return TypedWorld(std::move(out));
}

TargetReport check_target(const TypedWorld& target, const TypedWorld& component) {
  TargetReport out;
  const Names offered(target.world().imports);
  for (const wit::Item& import : component.world().imports) {
    const wit::Item* expected = offered.find(import.name);
    if (expected == nullptr) {
      out.imports_not_offered.push_back(import.name);
      continue;
    }
    auto why = wit::difference(*expected, import, wit::Side::Import);
    if (!why.empty()) {
      out.mismatches.push_back({import.name, true, std::move(why)});
    }
  }
  const Names exported(component.world().exports);
  for (const wit::Item& expected : target.world().exports) {
    const wit::Item* found = exported.find(expected.name);
    if (found == nullptr) {
      out.missing_exports.push_back({expected.name, std::string(wit::kind_of(expected))});
      continue;
    }
    auto why = wit::difference(expected, *found, wit::Side::Export);
    if (!why.empty()) {
      out.mismatches.push_back({expected.name, false, std::move(why)});
    }
  }
  sort_report(out);
  return out;
}

}  // namespace whorl::component
