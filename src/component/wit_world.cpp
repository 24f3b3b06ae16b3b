#include "component/wit_world.hpp"

#include "component/core_names.hpp"
#include "component/names.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace whorl::component::wit {

struct ComponentItem;
using ComponentRef = std::shared_ptr<const ComponentItem>;

/// Index spaces while definitions are followed; null where something can't be shown.
struct Frame {
  const Frame* parent = nullptr;
  std::vector<NodeRef> types;
  std::vector<NodeRef> funcs;
  std::vector<InterfaceRef> instances;
  std::vector<ComponentRef> components;
  World world;
};

struct ComponentItem {
  std::shared_ptr<const ir::Component> component;
  const Frame* frame = nullptr;
};

namespace {

/// Owned by the Follower: types and frames refer to each other.
using FrameRef = Frame*;
using Arguments = std::map<std::string_view, Item>;

/// Steps in all: components that instantiate each other over and over end somewhere.
constexpr std::uint32_t kMaxSteps = 500'000;
constexpr std::size_t kWorkPerStep = 16;
constexpr std::uint32_t kMaxDepth = 50;

template <class T>
T at(const std::vector<T>& items, std::uint32_t index) {
  return index < items.size() ? items[index] : T();
}

class Follower {
 public:
  [[nodiscard]] FrameRef component(
      const ir::Component& component, const Frame* parent, const Arguments* arguments
  ) {
    const FrameRef frame = new_frame(parent);
    ++depth_;
    definitions(component.definitions, frame, {}, arguments);
    --depth_;
    return frame;
  }

  /// Follows the body of an instance or component type.
  [[nodiscard]] FrameRef scope(const Node& node, std::string_view owner) {
    const FrameRef frame = new_frame(node.frame);
    if (node.scope != nullptr && depth_ < kMaxDepth) {
      ++depth_;
      definitions(node.scope->declarations, frame, owner, nullptr);
      --depth_;
    }
    return frame;
  }

 private:
  void definitions(
      const std::vector<ir::Definition>& all,
      FrameRef frame,
      std::string_view owner,
      const Arguments* arguments
  ) {
    for (const ir::Definition& definition : all) {
      if (++steps_ > kMaxSteps) {
        return;
      }
      if (const auto* type = std::get_if<ir::TypeDefinition>(&definition.what)) {
        frame->types.push_back(type_of(*type, frame));
      } else if (const auto* alias = std::get_if<ir::Alias>(&definition.what)) {
        follow(*alias, frame);
      } else if (const auto* import = std::get_if<ir::Import>(&definition.what)) {
        follow(*import, frame, owner, arguments);
      } else if (const auto* item = std::get_if<ir::Export>(&definition.what)) {
        follow(*item, frame, owner);
      } else if (const auto* canon = std::get_if<ir::Canon>(&definition.what)) {
        if (canon->op == ir::CanonOp::Lift) {
          frame->funcs.push_back(at(frame->types, canon->type));
        }
      } else if (const auto* nested = std::get_if<ir::NestedComponent>(&definition.what)) {
        frame->components.push_back(
            std::make_shared<const ComponentItem>(ComponentItem{nested->component, frame})
        );
      } else if (const auto* instance = std::get_if<ir::InstanceDefinition>(&definition.what)) {
        frame->instances.push_back(instantiate(*instance, frame));
      }
    }
  }

  [[nodiscard]] NodeRef value(const std::optional<ir::ValType>& type, FrameRef frame) {
    if (!type) {
      return nullptr;
    }
    if (!type->is_primitive) {
      return at(frame->types, type->index);
    }
    auto node = std::make_shared<Node>();
    node->value = type->primitive;
    return node;
  }

  [[nodiscard]] NodeRef type_of(const ir::TypeDefinition& type, FrameRef frame) {
    using Kind = ir::TypeDefinition::Kind;
    auto node = std::make_shared<Node>();
    for (const ir::Member& member : type.members) {
      node->parts.push_back({std::string(member.name), value(member.type, frame)});
    }
    node->element = value(type.element, frame);
    node->other = value(type.other, frame);
    node->value = type.value;
    node->length = type.length;
    node->is_async = type.is_async;
    switch (type.kind) {
      case Kind::Value:
        if (type.value == TypeKind::Own || type.value == TypeKind::Borrow) {
          node->element = at(frame->types, type.resource);
        }
        break;
      case Kind::Func:
        node->kind = Node::Kind::Func;
        break;
      case Kind::Resource:
        node->kind = Node::Kind::Resource;
        break;
      case Kind::Component:
      case Kind::Instance:
        node->kind = Node::Kind::Scope;
        node->scope = type.scope;
        node->frame = frame;
        break;
    }
    return node;
  }

  void follow(const ir::Alias& alias, FrameRef frame) {
    if (alias.target == ir::Alias::Target::Outer) {
      const Frame* from = frame;
      for (std::uint32_t i = 0; i < alias.outer && from != nullptr; ++i) {
        from = from->parent;
      }
      if (alias.sort == ir::Sort::Type) {
        frame->types.push_back(from == nullptr ? nullptr : at(from->types, alias.index));
      } else if (alias.sort == ir::Sort::Component) {
        frame->components.push_back(from == nullptr ? nullptr : at(from->components, alias.index));
      }
      return;
    }
    if (alias.target == ir::Alias::Target::Export) {
      push(alias.sort, find(at(frame->instances, alias.instance), alias.name), frame);
    }
  }

  [[nodiscard]] Item find(const InterfaceRef& instance, std::string_view name) {
    if (instance != nullptr) {
      charge(instance->items.size());
      for (const Item& item : instance->items) {
        if (item.name == name) {
          return item;
        }
      }
    }
    return {};
  }

  static void push(ir::Sort sort, const Item& item, FrameRef frame) {
    const auto* node = std::get_if<NodeRef>(&item.what);
    const auto* interface = std::get_if<InterfaceRef>(&item.what);
    switch (sort) {
      case ir::Sort::Type:
        frame->types.push_back(node == nullptr ? nullptr : *node);
        break;
      case ir::Sort::Func:
        frame->funcs.push_back(node == nullptr ? nullptr : *node);
        break;
      case ir::Sort::Instance:
        frame->instances.push_back(interface == nullptr ? nullptr : *interface);
        break;
      case ir::Sort::Component:
        frame->components.push_back(nullptr);
        break;
      default:
        break;
    }
  }

  /// Names looked through and parts copied cost a little each.
  void charge(std::size_t work) { steps_ += static_cast<std::uint32_t>(1 + work / kWorkPerStep); }

  /// The same type under a name of its own.
  [[nodiscard]] NodeRef named(const NodeRef& type, std::string_view name, std::string_view owner) {
    if (type == nullptr) {
      return nullptr;
    }
    charge(type->parts.size());
    if (steps_ > kMaxSteps) {
      return nullptr;
    }
    auto node = std::make_shared<Node>(*type);
    node->origin = type->name.empty() ? nullptr : type;
    node->name = name;
    node->owner = owner;
    return node;
  }

  /// What a declared type says of an import or export.
  [[nodiscard]] Item declared(
      const ir::ExternType& type, std::string_view name, std::string_view owner, FrameRef frame
  ) {
    Item out{std::string(name), {}};
    if (type.sort == ir::Sort::Type) {
      if (type.bound == ir::ExternType::Bound::SubResource) {
        auto node = std::make_shared<Node>();
        node->kind = Node::Kind::Resource;
        node->name = name;
        node->owner = owner;
        out.what = NodeRef(std::move(node));
      } else {
        out.what = named(at(frame->types, type.index), name, owner);
      }
    } else if (type.sort == ir::Sort::Func || type.sort == ir::Sort::Component) {
      out.what = at(frame->types, type.index);
    } else if (type.sort == ir::Sort::Instance) {
      if (const NodeRef node = at(frame->types, type.index)) {
        out.what = interface_of(scope(*node, name)->world.exports);
      }
    }
    return out;
  }

  [[nodiscard]] static InterfaceRef interface_of(std::vector<Item> items) {
    return std::make_shared<const Interface>(Interface{std::move(items)});
  }

  void follow(
      const ir::Import& import, FrameRef frame, std::string_view owner, const Arguments* arguments
  ) {
    Item item;
    if (arguments != nullptr && arguments->contains(import.name)) {
      item = arguments->at(import.name);
    } else {
      item = declared(import.type, import.name, owner, frame);
    }
    push(import.type.sort, item, frame);
    frame->world.imports.push_back({std::string(import.name), item.what});
  }

  void follow(const ir::Export& item, FrameRef frame, std::string_view owner) {
    Item out{std::string(item.name), {}};
    if (!item.item) {
      out = declared(*item.type, item.name, owner, frame);
      push(item.type->sort, out, frame);
    } else {
      const std::uint32_t index = item.item->index;
      switch (item.item->sort) {
        case ir::Sort::Type:
          out.what = named(at(frame->types, index), item.name, owner);
          break;
        case ir::Sort::Func:
          out.what = at(frame->funcs, index);
          break;
        case ir::Sort::Instance:
          out.what = at(frame->instances, index);
          break;
        default:
          break;
      }
      push(item.item->sort, out, frame);
    }
    frame->world.exports.push_back(std::move(out));
  }

  [[nodiscard]] InterfaceRef instantiate(const ir::InstanceDefinition& definition, FrameRef frame) {
    std::vector<Item> items;
    for (const ir::NamedIndex& given : definition.items) {
      Item item{std::string(given.name), {}};
      switch (given.item.sort) {
        case ir::Sort::Type:
          item.what = at(frame->types, given.item.index);
          break;
        case ir::Sort::Func:
          item.what = at(frame->funcs, given.item.index);
          break;
        case ir::Sort::Instance:
          item.what = at(frame->instances, given.item.index);
          break;
        default:
          break;
      }
      items.push_back(std::move(item));
    }
    if (!definition.component) {
      return interface_of(std::move(items));
    }
    const ComponentRef made = at(frame->components, *definition.component);
    if (made == nullptr || made->component == nullptr || depth_ >= kMaxDepth) {
      return nullptr;
    }
    Arguments arguments;
    for (std::size_t i = 0; i < items.size(); ++i) {
      arguments.emplace(definition.items[i].name, items[i]);
    }
    return interface_of(component(*made->component, made->frame, &arguments)->world.exports);
  }

  [[nodiscard]] FrameRef new_frame(const Frame* parent) {
    frames_.push_back(std::make_unique<Frame>());
    frames_.back()->parent = parent;
    return frames_.back().get();
  }

  std::vector<std::unique_ptr<Frame>> frames_;
  std::uint32_t steps_ = 0;
  std::uint32_t depth_ = 0;
};

}  // namespace

World world_of(const ir::Component& component) {
  return Follower().component(component, nullptr, nullptr)->world;
}

World described_world(const ir::Component& component, std::string_view name) {
  Follower follower;
  World world = follower.component(component, nullptr, nullptr)->world;
  // The section exports the world's type, one level down in newer tools.
  constexpr int kLevels = 2;
  for (int level = 0; level < kLevels; ++level) {
    for (const Item& item : world.exports) {
      const auto* node = std::get_if<NodeRef>(&item.what);
      const bool is_meant = name.empty() || level == 0 || world_label(item.name) == name;
      if (is_meant && node != nullptr && *node != nullptr && (*node)->kind == Node::Kind::Scope) {
        World inner = follower.scope(**node, {})->world;
        world = std::move(inner);
        break;
      }
    }
  }
  return world;
}

World packaged_world(const ir::Component& package, std::string_view name) {
  Follower follower;
  World world = follower.component(package, nullptr, nullptr)->world;
  // The export's type is that of a component whose one export is of the world's own type.
  constexpr int kLevels = 2;
  for (int level = 0; level < kLevels; ++level) {
    const auto found =
        level == 0 ? std::ranges::find(world.exports, name, &Item::name) : world.exports.begin();
    const auto* node = found == world.exports.end() ? nullptr : std::get_if<NodeRef>(&found->what);
    if (node == nullptr || *node == nullptr || (*node)->kind != Node::Kind::Scope) {
      return {};
    }
    World inner = follower.scope(**node, {})->world;
    world = std::move(inner);
  }
  return world;
}

}  // namespace whorl::component::wit
