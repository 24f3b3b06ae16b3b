/// The worlds of a bare core module, read from its component-type sections: what its imports and
/// exports are.
///
/// A module has as many worlds as libraries were linked into it; an interface may be in several,
/// and not whole in each. Private to the room. @thread any (a value for one run)
/// @spec engine.md E.7
#pragma once

#include "component/core_module.hpp"
#include "component/linker.hpp"

#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace whorl::component {

/// A component-type section taken apart.
struct DecodedWorld {
  std::shared_ptr<const ir::Component> root;
  std::string_view world;  ///< its name in the package; empty where there is only one
  StringEncoding encoding = StringEncoding::Utf8;
};
/// @return errors: InvalidInput; Unsupported for the form before June 2023
[[nodiscard]] Result<DecodedWorld> decode_world(const ComponentTypeSection& section);

class CoreWorlds {
 public:
  enum class Side : std::uint8_t { Imports, Exports };

  /// @param component  the component instance that the module makes up: it defines the resources
  ///                   of the interfaces it exports
  explicit CoreWorlds(std::uint16_t component) { defined_.component = component; }

  /// Reads one section: a world, or (until the end of 2023) the name of a world and the package it
  /// is in.
  [[nodiscard]] Result<> read(Linker& linker, const ComponentTypeSection& section);

  /// The interface as the worlds name it: the same, or a compatible version of it. As it is given
  /// if no world has it.
  [[nodiscard]] std::string_view resolve(Side side, std::string_view interface) const;
  [[nodiscard]] bool has(Side side, std::string_view interface) const {
    return items(side).contains(interface);
  }
  /// A function, or null: `interface` is empty for a function of the world itself.
  [[nodiscard]] const FuncItem* find_func(
      Side side, std::string_view interface, std::string_view func
  ) const;
  /// How the module wants the strings of a function; UTF-8 for one that no world has.
  [[nodiscard]] StringEncoding encoding(
      Side side, std::string_view interface, std::string_view func
  ) const;
  /// A resource of an imported interface; null if no world has it.
  [[nodiscard]] ResourceRef imported_resource(std::string_view interface, std::string_view name)
      const;
  /// A resource of an exported interface: entry of Graph::resources.
  [[nodiscard]] std::optional<std::uint32_t> defined_resource(
      std::string_view interface, std::string_view name
  ) const;

  [[nodiscard]] const std::vector<World>& all() const noexcept { return worlds_; }

 private:
  struct Declared {
    Item item;
    StringEncoding encoding = StringEncoding::Utf8;
  };
  using Items = std::unordered_map<std::string_view, std::vector<Declared>>;
  struct DeclaredFunc {
    const FuncItem* func = nullptr;
    StringEncoding encoding = StringEncoding::Utf8;
  };
  [[nodiscard]] const Items& items(Side side) const noexcept {
    return side == Side::Imports ? imports_ : exports_;
  }
  [[nodiscard]] DeclaredFunc find(Side side, std::string_view interface, std::string_view func)
      const;

  std::vector<World> worlds_;
  Items imports_;
  Items exports_;
  DefinedResources defined_;
};

}  // namespace whorl::component
