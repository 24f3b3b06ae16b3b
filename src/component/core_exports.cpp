// Bare core modules as components: what they export.
#include "component/core_linker.hpp"
#include "component/names.hpp"
#include "component/reader.hpp"

#include <algorithm>
#include <array>

namespace whorl::component {
namespace {

constexpr auto kInitializers =
    std::to_array<std::string_view>({"_initialize", "cm32p2_initialize"});
/// The entry of a command; such a module has no `_initialize`.
constexpr std::string_view kStart = "_start";

/// What a function takes, told from its core type alone.
std::shared_ptr<const FuncShape> guess_shape(const engine::FuncType& type) {
  const auto number = [](engine::ValType value) {
    auto out = std::make_shared<Type>();
    out->kind = value == engine::ValType::I64   ? TypeKind::U64
                : value == engine::ValType::F32 ? TypeKind::F32
                : value == engine::ValType::F64 ? TypeKind::F64
                                                : TypeKind::U32;
    return out;
  };
  auto out = std::make_shared<FuncShape>();
  for (std::size_t i = 0; i < type.params.size(); ++i) {
    out->params.push_back({fmt::format("p{}", i), number(type.params[i])});
  }
  if (!type.results.empty()) {
    out->result = number(type.results[0]);
  }
  return out;
}

Error without_type(std::string_view name) {
  return fail(
      ErrorKind::InvalidInput, "export \"{}\" has no type a component has", printable(name)
  );
}

}  // namespace

Result<> CoreLinker::lift(std::string_view name) {
  using Lift = CoreExportName::Lift;
  const LegacyName* legacy = find_legacy_export(name);
  CoreExportName parts = parse_core_export(name);
  if (legacy != nullptr) {
    parts = {Lift::Plain, legacy->interface, legacy->function};
  }
  if (module_.find_export(name)->kind != CoreKind::Func || parts.lift == Lift::Accessory) {
    return {};
  }
  parts.interface = worlds_.resolve(Side::Exports, parts.interface);
  if (parts.lift == Lift::Destructor) {
    return add_destructor(name, parts);
  }
  const FuncItem* declared = worlds_.find_func(Side::Exports, parts.interface, parts.function);
  const auto interface = parse_interface_name(parts.interface);
  if (declared == nullptr && !interface && name != kStart) {
    return {};  // an export of the module's own: memory helpers and the like
  }
  if (parts.lift != Lift::Plain && declared == nullptr) {
    return without_type(name).with_help(
        "asynchronous exports are typed by a component-type section, which the module does not have"
    );
  }
  auto func = parts.lift == Lift::Plain ? lift_plain(name, parts, declared)
                                        : lift_async(name, parts, *declared);
  WHORL_TRY(FuncItem item, std::move(func).context("export \"{}\"", printable(name)));
  lifted_.push_back({parts.interface, parts.function, std::move(item)});
  return {};
}

Result<> CoreLinker::add_destructor(std::string_view name, const CoreExportName& parts) {
  const auto defined = worlds_.defined_resource(parts.interface, parts.function);
  if (!defined) {
    return {};  // of nothing that the worlds export: a function of the module's own
  }
  const engine::FuncType* type = module_.export_type(name);
  if (type == nullptr || *type != engine::FuncType{{engine::ValType::I32}, {}}) {
    return fail(
        ErrorKind::InvalidInput,
        "the destructor \"{}\" must take one i32 and return nothing",
        printable(name)
    );
  }
  graph().resources[*defined].destructor =
      CoreRef{CoreRef::Source::Export, CoreKind::Func, instance_, name};
  return {};
}

Result<FuncItem> CoreLinker::lift_plain(
    std::string_view name, const CoreExportName& parts, const FuncItem* declared
) {
  GraphLift out;
  out.func = CoreRef{CoreRef::Source::Export, CoreKind::Func, instance_, name};
  out.component_index = component_;
  const engine::FuncType* type = module_.export_type(name);
  if (declared != nullptr) {
    out.shape = declared->shape;
  } else if (type != nullptr && type->results.size() <= 1) {
    out.shape = guess_shape(*type);
    out.shape_known = false;
  } else {
    return without_type(name);
  }
  const GraphHost own = options(Side::Exports);
  out.memory = own.memory;
  out.realloc = own.realloc;
  out.encoding = worlds_.encoding(Side::Exports, parts.interface, parts.function);
  out.post_return = own_export(post_return_name(name), CoreKind::Func);
  WHORL_TRY(const std::uint32_t index, linker_.add_lift(std::move(out), module_.base()));
  FuncItem func;
  func.shape = graph().lifts[index].shape;
  func.lift = index;
  return func;
}

InstanceRef CoreLinker::exports() const {
  std::vector<std::pair<std::string_view, std::shared_ptr<InstanceItem>>> instances;
  const auto instance_named = [&](std::string_view name) -> InstanceItem& {
    const auto at =
        std::ranges::find_if(instances, [&](const auto& known) { return known.first == name; });
    return at != instances.end()
               ? *at->second
               : *instances.emplace_back(name, std::make_shared<InstanceItem>()).second;
  };
  auto out = std::make_shared<InstanceItem>();
  for (const World& world : worlds_.all()) {
    for (const auto& [name, item] : world.exports) {
      if (const auto* instance = std::get_if<InstanceRef>(&item)) {
        InstanceItem& types = instance_named(name);
        for (const auto& [inner, what] : (*instance)->exports) {
          if (std::holds_alternative<TypeItem>(what) && types.find(inner) == nullptr) {
            types.add(inner, what);
          }
        }
      } else if (std::holds_alternative<TypeItem>(item) && out->find(name) == nullptr) {
        out->add(name, item);
      }
    }
  }
  for (const Lifted& lifted : lifted_) {
    InstanceItem& into = lifted.interface.empty() ? *out : instance_named(lifted.interface);
    if (into.find(lifted.func) == nullptr) {
      into.add(lifted.func, lifted.item);
    }
  }
  for (auto& [name, instance] : instances) {
    if (out->find(name) == nullptr) {
      out->add(name, InstanceRef(std::move(instance)));
    }
  }
  return out;
}

Result<> CoreLinker::initialize() {
  const auto func = own_export(kInitializers, CoreKind::Func);
  if (!func) {
    return {};
  }
  if (const auto* type = module_.export_type(func->name);
      type == nullptr || *type != engine::FuncType{}) {
    return fail(
        ErrorKind::InvalidInput, "`{}` must take and return nothing", printable(func->name)
    );
  }
  graph().starts.push_back(*func);
  return {};
}

}  // namespace whorl::component
