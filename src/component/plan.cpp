#include "component/plan.hpp"

#include "component/binary.hpp"
#include "component/graph.hpp"
#include "component/guest_async_call.hpp"
#include "component/interpret.hpp"
#include "component/linker.hpp"
#include "component/native_preview1.hpp"
#include "component/reader.hpp"
#include "component/shim.hpp"

#include <algorithm>
#include <unordered_map>

namespace whorl::component {
namespace {

/// Types in the layouts of all functions that are called: bounds host memory.
constexpr std::size_t kMaxLaidOut = 500'000;

engine::HostFn task_thunk(GraphHost::Kind kind) noexcept {
  switch (kind) {
    case GraphHost::Kind::ContextGet:
      return &context_get_thunk;
    case GraphHost::Kind::ContextSet:
      return &context_set_thunk;
    case GraphHost::Kind::BackpressureInc:
      return &backpressure_inc_thunk;
    default:
      return &backpressure_dec_thunk;
  }
}

/// Numbers what the elision left over and writes it down.
class Planner {
 public:
  Planner(Graph graph, const HostRegistry& registry, const LoadOptions& options)
      : graph_(std::move(graph)), registry_(registry), options_(options) {
    plan_.payloads = std::make_unique<PayloadTable>();
  }

  [[nodiscard]] Result<Plan> run() && {
    const bool defer = can_defer_starts(graph_);
    const Elision elision = elide(defer);
    number_steps(elision);
    for (std::uint32_t i = 0; i < graph_.instances.size(); ++i) {
      WHORL_CHECKED(step(i, elision, defer));
    }
    for (const CoreRef& start : graph_.starts) {
      WHORL_CHECKED(deferred_start(start));
    }
    WHORL_CHECKED(resources());
    WHORL_CHECKED(hosts());
    WHORL_CHECKED(exports());
    components();
    return std::move(plan_);
  }

 private:
  /// Takes out what the host does without: shims, adapters.
  [[nodiscard]] Elision elide(bool defer) {
    if (options_.shims == ShimMode::Faithful) {
      return keep_shims(graph_);
    }
    Elision elision = elide_shims(graph_, defer);
    if (options_.adapters == AdapterMode::AsShipped) {
      return elision;
    }
    const std::vector<bool> replaced = replace_adapters(graph_, registry_);
    if (std::ranges::find(replaced, true) == replaced.end()) {
      return elision;
    }
    // Slots that led to an adapter lead to the host now, and can be bypassed.
    elision = elide_shims(graph_, defer);
    remove_adapters(graph_, replaced, elision.removed);
    return elision;
  }

  void components() {
    for (const std::uint16_t parent : graph_.component_parents) {
      Plan::ComponentInfo info;
      if (parent != CallSite::kNone) {
        info.parent = parent;
        info.depth = static_cast<std::uint16_t>(plan_.components[parent].depth + 1);
      }
      plan_.components.push_back(info);
    }
    for (const std::uint16_t component : graph_.legacy_components) {
      plan_.components[component].realloc_may_leave = true;
    }
  }

  void number_steps(const Elision& elision) {
    constexpr std::uint32_t kGone = ~std::uint32_t{0};
    std::uint32_t next = 0;
    for (std::uint32_t i = 0; i < graph_.instances.size(); ++i) {
      step_of_.push_back(elision.removed[i] ? kGone : next++);
      if (elision.removed[i]) {
        note("{} elided", describe_module(graph_, graph_.instances[i].module));
      }
    }
  }

  template <class... Args>
  void note(fmt::format_string<Args...> text, Args&&... args) {
    plan_.notes.push_back(fmt::format(text, std::forward<Args>(args)...));
  }

  [[nodiscard]] Result<> step(std::uint32_t index, const Elision& elision, bool defer) {
    if (elision.removed[index]) {
      if (elision.start[index]) {
        WHORL_CHECKED(deferred_start(*elision.start[index]));
      }
      return {};
    }
    const GraphInstance& instance = graph_.instances[index];
    const CoreModule& module = graph_.modules[instance.module];
    Plan::Step out;
    WHORL_TRY(out.module, add_module(instance.module, defer));
    for (std::size_t i = 0; i < instance.imports.size(); ++i) {
      out.imports.push_back(binding(module.imports()[i], instance.imports[i]));
    }
    plan_.steps.push_back(std::move(out));
    if (module.start() && defer) {
      WHORL_CHECKED(deferred_start({CoreRef::Source::Export, CoreKind::Func, index, kStartExport}));
    }
    return {};
  }

  [[nodiscard]] Result<std::uint32_t> add_module(std::uint32_t index, bool defer) {
    const auto known = modules_.find(index);
    if (known != modules_.end()) {
      return known->second;
    }
    const CoreModule& module = graph_.modules[index];
    Plan::Module out;
    const bool made = std::ranges::any_of(graph_.made, [&](const Bytes& bytes) {
      return bytes.data() == module.bytes().data();
    });
    if (made) {
      out.rewritten = Bytes(module.bytes().begin(), module.bytes().end());
    } else {
      out.original = module.bytes();
    }
    out.name = describe_module(graph_, index);
    if (module.start() && defer) {
      WHORL_TRY(out.rewritten, take_out_start(module).context("in {}", out.name));
      note("start function of {} put off", out.name);
    } else if (module.start()) {
      note("start function of {} runs in place", out.name);
    }
    plan_.modules.push_back(std::move(out));
    const auto number = static_cast<std::uint32_t>(plan_.modules.size() - 1);
    modules_.emplace(index, number);
    return number;
  }

  [[nodiscard]] Plan::Binding binding(const CoreImport& import, const CoreRef& ref) const {
    Plan::Binding out;
    out.module = import.module;
    out.name = import.name;
    if (ref.source == CoreRef::Source::Host) {
      out.host = ref.index;
    } else {
      out.instance = step_of_[ref.index];
      out.item = ref.name;
    }
    return out;
  }

  [[nodiscard]] Result<> deferred_start(const CoreRef& ref) {
    WHORL_TRY(const std::uint16_t slot, func_slot(ref));
    plan_.deferred_starts.push_back(slot);
    return {};
  }

  [[nodiscard]] Result<std::uint16_t> slot_in(std::vector<Plan::Slot>& slots, const CoreRef& ref) {
    Plan::Slot wanted;
    if (ref.source == CoreRef::Source::Host) {
      wanted.host = ref.index;
    } else {
      wanted.instance = step_of_[ref.index];
      wanted.item = ref.name;
    }
    const auto found = std::ranges::find(slots, wanted);
    if (found != slots.end()) {
      return static_cast<std::uint16_t>(found - slots.begin());
    }
    if (slots.size() >= CallSite::kNone) {
      return fail(ErrorKind::ResourceLimit, "the component uses too many memories or functions");
    }
    slots.push_back(wanted);
    return static_cast<std::uint16_t>(slots.size() - 1);
  }

  [[nodiscard]] Result<std::uint16_t> func_slot(const CoreRef& ref) {
    const std::size_t before = plan_.funcs.size();
    WHORL_TRY(const std::uint16_t slot, slot_in(plan_.funcs, ref));
    if (plan_.funcs.size() != before) {
      // Start functions are under a name that only the rewritten module has: they take nothing.
      const engine::FuncType* type = graph_.func_type(ref);
      plan_.func_types.push_back(type == nullptr ? engine::FuncType{} : *type);
    }
    return slot;
  }
  [[nodiscard]] Result<std::uint16_t> func_slot(const std::optional<CoreRef>& ref) {
    return ref ? func_slot(*ref) : Result<std::uint16_t>(CallSite::kNone);
  }
  [[nodiscard]] Result<std::uint16_t> memory_slot(const std::optional<CoreRef>& ref) {
    return ref ? slot_in(plan_.memories, *ref) : Result<std::uint16_t>(CallSite::kNone);
  }

  [[nodiscard]] Result<> resources() {
    for (const GraphResource& resource : graph_.resources) {
      WHORL_TRY(resource.type->dtor_slot, func_slot(resource.destructor));
    }
    return {};
  }

  [[nodiscard]] Result<> hosts() {
    for (GraphHost& host : graph_.hosts) {
      auto out = std::make_unique<HostImport>();
      WHORL_CHECKED(bind_host(host, *out));
      out->label = std::move(host.label);
      out->func.type = host.type;  // it is asked for again where the function is lifted
      plan_.hosts.push_back(std::move(out));
    }
    return {};
  }

  [[nodiscard]] Result<CallSite> call_site(const GraphHost& host) {
    CallSite out;
    out.host_slot = host.host_slot;
    out.component_index = host.component_index;
    out.encoding = host.encoding;
    WHORL_TRY(out.memory_slot, memory_slot(host.memory));
    WHORL_TRY(out.realloc_slot, func_slot(host.realloc));
    return out;
  }

  /// The thunk of a function and its environment.
  [[nodiscard]] Result<> bind_host(const GraphHost& host, HostImport& out) {
    using Kind = GraphHost::Kind;
    out.resource = {host.resource, host.component_index};
    out.func.env = &out.resource;
    switch (host.kind) {
      case Kind::Function:
      case Kind::CoreFunction: {
        WHORL_TRY(out.site, call_site(host));
        const bool is_core = host.kind == Kind::CoreFunction;
        out.func.call = is_core         ? host.core_function->thunk
                        : host.is_async ? host.function->async_thunk
                                        : host.function->thunk;
        plan_.uses_async = plan_.uses_async || (!is_core && host.function->async_thunk != nullptr);
        if (!is_core) {
          WHORL_CHECKED(payloads_of(host.function->shape()));
        }
        out.func.env = &out.site;
        return {};
      }
      case Kind::Announced: {
        WHORL_TRY(
            out.announced,
            make_announced(
                *host.shape,
                host.interface,
                host.name,
                host.is_denied ? Absence::Denied : Absence::NotThere
            )
        );
        WHORL_TRY(out.announced.site, call_site(host));
        out.announced.is_async = host.is_async;
        out.func.call = &announced_thunk;
        out.func.env = &out.announced;
        return {};
      }
      case Kind::HostDrop:
        out.drop = {host.drop, host.component_index};
        out.func.call = &drop_thunk;
        out.func.env = &out.drop;
        return {};
      case Kind::GuestCall: {
        WHORL_TRY(out.guest.caller, call_site(host));
        WHORL_TRY(out.guest.callee, lifted(host.lift, false));
        out.guest.callee.name = graph_.lifts[host.lift].label;
        out.guest.is_async = host.is_async;
        out.func.call =
            out.guest.callee.is_async_type ? &async_guest_call_thunk : &guest_call_thunk;
        out.func.env = &out.guest;
        return {};
      }
      case Kind::ResourceNew:
        out.func.call = &resource_new_thunk;
        return {};
      case Kind::ResourceDrop:
        out.func.call = &resource_drop_thunk;
        return {};
      case Kind::ResourceRep:
        out.func.call = &resource_rep_thunk;
        return {};
      case Kind::ContextGet:
      case Kind::ContextSet:
      case Kind::BackpressureInc:
      case Kind::BackpressureDec:
        out.task = host.task;
        out.func.env = &out.task;
        out.func.call = task_thunk(host.kind);
        plan_.uses_async = true;
        return {};
      case Kind::AsyncOp:
        return bind_async(host, out);
      case Kind::Abstract:
        break;
    }
    return fail(ErrorKind::Internal, "a function of the plan has no implementation");
  }

  [[nodiscard]] Result<> bind_async(const GraphHost& host, HostImport& out) {
    out.async = host.async;
    WHORL_TRY(out.async.site, call_site(host));
    if (host.table) {
      WHORL_TRY(out.async.table_slot, slot_in(plan_.tables, *host.table));
    }
    WHORL_TRY(out.async.payload, plan_.payloads->add(host.payload));
    WHORL_TRY(out.async.result_id, plan_.payloads->id_of(host.result));
    out.func.call = async_builtin(host.op);
    out.func.env = &out.async;
    plan_.uses_async = true;
    if (out.func.call == nullptr) {
      return fail(ErrorKind::Internal, "`{}` has no implementation", ir::to_string(host.op));
    }
    return {};
  }

  /// The types of streams and futures in the values of a host function.
  [[nodiscard]] Result<> payloads_of(const FuncShape& shape) {
    WHORL_TRY([[maybe_unused]] const auto layout, make_layout(shape, plan_.payloads.get()));
    return {};
  }

  /// @param with_shape  not for calls between components, which follow the layout
  [[nodiscard]] Result<ExportedFunc> lifted(std::uint32_t index, bool with_shape) {
    const GraphLift& lift = graph_.lifts[index];
    ExportedFunc out;
    if (with_shape) {
      out.shape = *lift.shape;
    }
    out.shape_known = lift.shape_known;
    out.core_type = lift.core_type;
    out.encoding = lift.encoding;
    WHORL_TRY(out.func_slot, func_slot(lift.func));
    WHORL_TRY(out.post_return_slot, func_slot(lift.post_return));
    WHORL_TRY(out.memory_slot, memory_slot(lift.memory));
    WHORL_TRY(out.realloc_slot, func_slot(lift.realloc));
    out.component_index = lift.component_index;
    WHORL_TRY(out.callback_slot, func_slot(lift.callback));
    out.is_async_type = lift.shape->is_async;
    out.is_async_lift = lift.is_async;
    WHORL_TRY(out.result_id, plan_.payloads->id_of(lift.shape->result));
    plan_.uses_async = plan_.uses_async || out.is_async_type;
    WHORL_TRY(out.layout, layout_of(index));
    return out;
  }

  /// Null where values cannot be passed by types alone.
  [[nodiscard]] Result<std::shared_ptr<const FuncLayout>> layout_of(std::uint32_t index) {
    const GraphLift& lift = graph_.lifts[index];
    if (!lift.shape_known) {
      return std::shared_ptr<const FuncLayout>();
    }
    auto& known = layouts_[lift.shape.get()];
    if (known == nullptr) {
      WHORL_TRY(known, make_layout(*lift.shape, plan_.payloads.get()));
      laid_out_ += known->types.size();
    }
    if (laid_out_ > kMaxLaidOut) {
      return fail(
          ErrorKind::ResourceLimit, "the component's functions have more than {} types", kMaxLaidOut
      );
    }
    return known;
  }

  [[nodiscard]] Result<> exports() {
    for (GraphExport& item : graph_.exports) {
      WHORL_TRY(ExportedFunc out, lifted(item.lift, true));
      out.interface = std::move(item.interface);
      out.version = std::move(item.version);
      out.name = std::move(item.name);
      plan_.exports.push_back(std::move(out));
    }
    return {};
  }

  Graph graph_;
  const HostRegistry& registry_;
  LoadOptions options_;
  Plan plan_;
  std::vector<std::uint32_t> step_of_;  ///< by core instance of the graph
  std::unordered_map<std::uint32_t, std::uint32_t> modules_;
  std::unordered_map<const FuncShape*, std::shared_ptr<const FuncLayout>> layouts_;
  std::size_t laid_out_ = 0;  ///< types in them
};

}  // namespace

bool Plan::Step::all_host() const noexcept {
  return std::ranges::all_of(imports, [](const Binding& binding) {
    return binding.host.has_value();
  });
}

Result<Plan> make_plan(Graph graph, const HostRegistry& registry, const LoadOptions& options) {
  return Planner(std::move(graph), registry, options).run();
}

Result<Plan> plan_component(
    const HostRegistry& registry, ByteView bytes, const LoadOptions& options
) {
  WHORL_TRY(const BinaryKind kind, detect_binary(bytes));
  if (kind == BinaryKind::CoreModule) {
    WHORL_TRY(Graph graph, link_core_module(registry, bytes));
    return make_plan(std::move(graph), registry, options);
  }
  WHORL_TRY(const auto root, decode_component(bytes));
  Linker linker(registry);
  WHORL_CHECKED(linker.run(root));
  // Afterwards, because what does not fit this host is better said in its terms; linking does not
  // depend on it.
  WHORL_CHECKED(validate(root));
  return make_plan(std::move(linker.graph()), registry, options);
}

Result<> validate_component(ByteView bytes) {
  WHORL_TRY(const auto root, decode_component(bytes));
  return validate(root);
}

}  // namespace whorl::component
