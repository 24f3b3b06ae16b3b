// Worlds of bare core modules, from their component-type sections. engine.md E.7
#include "component/linker.hpp"
#include "component/names.hpp"
#include "component/reader.hpp"

namespace whorl::component {

using ir::Sort;

Result<World> Linker::read_world(const ir::Component& root) {
  // The section is a component that exports one component type, whose only export is the world.
  Frame& frame = new_component_frame(nullptr, CallSite::kNone);
  WHORL_CHECKED(run_component(frame, root, nullptr));
  const TypeItem* outer = nullptr;
  for (const auto& [name, item] : frame.exports->exports) {
    const auto* type = std::get_if<TypeItem>(&item);
    if (type != nullptr && type->kind == TypeItem::Kind::Component) {
      outer = type;
    }
  }
  if (outer == nullptr) {
    return fail(ErrorKind::InvalidInput, "the component-type section exports no component type");
  }
  Frame& body = new_frame(outer->frame, Frame::Kind::ComponentType);
  TypeItem world;
  for (const ir::Definition& definition : outer->scope->declarations) {
    const auto* item = std::get_if<ir::Export>(&definition.what);
    if (item == nullptr) {
      WHORL_CHECKED(run_definition(body, definition, nullptr));
      continue;
    }
    if (item->type->sort == Sort::Component) {
      world = body.types[item->type->index];
    }
  }
  if (world.kind != TypeItem::Kind::Component) {
    return fail(ErrorKind::InvalidInput, "the component-type section holds no world");
  }
  World out;
  Frame& scope = new_frame(world.frame, Frame::Kind::ComponentType);
  for (const ir::Definition& definition : world.scope->declarations) {
    WHORL_CHECKED(spend(definition.offset));
    if (const auto* import = std::get_if<ir::Import>(&definition.what)) {
      Provider provider;
      provider.name = import->implements.empty() ? import->name : import->implements;
      if (const auto match = find_interface(provider.name, definition.offset)) {
        provider.host = *match;
      } else if (const auto name = parse_interface_name(provider.name)) {
        provider.is_announced = registry_.is_announced(name->interface);
      }
      auto of_part = import_from_part(scope, import->type, import->name, definition.offset);
      WHORL_TRY(
          Item item,
          of_part ? *std::move(of_part)
                  : accept(import->type, scope, provider, import->name, nullptr, definition.offset)
      );
      out.imports.emplace_back(import->name, item);
      push(scope, std::move(item));
    } else if (const auto* exported = std::get_if<ir::Export>(&definition.what)) {
      Provider provider;
      provider.name = exported->name;
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
