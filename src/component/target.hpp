/// Target environments: whether a component can run in a world that some host offers.
///
/// The world is read from WIT text, from a package of it in binary form, or is a list of names. The
/// rules are those of `wac targets`: a component may import less than the world has and export
/// more, versions count as everywhere in the component model (0.2.1 may stand for 0.2.0).
/// @thread any (values)
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "component/composition.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::component {

namespace wit {
struct World;
}

/// A file of WIT text.
struct WitFile {
  std::string path;  ///< as messages show it
  std::string text;
};
/// One package in its files, and those it refers to.
struct WitFolder {
  std::vector<WitFile> files;
  std::vector<std::vector<WitFile>> dependencies;  ///< one package each
};

/// Imports and exports of a host or a component. A value; copies share what they are made of.
class TypedWorld {
 public:
  explicit TypedWorld(wit::World world);
  [[nodiscard]] const wit::World& world() const noexcept { return *world_; }

 private:
  std::shared_ptr<const wit::World> world_;
};

/// A world of a package in text form. @return nothing if it has no such world; errors: InvalidInput
/// for text that is wrong, with its place
[[nodiscard]] Result<std::optional<TypedWorld>> read_target(
    const WitFolder& folder, std::string_view world
);
/// A world of a package in binary form, as registries keep it. @return as read_target()
[[nodiscard]] Result<std::optional<TypedWorld>> read_target(
    ByteView package, std::string_view world
);
/// A world of which only the names of interfaces are known: types are not compared.
[[nodiscard]] TypedWorld make_target(
    std::span<const std::string_view> imports, std::span<const std::string_view> exports
);

/// The world of components put together: what the last one exports, what all import and no other
/// one gives them. A bare core module counts as the component that would be made of it.
/// @return errors: InvalidInput for bytes that are no WebAssembly
[[nodiscard]] Result<TypedWorld> composed_world(std::span<const Part> parts);

/// What keeps a component from running in a world.
struct TargetReport {
  struct Missing {
    std::string name;
    std::string kind;  ///< "instance", "function"
    [[nodiscard]] bool operator==(const Missing&) const = default;
  };
  struct Mismatch {
    std::string name;
    bool is_import = true;
    std::vector<std::string> why;  ///< from the outside in; at least one
    [[nodiscard]] bool operator==(const Mismatch&) const = default;
  };
  // Each by name.
  std::vector<std::string> imports_not_offered;
  std::vector<Missing> missing_exports;
  std::vector<Mismatch> mismatches;

  [[nodiscard]] bool fits() const noexcept {
    return imports_not_offered.empty() && missing_exports.empty() && mismatches.empty();
  }
};

[[nodiscard]] TargetReport check_target(const TypedWorld& target, const TypedWorld& component);

}  // namespace whorl::component
