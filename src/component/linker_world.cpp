// Worlds of bare core modules, from their component-type sections. engine.md E.7
#include "component/core_names.hpp"
#include "component/linker.hpp"
#include "component/names.hpp"
#include "component/reader.hpp"

namespace whorl::component {

using ir::Sort;

Result<TypeItem> Linker::find_world(const TypeItem& outer, std::string_view name) {
  Frame& body = new_frame(outer.frame, Frame::Kind::ComponentType);
  TypeItem found;
  for (const ir::Definition& definition : outer.scope->declarations) {
    WHORL_CHECKED(spend(definition.offset));
    const auto* import = std::get_if<ir::Import>(&definition.what);
    const auto* exported = std::get_if<ir::Export>(&definition.what);
    if (import == nullptr && exported == nullptr) {
      WHORL_CHECKED(run_definition(body, definition, nullptr));
      continue;
    }
    const ir::ExternType& type = import != nullptr ? import->type : *exported->type;
    const std::string_view what = import != nullptr ? import->name : exported->name;
    if (type.sort == Sort::Component) {
      if (exported != nullptr && (name.empty() || world_label(what) == name)) {
        found = body.types[type.index];
      }
      continue;
    }
    // The interfaces of a package, which its worlds repeat.
    WHORL_TRY(Item item, accept(type, body, {}, what, nullptr, definition.offset));
    push(body, std::move(item));
  }
  return found;
}

ResourceRef Linker::defined_resource(
    DefinedResources& defined, std::string_view interface, std::string_view name
) {
  const auto [at, is_new] = defined.entries.try_emplace(
      {interface, name}, static_cast<std::uint32_t>(graph_.resources.size())
  );
  if (is_new) {
    GraphResource resource;
    resource.type = std::make_shared<ResourceType>();
    resource.type->name = name;
    resource.type->impl = defined.component;
    graph_.resources.push_back(std::move(resource));
  }
  return graph_.resources[at->second].type;
}

Result<Item> Linker::import_of_world(Frame& scope, const ir::Import& import, std::uint64_t offset) {
  Provider provider;
  provider.name = import.implements.empty() ? import.name : import.implements;
  if (const auto match = find_interface(provider.name, offset)) {
    provider.host = *match;
  } else if (const auto name = parse_interface_name(provider.name)) {
    provider.is_announced = registry_.is_announced(name->interface);
  }
  auto of_part = import_from_part(scope, import, offset);
  return of_part ? *std::move(of_part)
                 : accept(import.type, scope, provider, import.name, nullptr, offset);
}

Result<World> Linker::read_world(const ir::Component& root, const WorldReading& how) {
  // The section is a component that exports component types; each has one item: a world, or an
  // interface of its package.
  Frame& frame = new_component_frame(nullptr, CallSite::kNone);
  WHORL_CHECKED(run_component(frame, root, nullptr));
  TypeItem world;
  for (const auto& [name, item] : frame.exports->exports) {
    const auto* type = std::get_if<TypeItem>(&item);
    if (type != nullptr && type->kind == TypeItem::Kind::Component &&
        world.kind != TypeItem::Kind::Component) {
      WHORL_TRY(world, find_world(*type, how.world));
    }
  }
  if (world.kind != TypeItem::Kind::Component) {
    return fail(
        ErrorKind::InvalidInput,
        "the component-type section holds no world{}{}",
        how.world.empty() ? "" : " ",
        printable(how.world)
    );
  }
  World out;
  Frame& scope = new_frame(world.frame, Frame::Kind::ComponentType);
  for (const ir::Definition& definition : world.scope->declarations) {
    WHORL_CHECKED(spend(definition.offset));
    if (const auto* import = std::get_if<ir::Import>(&definition.what)) {
      WHORL_TRY(Item item, import_of_world(scope, *import, definition.offset));
      out.imports.emplace_back(import->name, item);
      push(scope, std::move(item));
    } else if (const auto* exported = std::get_if<ir::Export>(&definition.what)) {
      Provider provider;
      provider.name = exported->name;
      provider.defined = how.defined;
      WHORL_TRY(
          Item item,
          accept(*exported->type, scope, provider, exported->name, nullptr, definition.offset)
      );
      out.exports.emplace_back(exported->name, item);
      push(scope, std::move(item));
    } else {
      WHORL_CHECKED(run_definition(scope, definition, nullptr));
    }
  }
  return out;
}

}  // namespace whorl::component
