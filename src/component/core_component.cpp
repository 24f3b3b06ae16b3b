// Bare core modules as components: their names say what a component's sections would (engine.md
// E.7). @spec wit-component's name mangling, as engine.md E.7 sums it up
#include "component/binary.hpp"
#include "component/composition.hpp"
#include "component/diagnose.hpp"
#include "component/graph.hpp"
#include "component/legacy_abi.hpp"
#include "component/linker.hpp"
#include "component/names.hpp"
#include "component/plan.hpp"
#include "component/reader.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace whorl::component {
namespace {

constexpr std::string_view kDrop = "[resource-drop]";
constexpr std::string_view kPostReturn = "cabi_post_";
constexpr std::string_view kRealloc = "cabi_realloc";
constexpr std::string_view kMemory = "memory";
constexpr std::string_view kInitialize = "_initialize";
/// The entry of a command; such a module has no `_initialize`.
constexpr std::string_view kStart = "_start";

/// Marks of names that only asynchronous modules use.
constexpr std::array<std::string_view, 12> kAsyncMarks = {
    "[async-lower]",
    "[async-lift",
    "[task-",
    "[subtask-",
    "[stream-",
    "[future-",
    "[waitable-",
    "[context-",
    "[backpressure-",
    "[thread-",
    "[callback]",
    "[error-context-"
};

bool is_async_name(std::string_view name) noexcept {
  return std::ranges::any_of(kAsyncMarks, [&](std::string_view mark) {
    return name.starts_with(mark) || name.find(mark) != std::string_view::npos;
  });
}

/// A module "ns:pkg/iface@1.2.3" and "func" import, or a "ns:pkg/iface@1.2.3#func" export.
struct ExportName {
  std::string_view interface;
  std::string_view func;
};
ExportName split_export(std::string_view name) noexcept {
  const std::size_t at = name.rfind('#');
  return at == std::string_view::npos ? ExportName{{}, name}
                                      : ExportName{name.substr(0, at), name.substr(at + 1)};
}

Error unknown_import(const CoreImport& import) {
  return fail(
             ErrorKind::Unsupported,
             "the core module imports \"{}\" \"{}\", which is not an interface of the host",
             printable(import.module),
             printable(import.name)
  )
      .with_help("turn the module into a component, or build it for WASI 0.2");
}

class CoreLinker {
 public:
  /// @param component  the component instance that the module makes up
  CoreLinker(
      const HostRegistry& registry, Linker& linker, CoreModule module, std::uint16_t component
  )
      : registry_(registry), linker_(linker), module_(std::move(module)), component_(component) {}

  /// @return what it exports; by its world only, if it has one
  [[nodiscard]] Result<InstanceRef> run() && {
    graph().modules.push_back(module_);
    WHORL_CHECKED(refuse_unknown());
    for (const ComponentTypeSection& section : module_.component_types()) {
      WHORL_CHECKED(
          read_world(section).context("in the custom section \"{}\"", printable(section.name))
      );
    }
    // Host functions name this instance's memory before it exists, as after an elision.
    instance_ = static_cast<std::uint32_t>(graph().instances.size());
    graph().instances.push_back({static_cast<std::uint32_t>(graph().modules.size() - 1), {}});
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

 private:
  [[nodiscard]] Graph& graph() noexcept { return linker_.graph(); }

  [[nodiscard]] Result<> refuse_unknown() const {
    const auto& imports = module_.imports();
    for (const CoreImport& import : imports) {
      if (is_async_name(import.name)) {
        return fail(
                   ErrorKind::Unsupported,
                   "the core module uses the asynchronous import \"{}\"",
                   printable(import.name)
        )
            .with_help(kAsyncHelp);
      }
    }
    return {};
  }

  [[nodiscard]] Result<> read_world(const ComponentTypeSection& section) {
    WHORL_TRY(const auto root, decode_component(section.payload, section.offset));
    if (root->wit_encoding.size() >= 2 && root->wit_encoding[1] != 0) {
      return unsupported(section.offset, "the module wants its strings in UTF-16")
          .with_help("only UTF-8 strings are supported yet; build with string-encoding=utf8");
    }
    WHORL_TRY(World world, linker_.read_world(*root));
    for (auto& [name, item] : world.imports) {
      imports_.emplace(name, std::move(item));
    }
    for (auto& [name, item] : world.exports) {
      exports_.emplace(name, std::move(item));
    }
    worlds_.push_back(std::move(world));
    return {};
  }

  /// A function of the world, or null: `interface` is empty for a function of the world itself.
  [[nodiscard]] static const FuncItem* find_func(
      const std::unordered_map<std::string_view, Item>& in,
      std::string_view interface,
      std::string_view func
  ) {
    const auto found = in.find(interface.empty() ? func : interface);
    if (found == in.end()) {
      return nullptr;
    }
    if (interface.empty()) {
      return std::get_if<FuncItem>(&found->second);
    }
    const auto* instance = std::get_if<InstanceRef>(&found->second);
    const Item* item = instance == nullptr ? nullptr : (*instance)->find(func);
    return item == nullptr ? nullptr : std::get_if<FuncItem>(item);
  }

  [[nodiscard]] GraphHost options() const {
    GraphHost out;
    out.component_index = component_;
    out.memory = own_export(kMemory, CoreKind::Memory);
    out.realloc = out.memory ? own_export(kRealloc, CoreKind::Func) : std::nullopt;
    if (out.memory && !out.realloc) {
      out.realloc = own_export(kLegacyRealloc, CoreKind::Func);
    }
    return out;
  }

  [[nodiscard]] std::optional<CoreRef> own_export(std::string_view name, CoreKind kind) const {
    const auto found = module_.exports().find(name);
    if (found == module_.exports().end() || found->second.kind != kind) {
      return std::nullopt;
    }
    return CoreRef{CoreRef::Source::Export, kind, instance_, found->first};
  }

  [[nodiscard]] Result<CoreRef> bind(const CoreImport& import) {
    const auto core = registry_.find_core_module(core_module_name(import.module));
    const LegacyName* legacy = find_legacy_import(import.module, import.name);
    const bool is_known =
        core.has_value() || legacy != nullptr || parse_interface_name(import.module).has_value();
    if (import.type.kind != CoreKind::Func || !is_known) {
      return unknown_import(import);
    }
    auto lowered = core                ? lower_core(import, *core)
                   : legacy != nullptr ? lower_legacy(*legacy)
                                       : lower(import);
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

  [[nodiscard]] Result<CoreRef> lower(const CoreImport& import) {
    const std::uint64_t offset = module_.base();
    const FuncItem* declared = find_func(imports_, import.module, import.name);
    if (declared != nullptr && (declared->lift || declared->is_announced)) {
      return linker_.lower(*declared, options(), offset);
    }
    if (const ResourceRef dropped = declared_resource(import)) {
      return linker_.lower_drop(dropped, component_, offset);
    }
    if (const FuncItem* given = declared == nullptr ? given_func(import) : nullptr) {
      return linker_.lower(*given, options(), offset);
    }
    WHORL_TRY(const HostRegistry::Match match, linker_.find_interface(import.module, offset));
    if (import.name.starts_with(kDrop)) {
      const std::string_view name = import.name.substr(kDrop.size());
      for (const HostResourceDesc& offered : match.interface->resources) {
        if (name == offered.tag->name) {
          return linker_.lower_drop(offered.type(), component_, offset);
        }
      }
      return unknown_import(import);
    }
    FuncItem func;
    if (declared != nullptr) {
      func = *declared;
    } else {
      func.shape = offered_shape(*match.interface, import.name);
      func.is_announced = func.is_denied =
          linker_.part().denies(parse_interface_name(import.module)->interface);
    }
    func.host = match;
    func.interface = import.module;
    func.name = import.name;
    if (func.shape == nullptr) {
      return explain_missing_function(*match.interface, import.module, import.name, offset);
    }
    return linker_.lower_host(func, options(), offset);
  }

  /// An import of a module of 2022.
  [[nodiscard]] Result<CoreRef> lower_legacy(const LegacyName& import) {
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

  /// The resource of the world whose drop is imported; null if that is not what is imported, or the
  /// world does not say.
  [[nodiscard]] ResourceRef declared_resource(const CoreImport& import) const {
    const auto found = imports_.find(import.module);
    const auto* instance =
        found == imports_.end() ? nullptr : std::get_if<InstanceRef>(&found->second);
    if (instance == nullptr || !import.name.starts_with(kDrop)) {
      return nullptr;
    }
    const Item* item = (*instance)->find(import.name.substr(kDrop.size()));
    const auto* type = item == nullptr ? nullptr : std::get_if<TypeItem>(item);
    return type == nullptr ? nullptr : type->resource;
  }

  /// What another part has for an import that no world describes; null if there is nothing.
  [[nodiscard]] const FuncItem* given_func(const CoreImport& import) const {
    const auto& given = linker_.part().given;
    const auto found = given.find(import.module);
    const auto* instance =
        found == given.end() ? nullptr : std::get_if<InstanceRef>(&found->second.item);
    const Item* item = instance == nullptr ? nullptr : (*instance)->find(import.name);
    return item == nullptr ? nullptr : std::get_if<FuncItem>(item);
  }

  /// Preview 1 has no interfaces that could be denied one by one: the host has it in variants.
  [[nodiscard]] std::string_view core_module_name(std::string_view name) const {
    const PartImports& part = linker_.part();
    const bool files = !part.denies(kFilesInterface);
    const bool environment = !part.denies(kEnvironmentInterface);
    if (name != kPreview1Variants[3] || (files && environment)) {
      return name;
    }
    return kPreview1Variants[(files ? 1 : 0) + (environment ? 2 : 0)];
  }

  /// A function of a core-level host module: given as it is, its type is compared afterwards.
  [[nodiscard]] Result<CoreRef> lower_core(
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

  [[nodiscard]] static std::shared_ptr<const FuncShape> offered_shape(
      const HostInterface& interface, std::string_view name
  ) {
    for (const HostFunction& candidate : interface.functions) {
      if (name == candidate.name) {
        return std::make_shared<const FuncShape>(candidate.shape());
      }
    }
    return nullptr;
  }

  /// What a function takes, told from its core type alone.
  [[nodiscard]] static std::shared_ptr<const FuncShape> guess_shape(const engine::FuncType& type) {
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

  [[nodiscard]] Result<> lift(std::string_view name) {
    const CoreExport* item = module_.find_export(name);
    const LegacyName* legacy = find_legacy_export(name);
    const ExportName parts =
        legacy != nullptr ? ExportName{legacy->interface, legacy->function} : split_export(name);
    if (item->kind != CoreKind::Func || name.starts_with(kPostReturn)) {
      return {};
    }
    if (is_async_name(name)) {
      return fail(
                 ErrorKind::Unsupported,
                 "the core module exports the asynchronous function \"{}\"",
                 printable(name)
      )
          .with_help(kAsyncHelp);
    }
    const FuncItem* declared = find_func(exports_, parts.interface, parts.func);
    const auto interface = parse_interface_name(parts.interface);
    if (declared == nullptr && !interface && name != kStart) {
      return {};  // an export of the module's own: memory helpers and the like
    }
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
      return fail(
          ErrorKind::InvalidInput, "export \"{}\" has no type a component has", printable(name)
      );
    }
    const GraphHost own = options();
    out.memory = own.memory;
    out.realloc = own.realloc;
    const std::string post_return = std::string(kPostReturn) + std::string(name);
    out.post_return = own_export(post_return, CoreKind::Func);
    WHORL_TRY(
        const std::uint32_t index,
        linker_.add_lift(std::move(out), module_.base()).context("export \"{}\"", printable(name))
    );
    FuncItem func;
    func.shape = graph().lifts[index].shape;
    func.lift = index;
    lifted_.push_back({parts.interface, parts.func, std::move(func)});
    return {};
  }

  /// The types of the world's exports, and the functions that the module has for them.
  [[nodiscard]] InstanceRef exports() const {
    std::vector<std::pair<std::string_view, std::shared_ptr<InstanceItem>>> instances;
    auto out = std::make_shared<InstanceItem>();
    for (const World& world : worlds_) {
      for (const auto& [name, moved] : world.exports) {
        const Item& item = exports_.at(name);
        if (const auto* instance = std::get_if<InstanceRef>(&item)) {
          auto& types = instances.emplace_back(name, std::make_shared<InstanceItem>()).second;
          for (const auto& [inner, what] : (*instance)->exports) {
            if (std::holds_alternative<TypeItem>(what)) {
              types->add(inner, what);
            }
          }
        } else if (std::holds_alternative<TypeItem>(item)) {
          out->add(name, item);
        }
      }
    }
    for (const Lifted& lifted : lifted_) {
      if (lifted.interface.empty()) {
        out->add(lifted.func, lifted.item);
        continue;
      }
      auto at = std::ranges::find_if(instances, [&](const auto& known) {
        return known.first == lifted.interface;
      });
      if (at == instances.end()) {
        instances.emplace_back(lifted.interface, std::make_shared<InstanceItem>());
        at = std::prev(instances.end());
      }
      at->second->add(lifted.func, lifted.item);
    }
    for (auto& [name, instance] : instances) {
      if (out->find(name) == nullptr) {
        out->add(name, InstanceRef(std::move(instance)));
      }
    }
    return out;
  }

  [[nodiscard]] Result<> initialize() {
    const auto func = own_export(kInitialize, CoreKind::Func);
    if (!func) {
      return {};
    }
    if (const auto* type = module_.export_type(kInitialize);
        type == nullptr || *type != engine::FuncType{}) {
      return fail(ErrorKind::InvalidInput, "`_initialize` must take and return nothing");
    }
    graph().starts.push_back(*func);
    return {};
  }

  [[nodiscard]] static Error nothing_to_call() {
    return fail(
               ErrorKind::InvalidInput,
               "the core module exports no function of an interface, such as "
               "\"wasi:http/incoming-handler@0.2.0#handle\""
    )
        .with_help("build it as a component that exports a handler");
  }

  /// A function of the module as a component's.
  struct Lifted {
    std::string_view interface;
    std::string_view func;
    FuncItem item;
  };

  const HostRegistry& registry_;
  Linker& linker_;
  CoreModule module_;
  std::uint16_t component_;
  std::uint32_t instance_ = 0;  ///< entry of Graph::instances
  std::vector<Lifted> lifted_;
  std::vector<World> worlds_;
  std::unordered_map<std::string_view, Item> imports_;
  std::unordered_map<std::string_view, Item> exports_;
};

}  // namespace

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
