#include "component/import_types.hpp"

#include "component/reader.hpp"

#include <string>
#include <utility>

namespace whorl::component {

namespace {

/// How deep imports and types may refer to each other.
constexpr std::uint32_t kMaxReferences = 1'000;

Error not_a(std::string_view what) {
  return fail(ErrorKind::InvalidInput, "a type of an import is not a {}", what);
}

}  // namespace

ImportTypes::ImportTypes(const ImportWorld& world)
    : world_(world), imports_(world.imports.size()) {}

Result<const std::vector<EntryType>*> ImportTypes::of(std::uint32_t import) {
  if (!imports_[import]) {
    WHORL_TRY(imports_[import], read(world_.imports[import]));
  }
  return &*imports_[import];
}

Result<std::vector<EntryType>> ImportTypes::read(const ImportedItem& item) {
  std::vector<EntryType> out;
  for (const ImportedEntry& entry : item.body) {
    if (const auto* definition = std::get_if<ir::TypeDefinition>(&entry)) {
      WHORL_TRY(out.emplace_back(), make(*definition, out));
    } else if (const auto* place = std::get_if<TypePlace>(&entry)) {
      WHORL_TRY(out.emplace_back(), at(*place));
    } else if (const auto& exported = std::get<ir::Export>(entry);
               exported.type->bound == ir::ExternType::Bound::SubResource) {
      auto resource = std::make_shared<ResourceType>();
      resource->name = exported.name;
      out.push_back({.resource = std::move(resource)});
    } else if (exported.type->sort == ir::Sort::Type) {
      out.push_back(EntryType(out[exported.type->index]));
    }
  }
  return out;
}

Result<EntryType> ImportTypes::at(const TypePlace& place) {
  if (const auto found = places_.find(place); found != places_.end()) {
    return found->second;
  }
  if (depth_ > kMaxReferences) {
    return fail(ErrorKind::InvalidInput, "types are nested more than {} deep", kMaxReferences);
  }
  ++depth_;
  WHORL_TRY(EntryType found, find(place));
  --depth_;
  places_.emplace(place, found);
  return found;
}

Result<EntryType> ImportTypes::find(const TypePlace& place) {
  if (place.kind == TypePlace::Kind::Defined) {
    const FreeType& free = world_.defined[place.index];
    std::vector<EntryType> uses;
    for (const TypePlace& use : free.uses) {
      WHORL_TRY(uses.emplace_back(), at(use));
    }
    return make(free.definition, uses);
  }
  const ImportedItem& item = world_.imports[place.index];
  if (place.kind == TypePlace::Kind::Import) {
    if (item.type) {
      return at(*item.type);
    }
    auto resource = std::make_shared<ResourceType>();
    resource->name = item.name;
    return EntryType{.resource = std::move(resource)};
  }
  WHORL_TRY(const std::vector<EntryType>* const types, of(place.index));
  std::size_t number = 0;
  for (const ImportedEntry& entry : item.body) {
    const auto* exported = std::get_if<ir::Export>(&entry);
    if (exported != nullptr && exported->type->sort != ir::Sort::Type) {
      continue;
    }
    if (exported != nullptr && exported->name == place.name) {
      return EntryType((*types)[number]);
    }
    ++number;
  }
  return fail(
      ErrorKind::InvalidInput,
      "import \"{}\" has no type `{}`",
      printable(item.name),
      printable(place.name)
  );
}

Result<TypeRef> ImportTypes::value(const ir::ValType& type, const std::vector<EntryType>& known)
    const {
  if (type.is_primitive) {
    auto made = std::make_shared<Type>();
    made->kind = type.primitive;
    return TypeRef(std::move(made));
  }
  const TypeRef& found = known[type.index].value;
  return found != nullptr ? Result<TypeRef>(found) : not_a("value type");
}

Result<EntryType> ImportTypes::make(
    const ir::TypeDefinition& definition, const std::vector<EntryType>& known
) {
  std::vector<Member> members;
  for (const ir::Member& member : definition.members) {
    members.push_back({std::string(member.name), nullptr});
    if (member.type) {
      WHORL_TRY(members.back().type, value(*member.type, known));
    }
  }
  TypeRef element;
  if (definition.element) {
    WHORL_TRY(element, value(*definition.element, known));
  }
  if (definition.kind == ir::TypeDefinition::Kind::Func) {
    return EntryType{
        .func = std::make_shared<const FuncShape>(
            FuncShape{std::move(members), std::move(element), definition.is_async}
        )
    };
  }
  Type type;
  type.kind = definition.value;
  type.members = std::move(members);
  type.element = std::move(element);
  type.length = definition.length;
  if (definition.other) {
    WHORL_TRY(type.other, value(*definition.other, known));
  }
  if (type.kind == TypeKind::Own || type.kind == TypeKind::Borrow) {
    type.resource = known[definition.resource].resource;
    if (type.resource == nullptr) {
      return not_a("resource");
    }
  }
  return EntryType{.value = std::make_shared<const Type>(std::move(type))};
}

}  // namespace whorl::component
