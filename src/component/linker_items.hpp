/// What the linker's index spaces hold: descriptions of the items a real instantiation would have.
///
/// Private to the room. @thread any (values) @spec component model, Explainer "Index Spaces"
#pragma once

#include "component/graph.hpp"
#include "component/host.hpp"
#include "component/ir.hpp"
#include "component/types.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

namespace whorl::component {

struct Frame;
struct InstanceItem;
using InstanceRef = std::shared_ptr<const InstanceItem>;

/// A type while linking. Value types carry what later definitions ask of them.
struct TypeItem {
  enum class Kind : std::uint8_t { Value, Func, Resource, Instance, Component };
  Kind kind = Kind::Value;
  TypeRef value;
  std::uint32_t depth = 0;  ///< nesting of the value type
  std::uint64_t size = 0;   ///< bytes of an element, with 64-bit pointers
  std::uint64_t alignment = 1;
  bool has_borrow = false;
  /// Value, Func: there is a handle in it. Instance, Component: resources from outside of it are.
  bool has_resource = false;
  std::shared_ptr<const FuncShape> func;
  ResourceRef resource;
  std::shared_ptr<const ir::TypeScope> scope;  ///< Instance, Component
  const Frame* frame = nullptr;                ///< where the scope was defined
};

/// "resource type", for messages.
[[nodiscard]] std::string_view kind_name(TypeItem::Kind kind) noexcept;

/// A core type: a module type as a module without code, or one type of core WebAssembly.
struct CoreTypeItem {
  std::shared_ptr<const CoreModule> module;
  CoreTypeDef type;
};

/// What a copy of a core type costs.
[[nodiscard]] inline std::size_t size_of(const CoreTypeDef& type) noexcept {
  return 1 + (type.func.params.size() + type.func.results.size()) / 8;
}

/// A component function: lifted from core, or one the host offers; neither in validation, where
/// imports are nobody's.
struct FuncItem {
  std::shared_ptr<const FuncShape> shape;
  std::optional<std::uint32_t> lift;  ///< entry of Graph::lifts
  // Host functions: looked up and checked only where they are lowered.
  std::optional<HostRegistry::Match> host;
  std::string_view interface;  ///< as imported, "wasi:io/streams@0.2.0"
  std::string_view name;
  bool is_announced = false;  ///< of an interface with nothing behind it
  bool is_denied = false;     ///< and that because it was not granted
};

struct ModuleItem {
  std::uint32_t index = 0;  ///< entry of Graph::modules
};
/// A component: its definitions, or in validation only its type.
struct ComponentItem {
  std::shared_ptr<const ir::Component> component;
  const Frame* frame = nullptr;                ///< where either was defined
  std::shared_ptr<const ir::TypeScope> scope;  ///< instead of `component`
};
using Item = std::variant<ModuleItem, FuncItem, TypeItem, ComponentItem, InstanceRef>;
/// Items by name: what a component is instantiated with.
using Arguments = std::unordered_map<std::string_view, Item>;

/// A component instance: its exports by name, in order.
struct InstanceItem {
  std::vector<std::pair<std::string_view, Item>> exports;
  std::unordered_map<std::string_view, std::size_t> by_name;
  std::uint32_t depth = 0;  ///< of instances among the exports
  [[nodiscard]] const Item* find(std::string_view name) const noexcept;
  void add(std::string_view name, Item item);
};

/// A core instance: an instantiated module, or a bag of items.
struct CoreInstanceItem {
  std::optional<std::uint32_t> instance;  ///< entry of Graph::instances
  std::shared_ptr<const std::unordered_map<std::string_view, CoreRef>> bag;
};

/// The types that a component's imports, or its imports and exports, have given a name.
/// @spec Explainer "External Visibility of Types"
struct NamedTypes {
  std::unordered_set<const void*> types;  ///< addresses of Type and ResourceType objects
  std::unordered_map<const ResourceType*, std::string_view> resources;  ///< under which name
  std::unordered_set<std::string_view> resource_names;
};

/// The index spaces of one component instance, or of a type's body, while it is run.
struct Frame {
  enum class Kind : std::uint8_t { Component, ComponentType, InstanceType };
  Kind kind = Kind::Component;
  const Frame* parent = nullptr;
  std::array<std::vector<CoreRef>, 5> core;  ///< by CoreKind
  std::vector<ModuleItem> modules;
  std::vector<CoreTypeItem> core_types;
  std::vector<CoreInstanceItem> core_instances;
  std::vector<FuncItem> funcs;
  std::vector<TypeItem> types;
  std::vector<ComponentItem> components;
  std::vector<InstanceRef> instances;
  std::uint16_t component_index = CallSite::kNone;  ///< entry of Graph::component_parents
  std::shared_ptr<InstanceItem> exports;
  // Validation:
  bool is_abstract = false;  ///< run for its own sake, with imports that are nobody's
  /// Aliases of outer types bring resources in. Set for all scopes an alias goes through, which are
  /// being run when it is.
  mutable bool captures_resource = false;
  std::optional<std::uint8_t> context_type;  ///< core type of its tasks' slots, once used
  NamedTypes imported;                       ///< named by imports
  NamedTypes exported;                       ///< named by exports
};

}  // namespace whorl::component
