// Bare core modules as components: their worlds and imports.
#include "component/binary.hpp"
#include "component/composition.hpp"
#include "component/core_linker.hpp"
#include "component/diagnose.hpp"
#include "component/graph.hpp"
#include "component/names.hpp"
#include "component/plan.hpp"
#include "component/reader.hpp"

#include <iterator>

namespace whorl::component {
namespace {

constexpr std::string_view kDrop = "[resource-drop]";
constexpr std::string_view kRealloc = "cabi_realloc";
constexpr std::string_view kMemory = "memory";

Error nothing_to_call() {
  return fail(
             ErrorKind::InvalidInput,
             "the core module exports no function of an interface, such as "
             "\"wasi:http/incoming-handler@0.2.0#handle\""
  )
      .with_help("build it as a component that exports a handler");
}

/// The interface that the module of an import names; empty for the world itself.
std::string_view interface_of(std::string_view module) noexcept {
  return module == kRootModule ? std::string_view() : module;
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
    : registry_(registry), linker_(linker), module_(std::move(module)), component_(component) {}

Result<InstanceRef> CoreLinker::run() && {
  graph().modules.push_back(module_);
  for (const ComponentTypeSection& section : module_.component_types()) {
    WHORL_CHECKED(
        read_world(section).context("in the custom section \"{}\"", printable(section.name))
    );
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
  if (own_export(kLegacyRealloc, CoreKind::Func)) {
    graph().legacy_components.push_back(component_);
  }
  if (lifted_.empty()) {
    return nothing_to_call();
  }
  WHORL_CHECKED(initialize());
  return exports();
}

Result<> CoreLinker::read_world(const ComponentTypeSection& section) {
  WHORL_TRY(const auto root, decode_component(section.payload, section.offset));
  if (root->wit_encoding.size() >= 2 && root->wit_encoding[1] != 0) {
    return unsupported(section.offset, "the module wants its strings in UTF-16")
        .with_help("only UTF-8 strings are supported yet; build with string-encoding=utf8");
  }
  WHORL_TRY(World world, linker_.read_world(*root));
  for (auto& [name, item] : world.imports) {
    imports_[name].push_back(item);
  }
  for (auto& [name, item] : world.exports) {
    exports_[name].push_back(item);
  }
  worlds_.push_back(std::move(world));
  return {};
}

const FuncItem* CoreLinker::find_func(
    const Items& in, std::string_view interface, std::string_view func
) {
  const auto found = in.find(interface.empty() ? func : interface);
  if (found == in.end()) {
    return nullptr;
  }
  for (const Item& item : found->second) {
    if (interface.empty()) {
      return std::get_if<FuncItem>(&item);
    }
    const auto* instance = std::get_if<InstanceRef>(&item);
    const Item* inner = instance == nullptr ? nullptr : (*instance)->find(func);
    if (inner != nullptr) {
      return std::get_if<FuncItem>(inner);
    }
  }
  return nullptr;
}

GraphHost CoreLinker::options() const {
  GraphHost out;
  out.component_index = component_;
  out.memory = own_export(kMemory, CoreKind::Memory);
  out.realloc = out.memory ? own_export(kRealloc, CoreKind::Func) : std::nullopt;
  if (out.memory && !out.realloc) {
    out.realloc = own_export(kLegacyRealloc, CoreKind::Func);
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
  const bool for_exports = import.module.starts_with(kExportMark);
  const std::string_view module =
      for_exports ? import.module.substr(kExportMark.size()) : import.module;
  if (module != kRootModule && !parse_interface_name(module)) {
    return unknown_import(import);
  }
  const auto name = parse_core_import(import.name);
  if (!name) {
    return unknown_import(import);
  }
  if (name->op != ir::CanonOp::Lower) {
    return lower_builtin(import, *name);
  }
  const std::string_view interface = interface_of(module);
  if (name->function.starts_with("[resource-")) {
    if (for_exports) {
      return fail(
                 ErrorKind::Unsupported,
                 "the core module defines a resource: \"{}\" of \"{}\"",
                 printable(name->function),
                 printable(module)
      )
          .with_help("turn the module into a component (wasm-tools component new)");
    }
    if (name->function.starts_with(kDrop) && !name->is_async) {
      return lower_drop(import, interface, name->function.substr(kDrop.size()));
    }
  }
  if (for_exports || (interface.empty() && find_func(imports_, {}, name->function) == nullptr)) {
    return unknown_import(import);
  }
  WHORL_TRY(const FuncItem func, imported_func(interface, name->function));
  return name->is_async ? lower_async(func) : linker_.lower(func, options(), module_.base());
}

Result<CoreRef> CoreLinker::lower_drop(
    const CoreImport& import, std::string_view interface, std::string_view resource
) {
  const std::uint64_t offset = module_.base();
  if (const ResourceRef dropped = declared_resource(interface, resource)) {
    return linker_.lower_drop(dropped, component_, offset);
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
  const FuncItem* declared = find_func(imports_, interface, name);
  if (declared != nullptr && (interface.empty() || declared->lift || declared->is_announced)) {
    return *declared;
  }
  if (const FuncItem* given = declared == nullptr ? given_func(interface, name) : nullptr) {
    return *given;
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
  return linker_.lower(func, options(), module_.base());
}

ResourceRef CoreLinker::declared_resource(std::string_view interface, std::string_view name) const {
  const auto found = imports_.find(interface.empty() ? name : interface);
  if (found == imports_.end()) {
    return nullptr;
  }
  for (const Item& item : found->second) {
    const auto* instance = std::get_if<InstanceRef>(&item);
    const Item* inner = interface.empty()     ? &item
                        : instance == nullptr ? nullptr
                                              : (*instance)->find(name);
    const auto* type = inner == nullptr ? nullptr : std::get_if<TypeItem>(inner);
    if (type != nullptr) {
      return type->resource;
    }
  }
  return nullptr;
}

const FuncItem* CoreLinker::given_func(std::string_view interface, std::string_view name) const {
  const auto& given = linker_.part().given;
  const auto found = given.find(interface);
  const auto* instance =
      found == given.end() ? nullptr : std::get_if<InstanceRef>(&found->second.item);
  const Item* item = instance == nullptr ? nullptr : (*instance)->find(name);
  return item == nullptr ? nullptr : std::get_if<FuncItem>(item);
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
  GraphHost host = options();
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
