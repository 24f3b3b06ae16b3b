#include "component/native_preview1.hpp"

#include "component/composition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace whorl::component {
namespace {

constexpr std::string_view kWasi = "wasi:";

bool refers_to(const CoreRef& ref, std::uint32_t instance) noexcept {
  return ref.source == CoreRef::Source::Export && ref.index == instance;
}
bool refers_to(const std::optional<CoreRef>& ref, std::uint32_t instance) noexcept {
  return ref && refers_to(*ref, instance);
}

const engine::FuncType& realloc_type() {
  using enum engine::ValType;
  static const engine::FuncType kType{{I32, I32, I32, I32}, {I32}};
  return kType;
}

/// An instance that is an adapter and nothing else.
struct Adapter {
  std::uint32_t instance = 0;
  CoreRef memory;                      ///< of the module it adapts
  std::uint16_t component_index = 0;   ///< component instance it is part of
  HostRegistry::CoreMatch preview1{};  ///< what stands in for it
};

class Replacement {
 public:
  Replacement(Graph& graph, const HostRegistry& registry) : graph_(graph), registry_(registry) {}

  [[nodiscard]] std::vector<bool> run() && {
    std::vector<bool> replaced(graph_.instances.size());
    for (std::uint32_t i = 0; i < graph_.instances.size(); ++i) {
      if (const auto adapter = recognise(i)) {
        rewire(*adapter);
        replaced[i] = true;
      }
    }
    return replaced;
  }

 private:
  /// What an adapter is given: the memory of the module it adapts, that module's realloc, and
  /// functions of WASI that this host implements. Another component in between would be bypassed.
  [[nodiscard]] std::optional<Adapter> recognise(std::uint32_t index) const {
    const GraphInstance& instance = graph_.instances[index];
    const CoreModule& module = graph_.modules[instance.module];
    if (module.start() || module.count(CoreKind::Memory) != 1 ||
        module.imported(CoreKind::Memory) != 1 || module.count(CoreKind::Table) != 0) {
      return std::nullopt;
    }
    Adapter out;
    out.instance = index;
    bool uses_wasi = false;
    bool files = false;
    bool environment = false;
    for (const CoreRef& given : instance.imports) {
      if (given.kind == CoreKind::Memory) {
        out.memory = given;
      } else if (given.source == CoreRef::Source::Export) {
        const engine::FuncType* type = graph_.func_type(given);
        if (given.kind != CoreKind::Func || type == nullptr || *type != realloc_type()) {
          return std::nullopt;
        }
      } else if (!is_wasi(graph_.hosts[given.index])) {
        return std::nullopt;
      } else {
        out.component_index = graph_.hosts[given.index].component_index;
        uses_wasi = true;
        files = files || is_of(graph_.hosts[given.index], kFilesInterface);
        environment = environment || is_of(graph_.hosts[given.index], kEnvironmentInterface);
      }
    }
    // No more than it was given itself: it may only look like an adapter, and be in a component
    // that these are kept from.
    const auto preview1 =
        registry_.find_core_module(kPreview1Variants[(files ? 1U : 0U) + (environment ? 2U : 0U)]);
    if (!preview1 || !uses_wasi || !used_as_preview1(index, *preview1) ||
        !called_by_nobody(index)) {
      return std::nullopt;
    }
    out.preview1 = *preview1;
    return out;
  }

  [[nodiscard]] static bool is_of(const GraphHost& host, std::string_view interface) noexcept {
    return host.function != nullptr && host.label.starts_with(interface);
  }

  [[nodiscard]] static bool is_wasi(const GraphHost& host) noexcept {
    return (host.function != nullptr || host.drop != nullptr) && host.label.starts_with(kWasi);
  }

  /// Every item others take from it is a function of preview 1, of the very type the host offers.
  [[nodiscard]] bool used_as_preview1(std::uint32_t index, const HostRegistry::CoreMatch& preview1)
      const {
    bool is_used = false;
    for (const GraphInstance& user : graph_.instances) {
      for (const CoreRef& ref : user.imports) {
        if (!refers_to(ref, index)) {
          continue;
        }
        const CoreHostFunction* function = preview1.module->find(ref.name);
        const engine::FuncType* type = graph_.func_type(ref);
        if (function == nullptr || type == nullptr || *type != function->type()) {
          return false;
        }
        is_used = true;
      }
    }
    return is_used;
  }

  /// It exports nothing to the world.
  [[nodiscard]] bool called_by_nobody(std::uint32_t index) const {
    const bool lifted = std::ranges::any_of(graph_.lifts, [&](const GraphLift& lift) {
      return refers_to(lift.func, index) || refers_to(lift.memory, index) ||
             refers_to(lift.realloc, index) || refers_to(lift.post_return, index) ||
             refers_to(lift.callback, index);
    });
    const bool started = std::ranges::any_of(graph_.starts, [&](const CoreRef& start) {
      return refers_to(start, index);
    });
    const bool destroys = std::ranges::any_of(graph_.resources, [&](const GraphResource& resource) {
      return refers_to(resource.destructor, index);
    });
    return !lifted && !started && !destroys;
  }

  void rewire(const Adapter& adapter) {
    std::unordered_map<std::string_view, std::uint32_t> made;
    for (GraphInstance& user : graph_.instances) {
      for (CoreRef& ref : user.imports) {
        if (!refers_to(ref, adapter.instance)) {
          continue;
        }
        const auto known = made.find(ref.name);
        const std::uint32_t host =
            known != made.end() ? known->second : add_host(adapter, ref.name);
        made.emplace(ref.name, host);
        ref = CoreRef{CoreRef::Source::Host, CoreKind::Func, host, {}};
      }
    }
  }

  [[nodiscard]] std::uint32_t add_host(const Adapter& adapter, std::string_view name) {
    GraphHost host;
    host.kind = GraphHost::Kind::CoreFunction;
    host.core_function = adapter.preview1.module->find(name);
    host.host_slot = adapter.preview1.host_slot;
    host.type = host.core_function->type();
    host.memory = adapter.memory;
    host.component_index = adapter.component_index;
    host.label = fmt::format("{} {}", adapter.preview1.module->name, name);
    graph_.hosts.push_back(std::move(host));
    return static_cast<std::uint32_t>(graph_.hosts.size() - 1);
  }

  Graph& graph_;
  const HostRegistry& registry_;
};

/// Frees host functions that only removed instances were given from the memories and functions they
/// name, since those are gone.
void forget_unused_hosts(Graph& graph, const std::vector<bool>& removed) {
  std::vector<bool> used(graph.hosts.size());
  const auto use = [&](const std::optional<CoreRef>& ref) {
    if (ref && ref->source == CoreRef::Source::Host) {
      used[ref->index] = true;
    }
  };
  for (const GraphLift& lift : graph.lifts) {
    use(lift.func);
    use(lift.realloc);
    use(lift.post_return);
    use(lift.callback);
  }
  for (const GraphResource& resource : graph.resources) {
    use(resource.destructor);
  }
  for (std::uint32_t i = 0; i < graph.instances.size(); ++i) {
    if (removed[i]) {
      continue;
    }
    for (const CoreRef& ref : graph.instances[i].imports) {
      use(ref);
    }
  }
  for (std::size_t i = 0; i < graph.hosts.size(); ++i) {
    if (!used[i]) {
      graph.hosts[i].memory = std::nullopt;
      graph.hosts[i].realloc = std::nullopt;
      graph.hosts[i].table = std::nullopt;
    }
  }
}

}  // namespace

std::vector<bool> replace_adapters(Graph& graph, const HostRegistry& registry) {
  return Replacement(graph, registry).run();
}

void remove_adapters(Graph& graph, const std::vector<bool>& replaced, std::vector<bool>& removed) {
  const auto is_needed = [&](std::uint32_t adapter) {
    for (std::uint32_t i = 0; i < graph.instances.size(); ++i) {
      if (removed[i] || i == adapter) {
        continue;
      }
      for (const CoreRef& ref : graph.instances[i].imports) {
        if (refers_to(ref, adapter) || (ref.source == CoreRef::Source::Host &&
                                        (refers_to(graph.hosts[ref.index].realloc, adapter) ||
                                         refers_to(graph.hosts[ref.index].memory, adapter)))) {
          return true;
        }
      }
    }
    return false;
  };
  for (std::uint32_t i = 0; i < replaced.size(); ++i) {
    removed[i] = removed[i] || (replaced[i] && !is_needed(i));
  }
  forget_unused_hosts(graph, removed);
}

}  // namespace whorl::component
