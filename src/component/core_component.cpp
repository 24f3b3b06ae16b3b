// Bare core modules as components: their worlds and imports.
#include "component/composition.hpp"
#include "component/core_linker.hpp"
#include "component/diagnose.hpp"
#include "component/graph.hpp"
#include "component/names.hpp"
#include "component/plan.hpp"
#include "component/reader.hpp"

#include <array>

namespace whorl::component {
namespace {

constexpr auto kMemories = std::to_array<std::string_view>({"memory", "cm32p2_memory"});
// The first that there is.
constexpr auto kImportReallocs =
    std::to_array<std::string_view>({"cabi_import_realloc", "cabi_realloc", "cm32p2_realloc"});
constexpr auto kExportReallocs =
    std::to_array<std::string_view>({"cabi_export_realloc", "cabi_realloc", "cm32p2_realloc"});
constexpr std::array kLegacyReallocs = {kLegacyRealloc};

Error nothing_to_call() {
  return fail(
             ErrorKind::InvalidInput,
             "the core module exports no function of an interface, such as "
             "\"wasi:http/incoming-handler@0.2.0#handle\""
  )
      .with_help("build it as a component that exports a handler");
}

}  // namespace

std::shared_ptr<const FuncShape> offered_shape(
    const HostInterface& interface, std::string_view name
) {
  for (const HostFunction& candidate : interface.functions) {
    if (name == candidate.name) {
      return std::make_shared<const FuncShape>(candidate.shape());
    }
  }
  return nullptr;
}

CoreLinker::CoreLinker(
    const HostRegistry& registry, Linker& linker, CoreModule module, std::uint16_t component
)
    : registry_(registry),
      linker_(linker),
      module_(std::move(module)),
      component_(component),
      worlds_(component) {}

Result<InstanceRef> CoreLinker::run() && {
  graph().modules.push_back(module_);
  for (const ComponentTypeSection& section : module_.component_types()) {
    WHORL_CHECKED(worlds_.read(linker_, section)
                      .context("in the custom section \"{}\"", printable(section.name)));
  }
  // Host functions name this instance's memory before it exists, as after an elision.
  instance_ = static_cast<std::uint32_t>(graph().instances.size());
  graph().instances.push_back({static_cast<std::uint32_t>(graph().modules.size() - 1), {}});
  make_frame();
  for (const CoreImport& import : module_.imports()) {
    WHORL_TRY(const CoreRef ref, bind(import));
    graph().instances[instance_].imports.push_back(ref);
  }
  for (const std::string_view name : module_.export_names()) {
    WHORL_CHECKED(lift(name));
  }
  if (own_export(kLegacyReallocs, CoreKind::Func)) {
    graph().legacy_components.push_back(component_);
  }
  if (lifted_.empty()) {
    return nothing_to_call();
  }
  WHORL_CHECKED(initialize());
  return exports();
}

GraphHost CoreLinker::options(Side side) const {
  GraphHost out;
  out.component_index = component_;
  out.memory = own_export(kMemories, CoreKind::Memory);
  if (!out.memory) {
    return out;
  }
  out.realloc =
      own_export(side == Side::Imports ? kImportReallocs : kExportReallocs, CoreKind::Func);
  if (!out.realloc) {
    out.realloc = own_export(kLegacyReallocs, CoreKind::Func);
  }
  return out;
}

std::optional<CoreRef> CoreLinker::own_export(std::string_view name, CoreKind kind) const {
  const auto found = module_.exports().find(name);
  if (found == module_.exports().end() || found->second.kind != kind) {
    return std::nullopt;
  }
  return CoreRef{CoreRef::Source::Export, kind, instance_, found->first};
}

std::optional<CoreRef> CoreLinker::own_export(
    std::span<const std::string_view> names, CoreKind kind
) const {
  for (const std::string_view name : names) {
    if (const auto found = own_export(name, kind)) {
      return found;
    }
  }
  return std::nullopt;
}

Error CoreLinker::unknown_import(const CoreImport& import) const {
  return fail(
             ErrorKind::Unsupported,
             "the core module imports \"{}\" \"{}\", which is not an interface of the host",
             printable(import.module),
             printable(import.name)
  )
      .with_help("turn the module into a component, or build it for WASI 0.2");
}

Result<CoreRef> CoreLinker::bind(const CoreImport& import) {
  const auto core = registry_.find_core_module(core_module_name(import.module));
  const LegacyName* legacy = find_legacy_import(import.module, import.name);
  if (import.type.kind != CoreKind::Func) {
    return unknown_import(import);
  }
  auto lowered = core                ? lower_core(import, *core)
                 : legacy != nullptr ? lower_legacy(*legacy)
                                     : bind_component(import);
  WHORL_TRY(const CoreRef ref, std::move(lowered));
  const std::string mismatch = explain_binding(graph(), module_, import, ref);
  if (!mismatch.empty()) {
    return fail(
        ErrorKind::InvalidInput,
        "import \"{}\" \"{}\" of the core module {}",
        printable(import.module),
        printable(import.name),
        mismatch
    );
  }
  return ref;
}

Result<CoreRef> CoreLinker::bind_component(const CoreImport& import) {
  auto module = parse_core_module(import.module);
  if (!module) {
    return unknown_import(import);
  }
  const Side side = module->for_exports ? Side::Exports : Side::Imports;
  const std::string_view interface = worlds_.resolve(side, module->interface);
  module->interface = interface;
  const bool is_known =
      interface.empty() || parse_interface_name(interface) || worlds_.has(side, interface);
  const auto name =
      is_known ? parse_core_import(module->scheme, import.name) : std::optional<CoreImportName>();
  if (!name) {
    return unknown_import(import);
  }
  switch (name->op) {
    case ir::CanonOp::Lower:
      break;
    case ir::CanonOp::ResourceNew:
    case ir::CanonOp::ResourceRep:
    case ir::CanonOp::ResourceDrop:
      return lower_resource(import, *module, *name);
    default:
      return lower_builtin(import, *module, *name);
  }
  if (module->for_exports ||
      (interface.empty() && worlds_.find_func(Side::Imports, {}, name->function) == nullptr)) {
    return unknown_import(import);
  }
  WHORL_TRY(const FuncItem func, imported_func(interface, name->function));
  const StringEncoding encoding = worlds_.encoding(Side::Imports, interface, name->function);
  if (name->is_async) {
    return lower_async(func, encoding);
  }
  GraphHost own = options(Side::Imports);
  own.encoding = encoding;
  return linker_.lower(func, std::move(own), module_.base());
}

Result<CoreRef> CoreLinker::lower_resource(
    const CoreImport& import, const CoreImportModule& module, const CoreImportName& name
) {
  if (!module.for_exports) {
    return name.op == ir::CanonOp::ResourceDrop
               ? lower_drop(import, module.interface, name.function)
               : Result<CoreRef>(unknown_import(import));
  }
  const auto defined = worlds_.defined_resource(module.interface, name.function);
  if (!defined) {
    return fail(
               ErrorKind::InvalidInput,
               "the core module imports \"{}\" \"{}\", but its world exports no such resource",
               printable(import.module),
               printable(import.name)
    )
        .with_help("keep the component-type section of the module: it says what it exports");
  }
  TypeItem type;
  type.kind = TypeItem::Kind::Resource;
  type.resource = graph().resources[*defined].type;
  ir::Canon canon;
  canon.op = name.op;
  canon.type = push_type(std::move(type));
  return define(canon);
}

Result<CoreRef> CoreLinker::lower_drop(
    const CoreImport& import, std::string_view interface, std::string_view resource
) {
  const std::uint64_t offset = module_.base();
  if (const ResourceRef dropped = worlds_.imported_resource(interface, resource)) {
    return linker_.lower_drop(dropped, component_, offset);
  }
  if (const Item* given = given_item(interface, resource)) {
    const auto* type = std::get_if<TypeItem>(given);
    if (type != nullptr && type->resource != nullptr) {
      return linker_.lower_drop(type->resource, component_, offset);
    }
  }
  WHORL_TRY(const HostRegistry::Match match, linker_.find_interface(interface, offset));
  for (const HostResourceDesc& offered : match.interface->resources) {
    if (resource == offered.tag->name) {
      return linker_.lower_drop(offered.type(), component_, offset);
    }
  }
  return unknown_import(import);
}

Result<FuncItem> CoreLinker::imported_func(std::string_view interface, std::string_view name) {
  const FuncItem* declared = worlds_.find_func(Side::Imports, interface, name);
  if (declared != nullptr && (interface.empty() || declared->lift || declared->is_announced)) {
    return *declared;
  }
  if (const Item* given = declared == nullptr ? given_item(interface, name) : nullptr) {
    if (const auto* func = std::get_if<FuncItem>(given)) {
      return *func;
    }
  }
  const std::uint64_t offset = module_.base();
  WHORL_TRY(const HostRegistry::Match match, linker_.find_interface(interface, offset));
  FuncItem func;
  if (declared != nullptr) {
    func = *declared;
  } else {
    func.shape = offered_shape(*match.interface, name);
    func.is_announced = func.is_denied =
        linker_.part().denies(parse_interface_name(interface)->interface);
  }
  func.host = match;
  func.interface = interface;
  func.name = name;
  if (func.shape == nullptr) {
    return explain_missing_function(*match.interface, interface, name, offset);
  }
  return func;
}

Result<CoreRef> CoreLinker::lower_legacy(const LegacyName& import) {
  if (const Item* given = given_item(import.interface, import.function)) {
    if (const auto* provided = std::get_if<FuncItem>(given)) {
      return linker_.lower(*provided, options(Side::Imports), module_.base());
    }
  }
  FuncItem func;
  func.interface = import.interface;
  func.name = import.function;
  func.host = registry_.find(import.interface, {});
  func.is_denied = linker_.part().denies(import.interface);
  func.is_announced = func.is_denied || !func.host;
  func.shape =
      func.host ? offered_shape(*func.host->interface, import.function) : legacy_shape(import);
  if (func.shape == nullptr) {
    return fail(
        ErrorKind::Unsupported,
        "the core module imports \"{}\" \"{}\", and the host does not offer {}",
        import.module,
        import.name,
        import.interface
    );
  }
  return linker_.lower(func, options(Side::Imports), module_.base());
}

const Item* CoreLinker::given_item(std::string_view interface, std::string_view name) const {
  const auto& given = linker_.part().given;
  const auto found = given.find(interface);
  const auto* instance =
      found == given.end() ? nullptr : std::get_if<InstanceRef>(&found->second.item);
  return instance == nullptr ? nullptr : (*instance)->find(name);
}

std::string_view CoreLinker::core_module_name(std::string_view name) const {
  const PartImports& part = linker_.part();
  const bool files = !part.denies(kFilesInterface);
  const bool environment = !part.denies(kEnvironmentInterface);
  if (name != kPreview1Variants[3] || (files && environment)) {
    return name;
  }
  return kPreview1Variants[(files ? 1 : 0) + (environment ? 2 : 0)];
}

Result<CoreRef> CoreLinker::lower_core(
    const CoreImport& import, const HostRegistry::CoreMatch& match
) {
  const CoreHostFunction* function = match.module->find(import.name);
  if (function == nullptr) {
    return unknown_import(import);
  }
  GraphHost host = options(Side::Imports);
  host.realloc = std::nullopt;
  host.kind = GraphHost::Kind::CoreFunction;
  host.core_function = function;
  host.host_slot = match.host_slot;
  host.type = function->type();
  host.label = fmt::format("{} {}", import.module, import.name);
  auto& hosts = graph().hosts;
  hosts.push_back(std::move(host));
  const auto index = static_cast<std::uint32_t>(hosts.size() - 1);
  return CoreRef{CoreRef::Source::Host, CoreKind::Func, index, {}};
}

Result<InstanceRef> link_core_part(
    const HostRegistry& registry, Linker& linker, ByteView bytes, std::uint16_t component
) {
  WHORL_TRY(CoreModule module, CoreModule::scan(bytes));
  return CoreLinker(registry, linker, std::move(module), component).run();
}

Result<Graph> link_core_module(const HostRegistry& registry, ByteView bytes) {
  Linker linker(registry);
  linker.begin_composition();
  WHORL_TRY(const InstanceRef exports, link_core_part(registry, linker, bytes, 0));
  WHORL_CHECKED(linker.export_root(*exports));
  return std::move(linker.graph());
}

}  // namespace whorl::component
