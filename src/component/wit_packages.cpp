#include "component/wit_packages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace whorl::component::wit {

/// Texts by what they are called: interfaces and worlds by their full names.
struct Packages::Texts {
  template <class T>
  struct Entry {
    T text;
    std::shared_ptr<const PackageText> file;  ///< for its names; its own items are moved out
  };
  std::set<std::string, std::less<>> packages;
  std::map<std::string, Entry<InterfaceText>, std::less<>> interfaces;
  std::map<std::string, Entry<WorldText>, std::less<>> worlds;
};

namespace {

Error at_place(const PackageText& file, Place place, std::string_view message) {
  return fail(
      ErrorKind::InvalidInput, "{}\n --> {}:{}:{}", message, file.file, place.line, place.column
  );
}

constexpr int kMaxDepth = 100;

/// An interface made, and the interfaces it uses, by their full names.
struct Made {
  InterfaceRef interface;
  std::vector<std::string> uses;
};

NodeRef named(const NodeRef& type, std::string_view name, std::string_view owner) {
  auto node = std::make_shared<Node>(*type);
  node->origin = type->name.empty() ? nullptr : type;
  node->name = name;
  node->owner = owner;
  return node;
}

NodeRef handle(TypeKind kind, NodeRef resource) {
  auto node = std::make_shared<Node>();
  node->value = kind;
  node->element = std::move(resource);
  return node;
}

}  // namespace

std::string full_name(std::string_view package, std::string_view name) {
  const auto at = std::min(package.find('@'), package.size());
  return fmt::format("{}/{}{}", package.substr(0, at), name, package.substr(at));
}

namespace {

/// Makes interfaces and worlds out of their texts, each once.
template <class Texts>
class Maker {
 public:
  explicit Maker(const Texts& texts) : texts_(texts) {}

  [[nodiscard]] Result<const World*> world(const std::string& full) {
    if (const auto known = worlds_.find(full); known != worlds_.end()) {
      return &known->second;
    }
    const auto found = texts_.worlds.find(full);
    if (found == texts_.worlds.end()) {
      return fail(ErrorKind::NotFound, "there is no world `{}`", full);
    }
    if (!under_way_.insert(full).second || under_way_.size() > kMaxDepth) {
      return fail(ErrorKind::InvalidInput, "world `{}` includes itself", full);
    }
    WHORL_TRY(World made, make_world(found->second.text, *found->second.file));
    under_way_.erase(full);
    return &worlds_.emplace(full, std::move(made)).first->second;
  }

 private:
  /// Names of types where functions and other types are written.
  struct Scope {
    const PackageText* file = nullptr;
    std::string owner{};
    std::map<std::string_view, const TypeDefinitionText*> definitions{};
    std::map<std::string, NodeRef, std::less<>> types{};
    std::set<std::string_view> under_way{};
    std::vector<std::string> uses{};
  };

  [[nodiscard]] Result<const Made*> interface(const std::string& full) {
    if (const auto known = interfaces_.find(full); known != interfaces_.end()) {
      return &known->second;
    }
    const auto found = texts_.interfaces.find(full);
    if (found == texts_.interfaces.end()) {
      return fail(ErrorKind::NotFound, "there is no interface `{}`", full);
    }
    if (!under_way_.insert(full).second || under_way_.size() > kMaxDepth) {
      return fail(ErrorKind::InvalidInput, "interface `{}` depends on itself", full);
    }
    WHORL_TRY(Made made, make_interface(found->second.text, *found->second.file, full));
    under_way_.erase(full);
    return &interfaces_.emplace(full, std::move(made)).first->second;
  }

  /// The full name that a path means where it is written.
  [[nodiscard]] Result<std::string> resolve(
      const UsePath& path, const PackageText& file, bool is_world
  ) const {
    const UsePath* meant = &path;
    if (path.package.empty()) {
      if (const auto alias = file.names.find(path.name); alias != file.names.end()) {
        meant = &alias->second;
      }
    }
    const std::string& package = meant->package.empty() ? file.package : meant->package;
    if (!texts_.packages.contains(package)) {
      return at_place(
          file,
          path.place,
          fmt::format("package '{}' not found. it is neither here nor in `deps`", package)
      );
    }
    std::string full = full_name(package, meant->name);
    if (is_world ? !texts_.worlds.contains(full) : !texts_.interfaces.contains(full)) {
      return at_place(
          file,
          path.place,
          fmt::format("{} `{}` not found in package", is_world ? "world" : "interface", meant->name)
      );
    }
    return full;
  }

  [[nodiscard]] Result<Made> make_interface(
      const InterfaceText& text, const PackageText& file, const std::string& owner
  ) {
    Scope scope{.file = &file, .owner = owner};
    for (const auto& item : text.items) {
      if (const auto* definition = std::get_if<TypeDefinitionText>(&item)) {
        scope.definitions.emplace(definition->name, definition);
      } else if (const auto* use = std::get_if<UseText>(&item)) {
        WHORL_CHECKED(take_names(*use, scope));
      }
    }
    std::vector<Item> items;
    for (const auto& item : text.items) {
      if (const auto* definition = std::get_if<TypeDefinitionText>(&item)) {
        WHORL_CHECKED(add_type(*definition, scope, items));
      } else if (const auto* use = std::get_if<UseText>(&item)) {
        for (const auto& [from, to] : use->names) {
          items.push_back({to, scope.types.find(to)->second});
        }
      } else if (const auto* function = std::get_if<FuncText>(&item)) {
        WHORL_CHECKED(add_func(*function, {}, scope, items));
      }
    }
    return Made{
        std::make_shared<const Interface>(Interface{std::move(items)}), std::move(scope.uses)
    };
  }

  /// `use path.{names}`: the same types under names of this place.
  [[nodiscard]] Result<void> take_names(const UseText& use, Scope& scope) {
    WHORL_TRY(const std::string full, resolve(use.from, *scope.file, false));
    WHORL_TRY(const Made* from, interface(full));
    scope.uses.push_back(full);
    for (const auto& [there, here] : use.names) {
      const auto& items = from->interface->items;
      const auto found = std::ranges::find(items, there, &Item::name);
      const auto* node = found == items.end() ? nullptr : std::get_if<NodeRef>(&found->what);
      if (node == nullptr || (*node)->kind == Node::Kind::Func) {
        return at_place(
            *scope.file, use.from.place, fmt::format("type `{}` not found in `{}`", there, full)
        );
      }
      scope.types.insert_or_assign(here, named(*node, here, scope.owner));
    }
    return {};
  }

  [[nodiscard]] Result<NodeRef> definition(const TypeDefinitionText& text, Scope& scope) {
    if (const auto known = scope.types.find(text.name); known != scope.types.end()) {
      return known->second;
    }
    if (!scope.under_way.insert(text.name).second) {
      return at_place(
          *scope.file, text.place, fmt::format("type `{}` depends on itself", text.name)
      );
    }
    NodeRef made;
    if (const auto& written = text.target) {
      WHORL_TRY(const NodeRef target, type(*written, scope, true));
      made = named(target, text.name, scope.owner);
    } else {
      auto node = std::make_shared<Node>();
      node->name = text.name;
      node->owner = scope.owner;
      node->value = text.kind;
      if (text.form == TypeDefinitionText::Form::Resource) {
        node->kind = Node::Kind::Resource;
      }
      for (const MemberText& member : text.members) {
        NodeRef inner;
        if (member.type) {
          WHORL_TRY(inner, type(*member.type, scope));
        }
        node->parts.push_back({member.name, std::move(inner)});
      }
      made = std::move(node);
    }
    scope.under_way.erase(text.name);
    scope.types.emplace(text.name, made);
    return made;
  }

  [[nodiscard]] Result<void> add_type(
      const TypeDefinitionText& text, Scope& scope, std::vector<Item>& items
  ) {
    WHORL_TRY(const NodeRef node, definition(text, scope));
    items.push_back({text.name, node});
    for (const FuncText& function : text.functions) {
      WHORL_CHECKED(add_func(function, node, scope, items));
    }
    return {};
  }

  /// @param names_resource  a resource's name stands for itself, not for a handle to one
  [[nodiscard]] Result<NodeRef> type(
      const TypeText& text, Scope& scope, bool names_resource = false
  ) {
    if (!text.name.empty()) {
      WHORL_TRY(const NodeRef found, find_type(text, scope));
      const bool is_handle = found->kind == Node::Kind::Resource && !names_resource;
      return is_handle ? handle(TypeKind::Own, found) : found;
    }
    auto node = std::make_shared<Node>();
    node->value = text.kind;
    node->length = text.length;
    const bool is_handle = text.kind == TypeKind::Own || text.kind == TypeKind::Borrow;
    for (std::size_t i = 0; i < text.arguments.size(); ++i) {
      NodeRef argument;
      if (const auto& written = text.arguments[i]) {
        WHORL_TRY(argument, type(*written, scope, is_handle));
      }
      if (text.kind == TypeKind::Tuple) {
        node->parts.push_back({{}, std::move(argument)});
      } else {
        (i == 0 ? node->element : node->other) = std::move(argument);
      }
    }
    return NodeRef(std::move(node));
  }

  [[nodiscard]] Result<NodeRef> find_type(const TypeText& text, Scope& scope) {
    if (const auto known = scope.types.find(text.name); known != scope.types.end()) {
      return known->second;
    }
    const auto found = scope.definitions.find(text.name);
    if (found == scope.definitions.end()) {
      return at_place(*scope.file, text.place, fmt::format("name `{}` is not defined", text.name));
    }
    if (scope.under_way.size() > kMaxDepth) {
      return at_place(*scope.file, text.place, "types refer to each other too deep");
    }
    return definition(*found->second, scope);
  }

  /// @param resource  that it belongs to; null: none
  [[nodiscard]] Result<void> add_func(
      const FuncText& text, const NodeRef& resource, Scope& scope, std::vector<Item>& items
  ) {
    WHORL_TRY(const NodeRef node, func(text, resource, scope));
    std::string name = text.name;
    switch (text.kind) {
      case FuncText::Kind::Free:
        break;
      case FuncText::Kind::Method:
        name = fmt::format("[method]{}.{}", resource->name, text.name);
        break;
      case FuncText::Kind::Static:
        name = fmt::format("[static]{}.{}", resource->name, text.name);
        break;
      case FuncText::Kind::Constructor:
        name = fmt::format("[constructor]{}", resource->name);
        break;
    }
    items.push_back({std::move(name), node});
    return {};
  }

  [[nodiscard]] Result<NodeRef> func(const FuncText& text, const NodeRef& resource, Scope& scope) {
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::Func;
    node->is_async = text.is_async;
    if (text.kind == FuncText::Kind::Method) {
      node->parts.push_back({"self", handle(TypeKind::Borrow, resource)});
    }
    for (const MemberText& parameter : text.parameters) {
      NodeRef inner;
      if (const auto& written = parameter.type) {
        WHORL_TRY(inner, type(*written, scope));
      }
      node->parts.push_back({parameter.name, std::move(inner)});
    }
    if (text.result) {
      WHORL_TRY(node->element, type(*text.result, scope));
    } else if (text.kind == FuncText::Kind::Constructor) {
      node->element = handle(TypeKind::Own, resource);
    }
    return NodeRef(std::move(node));
  }

  [[nodiscard]] Result<World> make_world(const WorldText& text, const PackageText& file) {
    World out;
    Scope scope{.file = &file};
    std::vector<std::string> used_by_exports;
    WHORL_CHECKED(world_types(text, scope, out));
    for (const auto& item : text.items) {
      if (const auto* included = std::get_if<IncludeText>(&item)) {
        WHORL_CHECKED(include(*included, file, out));
      } else if (const auto* external = std::get_if<ExternText>(&item)) {
        WHORL_CHECKED(add_extern(*external, scope, out, used_by_exports));
      }
    }
    for (const std::string& name : scope.uses) {
      WHORL_CHECKED(import(name, out));
    }
    // What an exported interface uses is imported, unless it is exported itself.
    std::set<std::string> seen;
    while (!used_by_exports.empty()) {
      const std::string name = std::move(used_by_exports.back());
      used_by_exports.pop_back();
      if (std::ranges::find(out.exports, name, &Item::name) == out.exports.end()) {
        WHORL_CHECKED(import(name, out));
      } else if (seen.insert(name).second) {
        WHORL_TRY(const Made* made, interface(name));
        used_by_exports.insert(used_by_exports.end(), made->uses.begin(), made->uses.end());
      }
    }
    return out;
  }

  [[nodiscard]] Result<void> world_types(const WorldText& text, Scope& scope, World& out) {
    for (const auto& item : text.items) {
      if (const auto* definition = std::get_if<TypeDefinitionText>(&item)) {
        scope.definitions.emplace(definition->name, definition);
      } else if (const auto* use = std::get_if<UseText>(&item)) {
        WHORL_CHECKED(take_names(*use, scope));
        for (const auto& [from, to] : use->names) {
          add(out.imports, {to, scope.types.find(to)->second});
        }
      }
    }
    for (const auto& item : text.items) {
      if (const auto* definition = std::get_if<TypeDefinitionText>(&item)) {
        WHORL_CHECKED(add_type(*definition, scope, out.imports));
      }
    }
    return {};
  }

  [[nodiscard]] Result<void> include(const IncludeText& text, const PackageText& file, World& out) {
    WHORL_TRY(const std::string full, resolve(text.world, file, true));
    WHORL_TRY(const World* other, world(full));
    const auto take = [&text](const std::vector<Item>& from, std::vector<Item>& to) {
      for (const Item& item : from) {
        const auto renamed =
            std::ranges::find(text.renamed, item.name, &std::pair<std::string, std::string>::first);
        add(to, {renamed == text.renamed.end() ? item.name : renamed->second, item.what});
      }
    };
    take(other->imports, out.imports);
    take(other->exports, out.exports);
    return {};
  }

  [[nodiscard]] Result<void> add_extern(
      const ExternText& text, Scope& scope, World& out, std::vector<std::string>& used_by_exports
  ) {
    std::vector<Item>& items = text.is_import ? out.imports : out.exports;
    if (const auto* path = std::get_if<UsePath>(&text.what)) {
      WHORL_TRY(const std::string full, resolve(*path, *scope.file, false));
      if (text.is_import) {
        return import(full, out);
      }
      WHORL_TRY(const Made* made, interface(full));
      add(items, {full, made->interface});
      used_by_exports.insert(used_by_exports.end(), made->uses.begin(), made->uses.end());
      return {};
    }
    if (const auto* function = std::get_if<FuncText>(&text.what)) {
      WHORL_TRY(const NodeRef node, func(*function, nullptr, scope));
      add(items, {text.name, node});
      return {};
    }
    const auto& inline_text = std::get<InterfaceText>(text.what);
    WHORL_TRY(const Made made, make_interface(inline_text, *scope.file, text.name));
    add(items, {text.name, made.interface});
    std::vector<std::string>& uses = text.is_import ? scope.uses : used_by_exports;
    uses.insert(uses.end(), made.uses.begin(), made.uses.end());
    return {};
  }

  /// An interface, after those it uses.
  [[nodiscard]] Result<void> import(const std::string& full, World& out) {
    if (std::ranges::find(out.imports, full, &Item::name) != out.imports.end()) {
      return {};
    }
    WHORL_TRY(const Made* made, interface(full));
    for (const std::string& used : made->uses) {
      WHORL_CHECKED(import(used, out));
    }
    out.imports.push_back({full, made->interface});
    return {};
  }

  static void add(std::vector<Item>& items, Item item) {
    if (std::ranges::find(items, item.name, &Item::name) == items.end()) {
      items.push_back(std::move(item));
    }
  }

  const Texts& texts_;
  std::map<std::string, Made, std::less<>> interfaces_;
  std::map<std::string, World, std::less<>> worlds_;
  std::set<std::string> under_way_;
};

}  // namespace

Packages::Packages() : texts_(std::make_unique<Texts>()) {}
Packages::Packages(Packages&&) noexcept = default;
Packages& Packages::operator=(Packages&&) noexcept = default;
Packages::~Packages() = default;

Result<std::string> Packages::add(std::span<const Source> files) {
  std::string name;
  std::vector<PackageText> parts;
  std::vector<PackageText> nested;
  for (const Source& source : files) {
    WHORL_TRY(std::vector<PackageText> read, parse_wit(source.text, source.file));
    PackageText& own = read.front();
    if (!own.package.empty() && !name.empty() && own.package != name) {
      return fail(
          ErrorKind::InvalidInput,
          "package identifier `{}` does not match previous package name of `{}`\n --> {}:1:1",
          own.package,
          name,
          source.file
      );
    }
    name = own.package.empty() ? name : own.package;
    nested.insert(
        nested.end(), std::make_move_iterator(read.begin() + 1), std::make_move_iterator(read.end())
    );
    parts.push_back(std::move(own));
  }
  if (name.empty() && nested.empty()) {
    return fail(
        ErrorKind::InvalidInput, "no `package` header was found in any WIT file for this package"
    );
  }
  std::string first = name.empty() ? nested.front().package : name;
  for (PackageText& part : parts) {
    part.package = name;
  }
  if (name.empty()) {
    parts.clear();
  }
  parts.insert(
      parts.end(), std::make_move_iterator(nested.begin()), std::make_move_iterator(nested.end())
  );
  for (PackageText& part : parts) {
    texts_->packages.insert(part.package);
    std::vector<InterfaceText> interfaces = std::exchange(part.interfaces, {});
    std::vector<WorldText> worlds = std::exchange(part.worlds, {});
    const auto file = std::make_shared<const PackageText>(std::move(part));
    for (InterfaceText& text : interfaces) {
      std::string full = full_name(file->package, text.name);
      texts_->interfaces.try_emplace(std::move(full), std::move(text), file);
    }
    for (WorldText& text : worlds) {
      std::string full = full_name(file->package, text.name);
      texts_->worlds.try_emplace(std::move(full), std::move(text), file);
    }
  }
  return first;
}

Result<World> Packages::world(std::string_view package, std::string_view name) const {
  Maker maker(*texts_);
  WHORL_TRY(const World* made, maker.world(full_name(package, name)));
  return *made;
}

}  // namespace whorl::component::wit
