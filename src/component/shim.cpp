#include "component/shim.hpp"

#include "component/reader.hpp"

#include <algorithm>

namespace whorl::component {
namespace {

/// Reads one function body; true if it pushes all its parameters, the constant `slot`, and calls
/// indirectly through table 0 with its own type.
bool is_jump(Reader& body, std::size_t params, std::uint32_t type, std::uint32_t slot) {
  const auto locals = body.u32("locals");
  if (!locals || *locals != 0) {
    return false;
  }
  for (std::size_t i = 0; i < params; ++i) {
    const auto op = body.byte("local.get");
    const auto local = body.u32("a local");
    if (!op || *op != 0x20 || !local || *local != i) {
      return false;
    }
  }
  const auto push = body.byte("i32.const");
  const auto value = body.s32("a constant");
  if (!push || *push != 0x41 || !value || *value < 0 ||
      static_cast<std::uint32_t>(*value) != slot) {
    return false;
  }
  const auto call = body.byte("call_indirect");
  const auto called_type = body.u32("a type");
  const auto table = body.u32("a table");
  const auto end = body.byte("end");
  return call && *call == 0x11 && called_type && *called_type == type && table && *table == 0 &&
         end && *end == 0x0b && body.at_end();
}

bool all_jumps(const CoreModule& module) {
  Reader in(module.code());
  const auto count = in.u32("functions");
  if (!count || *count != module.count(CoreKind::Func)) {
    return false;
  }
  for (std::uint32_t slot = 0; slot < *count; ++slot) {
    const auto size = in.u32("the size of a function");
    auto body = size ? in.part(*size, "a function") : Result<Reader>(Reader({}));
    const CoreExternType* func = module.item(CoreKind::Func, slot);
    if (!size || !body || module.func_type(slot) == nullptr ||
        !is_jump(*body, module.func_type(slot)->params.size(), func->type, slot)) {
      return false;
    }
  }
  return in.at_end();
}

constexpr std::uint8_t kFuncRef = 0x70;

}  // namespace

std::optional<ShimShape> recognise_shim(const CoreModule& module) {
  const bool plain = module.imports().empty() && module.count(CoreKind::Table) == 1 &&
                     module.count(CoreKind::Memory) == 0 && module.count(CoreKind::Global) == 0 &&
                     module.count(CoreKind::Tag) == 0 && !module.start() && !module.has_data() &&
                     module.elements().empty() && module.count(CoreKind::Func) != 0;
  if (!plain) {
    return std::nullopt;
  }
  const CoreExternType* table = module.item(CoreKind::Table, 0);
  if (table->value.code != kFuncRef || table->limits.is_64 ||
      table->limits.min < module.count(CoreKind::Func) || !all_jumps(module)) {
    return std::nullopt;
  }
  ShimShape out;
  bool has_table = false;
  for (const auto& [name, item] : module.exports()) {
    if (item.kind == CoreKind::Func) {
      out.slots.emplace(name, item.index);
    } else if (item.kind == CoreKind::Table && !has_table) {
      has_table = true;
      out.table = name;
    } else {
      return std::nullopt;
    }
  }
  return has_table ? std::optional(std::move(out)) : std::nullopt;
}

namespace {

/// Numbers of the imports that are functions: function indices count those only.
std::vector<std::uint32_t> func_imports_of(const CoreModule& module) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < module.imports().size(); ++i) {
    if (module.imports()[i].type.kind == CoreKind::Func) {
      out.push_back(i);
    }
  }
  return out;
}

/// No code, memory, globals, tags, data or exports of its own.
bool is_hollow(const CoreModule& module) {
  return module.count(CoreKind::Memory) == 0 && module.count(CoreKind::Global) == 0 &&
         module.count(CoreKind::Tag) == 0 && !module.has_data() && module.exports().empty() &&
         module.count(CoreKind::Func) == module.imported(CoreKind::Func) &&
         module.count(CoreKind::Table) == module.imported(CoreKind::Table);
}

}  // namespace

std::optional<std::uint32_t> recognise_starter(const CoreModule& module) {
  if (!is_hollow(module) || module.count(CoreKind::Table) != 0 || !module.elements().empty() ||
      !module.start()) {
    return std::nullopt;
  }
  const std::vector<std::uint32_t> func_imports = func_imports_of(module);
  return *module.start() < func_imports.size() ? std::optional(func_imports[*module.start()])
                                               : std::nullopt;
}

std::optional<FixupShape> recognise_fixup(const CoreModule& module) {
  if (!is_hollow(module) || module.count(CoreKind::Table) != 1 || module.elements().size() != 1) {
    return std::nullopt;
  }
  const CoreElements& segment = module.elements()[0];
  if (!segment.is_active || segment.table != 0 || segment.offset != 0 || !segment.funcs) {
    return std::nullopt;
  }
  const std::vector<std::uint32_t> func_imports = func_imports_of(module);
  FixupShape out;
  while (module.imports()[out.table_import].type.kind != CoreKind::Table) {
    ++out.table_import;
  }
  for (const std::uint32_t func : *segment.funcs) {
    if (func >= func_imports.size()) {
      return std::nullopt;
    }
    out.slots.push_back(func_imports[func]);
  }
  if (module.start()) {
    if (*module.start() >= func_imports.size()) {
      return std::nullopt;
    }
    out.start_import = func_imports[*module.start()];
  }
  return out;
}

namespace {

/// A shim instance and the fix-up instance that fills its table.
struct Pair {
  std::uint32_t shim = 0;
  std::uint32_t fixup = 0;
  const ShimShape* shim_shape = nullptr;
  const FixupShape* fixup_shape = nullptr;
};

class Elider {
 public:
  Elider(Graph& graph, bool may_defer_start) : graph_(graph), may_defer_start_(may_defer_start) {
    for (const CoreModule& module : graph.modules) {
      shims_.push_back(recognise_shim(module));
      fixups_.push_back(recognise_fixup(module));
    }
    out_.removed.resize(graph.instances.size());
    out_.start.resize(graph.instances.size());
  }

  [[nodiscard]] Elision run() && {
    for (std::uint32_t i = 0; i < graph_.instances.size(); ++i) {
      if (const auto pair = pair_of(i)) {
        elide(*pair);
      } else if (const auto start = recognise_starter(graph_.modules[graph_.instances[i].module])) {
        const CoreRef& func = graph_.instances[i].imports[*start];
        if (may_defer_start_ && func.source == CoreRef::Source::Export) {
          out_.removed[i] = true;
          out_.start[i] = func;
        }
      }
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] static bool refers_to(const CoreRef& ref, std::uint32_t instance) noexcept {
    return ref.source == CoreRef::Source::Export && ref.index == instance;
  }

  /// The pair whose fix-up is this instance, if all of it has the expected form.
  [[nodiscard]] std::optional<Pair> pair_of(std::uint32_t fixup) const {
    const GraphInstance& instance = graph_.instances[fixup];
    const auto& shape = fixups_[instance.module];
    if (!shape) {
      return std::nullopt;
    }
    const CoreRef& table = instance.imports[shape->table_import];
    if (table.source != CoreRef::Source::Export) {
      return std::nullopt;
    }
    const auto& shim_shape = shims_[graph_.instances[table.index].module];
    if (!shim_shape || table.name != shim_shape->table || table.index >= fixup ||
        shape->slots.size() != shim_shape->slots.size()) {
      return std::nullopt;
    }
    const Pair pair{table.index, fixup, &*shim_shape, &*shape};
    return table_is_private(pair) && slots_match(pair) ? std::optional(pair) : std::nullopt;
  }

  /// Nobody but the fix-up is given the table.
  [[nodiscard]] bool table_is_private(const Pair& pair) const {
    for (std::uint32_t i = 0; i < graph_.instances.size(); ++i) {
      for (const CoreRef& ref : graph_.instances[i].imports) {
        if (i != pair.fixup && refers_to(ref, pair.shim) && ref.kind != CoreKind::Func) {
          return false;
        }
      }
    }
    return true;
  }

  /// Each slot is filled with a function of the shim function's type that is not the shim's own.
  [[nodiscard]] bool slots_match(const Pair& pair) const {
    for (const CoreRef& ref : graph_.instances[pair.fixup].imports) {
      if (ref.kind == CoreKind::Func && refers_to(ref, pair.shim)) {
        return false;
      }
    }
    const CoreModule& shim = graph_.modules[graph_.instances[pair.shim].module];
    return std::ranges::all_of(pair.shim_shape->slots, [&](const auto& entry) {
      if (entry.second >= pair.fixup_shape->slots.size()) {
        return false;
      }
      const engine::FuncType* wanted = shim.export_type(entry.first);
      const engine::FuncType* given = graph_.func_type(bound(pair, entry.second));
      return wanted != nullptr && given != nullptr && *wanted == *given;
    });
  }

  [[nodiscard]] const CoreRef& bound(const Pair& pair, std::uint32_t slot) const {
    return graph_.instances[pair.fixup].imports[pair.fixup_shape->slots[slot]];
  }

  /// Replaces a reference to the shim; false if it must stay. A core instance can only be given
  /// what exists before it; host functions always do.
  [[nodiscard]] bool replace(const Pair& pair, CoreRef& ref, std::uint32_t user) const {
    if (!refers_to(ref, pair.shim)) {
      return true;
    }
    const auto slot = pair.shim_shape->slots.find(ref.name);
    if (slot == pair.shim_shape->slots.end()) {
      return false;
    }
    const CoreRef& target = bound(pair, slot->second);
    if (target.source == CoreRef::Source::Export && target.index >= user) {
      return false;
    }
    ref = target;
    return true;
  }
  /// The same for what the host calls: looked up when everything is instantiated.
  [[nodiscard]] bool replace_called(const Pair& pair, CoreRef& ref) const {
    return replace(pair, ref, ~std::uint32_t{0});
  }
  [[nodiscard]] bool replace_called(const Pair& pair, std::optional<CoreRef>& ref) const {
    return !ref || replace_called(pair, *ref);
  }

  void elide(const Pair& pair) {
    bool unused = true;
    for (std::uint32_t i = 0; i < graph_.instances.size(); ++i) {
      if (i == pair.fixup) {
        continue;
      }
      for (CoreRef& ref : graph_.instances[i].imports) {
        unused = replace(pair, ref, i) && unused;
      }
    }
    for (GraphHost& host : graph_.hosts) {
      unused = replace_called(pair, host.realloc) && unused;
    }
    for (GraphResource& resource : graph_.resources) {
      unused = replace_called(pair, resource.destructor) && unused;
    }
    for (GraphLift& lift : graph_.lifts) {
      unused = replace_called(pair, lift.func) && unused;
      unused = replace_called(pair, lift.realloc) && unused;
      unused = replace_called(pair, lift.post_return) && unused;
      unused = replace_called(pair, lift.callback) && unused;
    }
    const bool has_start = pair.fixup_shape->start_import.has_value();
    if (!unused || (has_start && !may_defer_start_)) {
      return;
    }
    out_.removed[pair.shim] = true;
    out_.removed[pair.fixup] = true;
    if (has_start) {
      out_.start[pair.fixup] =
          graph_.instances[pair.fixup].imports[*pair.fixup_shape->start_import];
    }
  }

  Graph& graph_;
  bool may_defer_start_;
  std::vector<std::optional<ShimShape>> shims_;
  std::vector<std::optional<FixupShape>> fixups_;
  Elision out_;
};

}  // namespace

Elision elide_shims(Graph& graph, bool may_defer_start) {
  return Elider(graph, may_defer_start).run();
}

Elision keep_shims(const Graph& graph) {
  Elision out;
  out.removed.resize(graph.instances.size());
  out.start.resize(graph.instances.size());
  return out;
}

bool can_defer_starts(const Graph& graph) {
  bool started = false;
  for (const GraphInstance& instance : graph.instances) {
    const CoreModule& module = graph.modules[instance.module];
    if (started && module.has_active_segments() && !recognise_fixup(module)) {
      return false;
    }
    started = started || module.start().has_value();
  }
  return true;
}

}  // namespace whorl::component
