/// The world of a component as people write it: imports, exports and their types, with the names
/// that the component gives them.
///
/// Read from the definitions alone, for showing: nothing is checked here that the linker checks,
/// and what can't be followed is left out. Private to the room; inspect.hpp shows it.
/// @thread any (values)
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "component/ir.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace whorl::component::wit {

struct Node;
using NodeRef = std::shared_ptr<const Node>;

/// A type where it is defined, or where it is given a name.
struct Node {
  enum class Kind : std::uint8_t { Value, Func, Resource, Scope };
  struct Part {
    std::string name;
    NodeRef type;  ///< null: none
  };
  Kind kind = Kind::Value;
  TypeKind value = TypeKind::Bool;
  std::vector<Part> parts;  ///< fields, cases, labels, parameters
  NodeRef element;          ///< of a list and so on; ok; a function's result; a handle's resource
  NodeRef other;            ///< error; a map's value
  std::uint32_t length = 0;
  bool is_async = false;
  std::string name;   ///< empty: written out where it is used
  std::string owner;  ///< interface that gives it that name; empty for the world's own
  NodeRef origin;     ///< the named type that this is another name of
  std::shared_ptr<const ir::TypeScope> scope;  ///< Scope: of an instance or component type
  const struct Frame* frame = nullptr;  ///< where its indices lead; only while a world is followed
};

struct Interface;
using InterfaceRef = std::shared_ptr<const Interface>;

struct Item {
  std::string name;
  std::variant<std::monostate, NodeRef, InterfaceRef> what;  ///< type or function; interface
};

struct Interface {
  std::vector<Item> items;
};

struct World {
  std::vector<Item> imports;
  std::vector<Item> exports;
};

/// The world of a component.
[[nodiscard]] World world_of(const ir::Component& component);
/// The world that a component-type section describes: the component type that it exports.
[[nodiscard]] World described_world(const ir::Component& component, std::string_view world);
/// A world of a package in binary form: the component type that its export of that name describes.
/// Empty if there is none. @spec component model, WIT.md "Package Format"
[[nodiscard]] World packaged_world(const ir::Component& package, std::string_view world);

/// As WIT: the world, then the packages of its interfaces.
[[nodiscard]] std::string to_text(const World& world);

/// An interface that a world imports, perhaps under another name than its types are known by.
struct Imported {
  std::string name;
  std::string original;
  InterfaceRef interface;
};
/// As WIT: a world of imports, then the packages of their interfaces and of those that they use.
/// @param others  where interfaces that are used are found
[[nodiscard]] std::string to_text(
    const std::vector<Imported>& imports, const std::vector<Item>& others
);

}  // namespace whorl::component::wit
