#include "component/import_writer.hpp"

#include "component/reader.hpp"
#include "component/wasm_writer.hpp"

#include <utility>

namespace whorl::component {

using ir::Sort;

namespace {

/// How deep imports and types may refer to each other.
constexpr std::uint32_t kMaxReferences = 1'000;

// Declarations of an instance type.
constexpr std::uint8_t kTypeDeclaration = 0x01;
constexpr std::uint8_t kAliasDeclaration = 0x02;
constexpr std::uint8_t kExportDeclaration = 0x04;

}  // namespace

ImportWriter::ImportWriter(const ImportWorld& world, ComponentWriter& out)
    : world_(world), out_(out), states_(world.imports.size()) {}

Result<ir::SortIndex> ImportWriter::import(std::uint32_t index) {
  const ImportedItem& item = world_.imports[index];
  if (states_[index].kind == State::Kind::Done) {
    return states_[index].item;
  }
  if (states_[index].kind == State::Kind::Begun || depth_ > kMaxReferences) {
    return fail(
        ErrorKind::InvalidInput,
        "import \"{}\" needs types of imports that need its own",
        printable(item.name)
    );
  }
  states_[index].kind = State::Kind::Begun;
  ++depth_;
  WHORL_TRY(states_[index].item, write(item));
  --depth_;
  states_[index].kind = State::Kind::Done;
  written_.push_back(index);
  return states_[index].item;
}

Result<ir::SortIndex> ImportWriter::write(const ImportedItem& item) {
  ir::ExternType type{item.sort, item.bound, 0};
  if (item.sort == Sort::Instance) {
    WHORL_TRY(type.index, instance_type(item.body));
  } else if (item.type) {
    WHORL_TRY(type.index, this->type(*item.type));
  }
  return ir::SortIndex{item.sort, out_.import(item.name, item.implements, type)};
}

Result<std::uint32_t> ImportWriter::instance_type(const std::vector<ImportedEntry>& body) {
  Bytes out = {0x42};
  append_leb(out, body.size());
  for (const ImportedEntry& entry : body) {
    if (const auto* definition = std::get_if<ir::TypeDefinition>(&entry)) {
      out.push_back(kTypeDeclaration);
      append_type(out, *definition);
    } else if (const auto* place = std::get_if<TypePlace>(&entry)) {
      WHORL_TRY(const std::uint32_t outer, type(*place));
      out.insert(out.end(), {kAliasDeclaration, 0x03, 0x02, 1});
      append_leb(out, outer);
    } else {
      const auto& exported = std::get<ir::Export>(entry);
      out.push_back(kExportDeclaration);
      append_extern_name(out, exported.name, exported.implements);
      append_extern_type(out, *exported.type);
    }
  }
  return out_.type(out);
}

Result<std::uint32_t> ImportWriter::type(const TypePlace& place) {
  if (const auto found = types_.find(place); found != types_.end()) {
    return found->second;
  }
  if (depth_ > kMaxReferences) {
    return fail(ErrorKind::InvalidInput, "types are nested more than {} deep", kMaxReferences);
  }
  ++depth_;
  WHORL_TRY(const std::uint32_t index, write_type(place));
  --depth_;
  types_.emplace(place, index);
  return index;
}

Result<std::uint32_t> ImportWriter::write_type(const TypePlace& place) {
  if (place.kind == TypePlace::Kind::Defined) {
    const FreeType& free = world_.defined[place.index];
    std::vector<std::uint32_t> uses;
    for (const TypePlace& use : free.uses) {
      WHORL_TRY(uses.emplace_back(), type(use));
    }
    ir::TypeDefinition definition = free.definition;
    for_each_type(definition, [&](std::uint32_t& use) { use = uses[use]; });
    Bytes bytes;
    append_type(bytes, definition);
    return out_.type(bytes);
  }
  WHORL_TRY(const ir::SortIndex from, import(place.index));
  return place.kind == TypePlace::Kind::Import ? from.index
                                               : out_.alias(Sort::Type, from.index, place.name);
}

}  // namespace whorl::component
