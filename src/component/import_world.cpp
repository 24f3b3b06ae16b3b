#include "component/import_world.hpp"

#include "component/component_writer.hpp"
#include "component/names.hpp"
#include "component/reader.hpp"

#include <algorithm>
#include <utility>

namespace whorl::component {

using ir::Sort;
using Definition = ir::TypeDefinition;

namespace {

/// How deep types and imports may refer to each other: what is validated is far below.
constexpr std::uint32_t kMaxReferences = 1'000;

/// Walks a component's definitions, keeping of its index spaces what imports may refer to.
class ImportReader {
 public:
  explicit ImportReader(const ir::Component& component) : component_(component) {}

  [[nodiscard]] Result<ImportWorld> run() && {
    for (const ir::Definition& definition : component_.definitions) {
      offset_ = definition.offset;
      if (const auto* type = std::get_if<Definition>(&definition.what)) {
        types_.push_back({.definition = type});
      } else if (const auto* alias = std::get_if<ir::Alias>(&definition.what)) {
        add_alias(*alias);
      } else if (const auto* import = std::get_if<ir::Import>(&definition.what)) {
        WHORL_CHECKED(add_import(*import).context("import \"{}\"", printable(import->name)));
      } else if (const auto* exported = std::get_if<ir::Export>(&definition.what)) {
        add_export(*exported);
      } else if (std::holds_alternative<ir::InstanceDefinition>(definition.what)) {
        instances_.emplace_back();
      }
    }
    return std::move(out_);
  }

 private:
  /// A type of the component: a place, or a definition that becomes one when an import refers to
  /// it. Neither for what instances inside the component export.
  struct Type {
    std::optional<TypePlace> place = {};
    const Definition* definition = nullptr;
  };

  void add_alias(const ir::Alias& alias) {
    const bool of_export = alias.target == ir::Alias::Target::Export;
    if (alias.sort == Sort::Instance) {
      instances_.emplace_back();
    } else if (alias.sort != Sort::Type) {
      return;
    } else if (!of_export) {
      types_.push_back(types_[alias.index]);  // of the root there is nothing outside
    } else if (const auto import = instances_[alias.instance]) {
      types_.push_back({TypePlace{TypePlace::Kind::Export, *import, alias.name}});
    } else {
      types_.emplace_back();
    }
  }

  void add_export(const ir::Export& exported) {
    if (exported.item->sort == Sort::Type) {
      types_.push_back(types_[exported.item->index]);
    } else if (exported.item->sort == Sort::Instance) {
      instances_.push_back(instances_[exported.item->index]);
    }
  }

  [[nodiscard]] Result<> add_import(const ir::Import& import) {
    ImportedItem item;
    item.name = import.name;
    item.implements = import.implements;
    item.sort = import.type.sort;
    item.bound = import.type.bound;
    const auto index = static_cast<std::uint32_t>(out_.imports.size());
    switch (item.sort) {
      case Sort::Instance: {
        WHORL_CHECKED(read_body(types_[import.type.index], item.body));
        instances_.emplace_back(index);
        break;
      }
      case Sort::Type:
        types_.push_back({TypePlace{TypePlace::Kind::Import, index}});
        if (item.bound == ir::ExternType::Bound::Equal) {
          WHORL_TRY(item.type, place_of(import.type.index));
        }
        break;
      case Sort::Func: {
        WHORL_TRY(item.type, place_of(import.type.index));
        break;
      }
      default:
        return unsupported(offset_, "a {} is imported", ir::to_string(item.sort));
    }
    out_.imports.push_back(std::move(item));
    return {};
  }

  [[nodiscard]] Result<TypePlace> place_of(std::uint32_t index) {
    if (types_[index].place) {
      return *types_[index].place;
    }
    if (types_[index].definition == nullptr) {
      return unsupported(offset_, "its type is that of something inside the component");
    }
    if (depth_ > kMaxReferences) {
      return malformed(offset_, "types are nested more than {} deep", kMaxReferences);
    }
    ++depth_;
    FreeType made{*types_[index].definition, {}};
    if (made.definition.kind != Definition::Kind::Value &&
        made.definition.kind != Definition::Kind::Func) {
      return unsupported(offset_, "its type is not one of values or functions");
    }
    Result<> failed;
    for_each_type(made.definition, [&](std::uint32_t& use) {
      auto place = failed ? place_of(use) : Result<TypePlace>(TypePlace());
      if (!place) {
        failed = place.take_error();
      } else {
        made.uses.push_back(*place);
        use = static_cast<std::uint32_t>(made.uses.size() - 1);
      }
    });
    --depth_;
    WHORL_CHECKED(std::move(failed));
    const TypePlace place{
        TypePlace::Kind::Defined, static_cast<std::uint32_t>(out_.defined.size())
    };
    out_.defined.push_back(std::move(made));
    types_[index].place = place;
    return place;
  }

  [[nodiscard]] Result<> read_body(const Type& type, std::vector<ImportedEntry>& out) {
    if (type.definition == nullptr || type.definition->scope == nullptr) {
      return unsupported(offset_, "its type is that of something inside the component");
    }
    for (const ir::Definition& declaration : type.definition->scope->declarations) {
      if (const auto* definition = std::get_if<Definition>(&declaration.what);
          definition != nullptr && definition->scope == nullptr) {
        out.emplace_back(*definition);
      } else if (const auto* alias = std::get_if<ir::Alias>(&declaration.what);
                 alias != nullptr && alias->target == ir::Alias::Target::Outer &&
                 alias->outer == 1 && alias->sort == Sort::Type) {
        WHORL_TRY(const TypePlace place, place_of(alias->index));
        out.emplace_back(place);
      } else if (const auto* item = std::get_if<ir::Export>(&declaration.what);
                 item != nullptr &&
                 (item->type->sort == Sort::Type || item->type->sort == Sort::Func)) {
        out.emplace_back(*item);
      } else {
        return unsupported(declaration.offset, "it has more than types and functions");
      }
    }
    return {};
  }

  const ir::Component& component_;
  ImportWorld out_;
  std::vector<Type> types_;
  std::vector<std::optional<std::uint32_t>> instances_;  ///< the import that each one is
  std::uint64_t offset_ = 0;
  std::uint32_t depth_ = 0;
};

/// What two imports must have in common to be one.
std::string key_of(std::string_view name) {
  const auto parsed = parse_interface_name(name);
  const std::string track = parsed ? compatibility_key(parsed->version) : std::string();
  return track.empty() ? std::string(name) : fmt::format("{}@{}", parsed->interface, track);
}

/// Of two names that fit, the one of the later version.
std::string_view later(std::string_view a, std::string_view b) {
  const auto first = parse_interface_name(a);
  const auto second = parse_interface_name(b);
  if (!first || !second) {
    return a;
  }
  const auto version = parse_semver(first->version);
  const auto other = parse_semver(second->version);
  return version && other && *version < *other ? b : a;
}

bool defines_type(const ImportedEntry& entry) {
  const auto* exported = std::get_if<ir::Export>(&entry);
  return exported == nullptr || exported->type->sort == Sort::Type;
}

}  // namespace

Result<ImportWorld> read_imports(const ir::Component& component) {
  return ImportReader(component).run();
}

Result<TypePlace> ImportMerger::place(const Source& from, const TypePlace& of) {
  if (of.kind != TypePlace::Kind::Defined) {
    if (!from.placed[of.index]) {
      return fail(
                 ErrorKind::Unsupported,
                 "import \"{}\" has types of \"{}\", which is not the host's but another "
                 "component's",
                 printable(from.item.name),
                 printable(from.world.imports[of.index].name)
      )
          .with_help("let the other component satisfy both imports");
    }
    return TypePlace{of.kind, *from.placed[of.index], of.name};
  }
  const auto known = defined_.find({&from.world, of.index});
  if (known != defined_.end()) {
    return TypePlace{TypePlace::Kind::Defined, known->second};
  }
  FreeType made = from.world.defined[of.index];
  for (TypePlace& use : made.uses) {
    WHORL_TRY(use, place(from, use));
  }
  world_.defined.push_back(std::move(made));
  const auto index = static_cast<std::uint32_t>(world_.defined.size() - 1);
  defined_.emplace(std::pair(&from.world, of.index), index);
  return TypePlace{TypePlace::Kind::Defined, index};
}

namespace {

/// Which entries of an instance's type are needed for the exports that are not there yet.
std::vector<bool> needed_entries(
    const std::vector<ImportedEntry>& body,
    const std::vector<std::uint32_t>& by_number,
    const std::unordered_set<std::string_view>& present
) {
  std::vector<bool> needed(body.size());
  const auto need = [&](std::uint32_t number) { needed[by_number[number]] = true; };
  for (std::size_t i = body.size(); i != 0; --i) {
    const ImportedEntry& entry = body[i - 1];
    if (const auto* exported = std::get_if<ir::Export>(&entry)) {
      const bool is_new = !present.contains(exported->name);
      needed[i - 1] = needed[i - 1] || is_new;
      if (is_new && exported->type->bound != ir::ExternType::Bound::SubResource) {
        need(exported->type->index);
      }
    } else if (const auto* type = std::get_if<Definition>(&entry);
               type != nullptr && needed[i - 1]) {
      Definition copy = *type;
      for_each_type(copy, [&](std::uint32_t& use) { need(use); });
    }
  }
  return needed;
}

}  // namespace

std::uint32_t ImportMerger::append(std::uint32_t into, ImportedEntry entry) {
  const bool counts = defines_type(entry);
  world_.imports[into].body.push_back(std::move(entry));
  return counts ? merged_[into].type_count++ : 0;
}

Result<> ImportMerger::merge_body(const Source& from, std::uint32_t into) {
  const std::vector<ImportedEntry>& body = from.item.body;
  std::vector<std::uint32_t> by_number;
  for (std::uint32_t i = 0; i < body.size(); ++i) {
    if (defines_type(body[i])) {
      by_number.push_back(i);
    }
  }
  Merged& known = merged_[into];
  const std::vector<bool> needed = needed_entries(body, by_number, known.names);
  std::vector<std::uint32_t> numbers;  ///< in the merged body, by number in this one
  for (std::size_t i = 0; i < body.size(); ++i) {
    std::uint32_t number = 0;
    if (const auto* exported = std::get_if<ir::Export>(&body[i])) {
      const auto type = known.types.find(exported->name);
      if (!known.names.insert(exported->name).second) {
        number = type == known.types.end() ? 0 : type->second;
      } else {
        ir::Export made = *exported;
        if (made.type->bound != ir::ExternType::Bound::SubResource) {
          made.type->index = numbers[made.type->index];
        }
        number = append(into, made);
        if (exported->type->sort == Sort::Type) {
          known.types.emplace(exported->name, number);
        }
      }
    } else if (!needed[i]) {
      // Only of exports that are there already.
    } else if (const auto* place_there = std::get_if<TypePlace>(&body[i])) {
      WHORL_TRY(const TypePlace moved, place(from, *place_there));
      const auto found = known.places.find(moved);
      number = found != known.places.end() ? found->second : append(into, moved);
      known.places.emplace(moved, number);
    } else {
      Definition made = std::get<Definition>(body[i]);
      for_each_type(made, [&](std::uint32_t& use) { use = numbers[use]; });
      number = append(into, std::move(made));
    }
    if (defines_type(body[i])) {
      numbers.push_back(number);
    }
  }
  return {};
}

Result<std::uint32_t> ImportMerger::add(
    const ImportWorld& from,
    std::uint32_t import,
    std::span<const std::optional<std::uint32_t>> placed
) {
  const ImportedItem& item = from.imports[import];
  const Source source{from, item, placed};
  const auto [at, is_new] =
      by_key_.try_emplace(key_of(item.name), static_cast<std::uint32_t>(world_.imports.size()));
  const std::uint32_t index = at->second;
  if (is_new) {
    ImportedItem made = item;
    made.body.clear();
    if (item.type) {
      WHORL_TRY(made.type, place(source, *item.type));
    }
    world_.imports.push_back(std::move(made));
    merged_.emplace_back();
  }
  ImportedItem& there = world_.imports[index];
  if (there.sort != item.sort || there.implements != item.implements) {
    return fail(
        ErrorKind::InvalidInput,
        "\"{}\" is imported by several components, and not as the same",
        printable(item.name)
    );
  }
  there.name = later(there.name, item.name);
  if (item.sort == Sort::Instance) {
    WHORL_CHECKED(merge_body(source, index));
  }
  return index;
}

}  // namespace whorl::component
