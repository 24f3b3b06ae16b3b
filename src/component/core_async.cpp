// Bare core modules as components: the asynchronous ones. Their names are turned into the canonical
// definitions that a component would have, in index spaces of their own, and linked as those are.
#include "component/core_linker.hpp"
#include "component/diagnose.hpp"
#include "component/names.hpp"
#include "component/reader.hpp"

namespace whorl::component {
namespace {

using ir::CanonOp;

constexpr std::string_view kTable = "__indirect_function_table";
constexpr std::string_view kCallback = "[callback]";

template <CoreKind kind, class AnyFrame>
auto& space(AnyFrame& frame) noexcept {
  return frame.core[static_cast<std::size_t>(kind)];
}

bool is_of_payload(CanonOp op) noexcept {
  return op >= CanonOp::StreamNew && op <= CanonOp::FutureDropWritable;
}
bool is_of_stream(CanonOp op) noexcept {
  return op >= CanonOp::StreamNew && op <= CanonOp::StreamDropWritable;
}

/// What a definition is given besides memory.
bool takes_realloc(CanonOp op) noexcept {
  return op == CanonOp::StreamRead || op == CanonOp::FutureRead ||
         op == CanonOp::ErrorContextDebugMessage || op == CanonOp::Lower || op == CanonOp::Lift;
}

}  // namespace

void CoreLinker::make_frame() {
  frame_.component_index = component_;
  const GraphHost own = options(Side::Imports);
  if (own.memory) {
    space<CoreKind::Memory>(frame_).push_back(*own.memory);
  }
  auto& funcs = space<CoreKind::Func>(frame_);
  if (own.realloc) {
    import_realloc_ = static_cast<std::uint32_t>(funcs.size());
    funcs.push_back(*own.realloc);
  }
  if (const auto realloc = options(Side::Exports).realloc) {
    export_realloc_ = static_cast<std::uint32_t>(funcs.size());
    funcs.push_back(*realloc);
  }
  if (const auto table = own_export(kTable, CoreKind::Table)) {
    space<CoreKind::Table>(frame_).push_back(*table);
  }
}

ir::CanonOptions CoreLinker::canon_options(Side side, Realloc realloc) const {
  ir::CanonOptions out;
  out.memory = space<CoreKind::Memory>(frame_).empty() ? std::nullopt : std::optional(0U);
  if (realloc == Realloc::With) {
    out.realloc = side == Side::Imports ? import_realloc_ : export_realloc_;
  }
  return out;
}

std::uint32_t CoreLinker::push_type(TypeItem type) {
  frame_.types.push_back(std::move(type));
  return static_cast<std::uint32_t>(frame_.types.size() - 1);
}

Result<CoreRef> CoreLinker::define(const ir::Canon& canon) {
  WHORL_CHECKED(linker_.define(frame_, canon, module_.base()));
  return space<CoreKind::Func>(frame_).back();
}

Result<TypeRef> CoreLinker::type_of_builtin(
    const CoreImport& import, const CoreImportModule& module, const CoreImportName& name
) {
  if (is_of_payload(name.op) && !name.payload) {
    auto nothing = std::make_shared<Type>();
    nothing->kind = is_of_stream(name.op) ? TypeKind::Stream : TypeKind::Future;
    return TypeRef(std::move(nothing));
  }
  const Side side = module.for_exports ? Side::Exports : Side::Imports;
  const FuncItem* found = worlds_.find_func(side, module.interface, name.function);
  FuncItem imported;
  if (found == nullptr && !module.for_exports && !module.interface.empty()) {
    WHORL_TRY(imported, imported_func(module.interface, name.function));
    found = &imported;
  }
  if (found == nullptr) {
    return fail(
        ErrorKind::InvalidInput,
        "the core module imports \"{}\" \"{}\", but its world has no such function",
        printable(import.module),
        printable(import.name)
    );
  }
  if (name.op == CanonOp::TaskReturn) {
    return found->shape->result;
  }
  std::size_t steps = 0;
  TypeRef payload = find_payload(*found->shape, *name.payload, steps);
  WHORL_CHECKED(linker_.spend(module_.base(), steps));
  if (payload == nullptr) {
    return fail(
        ErrorKind::InvalidInput,
        "the core module imports \"{}\" \"{}\", but the function's type has no stream or future {}",
        printable(import.module),
        printable(import.name),
        *name.payload
    );
  }
  return payload;
}

Result<CoreRef> CoreLinker::lower_builtin(
    const CoreImport& import, const CoreImportModule& module, const CoreImportName& name
) {
  const Side side = module.for_exports ? Side::Exports : Side::Imports;
  ir::Canon canon;
  canon.op = name.op;
  canon.options = canon_options(side, takes_realloc(name.op) ? Realloc::With : Realloc::Without);
  canon.options.encoding = name.encoding;
  canon.flag = name.is_cancellable;
  if (name.op == CanonOp::TaskReturn || is_of_payload(name.op)) {
    WHORL_TRY(TypeRef type, type_of_builtin(import, module, name));
    canon.options.encoding = worlds_.encoding(side, module.interface, name.function);
    if (type != nullptr) {
      TypeItem item;
      item.value = std::move(type);
      canon.type = push_type(std::move(item));
      canon.result = ir::ValType{false, TypeKind::Bool, canon.type};
    }
  }
  switch (name.op) {
    case CanonOp::StreamRead:
    case CanonOp::StreamWrite:
    case CanonOp::FutureRead:
    case CanonOp::FutureWrite:
      canon.options.is_async = name.is_async;
      break;
    case CanonOp::StreamCancelRead:
    case CanonOp::StreamCancelWrite:
    case CanonOp::FutureCancelRead:
    case CanonOp::FutureCancelWrite:
    case CanonOp::SubtaskCancel:
      canon.flag = name.is_async;
      break;
    case CanonOp::ContextGet:
    case CanonOp::ContextSet:
      canon.index = name.slot;
      canon.core_type = name.core_type;
      break;
    case CanonOp::WaitableSetWait:
    case CanonOp::WaitableSetPoll:
      if (space<CoreKind::Memory>(frame_).empty()) {
        return malformed(module_.base(), "`{}` needs a memory", printable(import.name));
      }
      break;
    case CanonOp::ThreadNewIndirect:
      if (space<CoreKind::Table>(frame_).empty()) {
        return malformed(
            module_.base(),
            "`{}` needs the table \"{}\", which the core module does not export",
            printable(import.name),
            kTable
        );
      }
      break;
    default:
      break;
  }
  return define(canon);
}

Result<CoreRef> CoreLinker::lower_async(const FuncItem& func, StringEncoding encoding) {
  ir::Canon canon;
  canon.op = CanonOp::Lower;
  canon.options = canon_options(Side::Imports, Realloc::With);
  canon.options.encoding = encoding;
  canon.options.is_async = true;
  canon.func = static_cast<std::uint32_t>(frame_.funcs.size());
  frame_.funcs.push_back(func);
  return define(canon);
}

Result<FuncItem> CoreLinker::lift_async(
    std::string_view name, const CoreExportName& parts, const FuncItem& declared
) {
  auto& funcs = space<CoreKind::Func>(frame_);
  ir::Canon canon;
  canon.op = CanonOp::Lift;
  canon.options = canon_options(Side::Exports, Realloc::With);
  canon.options.encoding = worlds_.encoding(Side::Exports, parts.interface, parts.function);
  canon.options.is_async = true;
  if (parts.lift == CoreExportName::Lift::Callback) {
    const auto callback = own_export(std::string(kCallback) + std::string(name), CoreKind::Func);
    if (!callback) {
      return fail(ErrorKind::InvalidInput, "the core module exports no callback for it")
          .with_help("a callback is called as the export, with \"[callback]\" before it");
    }
    canon.options.callback = static_cast<std::uint32_t>(funcs.size());
    funcs.push_back(*callback);
  }
  canon.func = static_cast<std::uint32_t>(funcs.size());
  funcs.push_back({CoreRef::Source::Export, CoreKind::Func, instance_, name});
  TypeItem type;
  type.kind = TypeItem::Kind::Func;
  type.func = declared.shape;
  canon.type = push_type(std::move(type));
  WHORL_CHECKED(linker_.define(frame_, canon, module_.base()));
  return frame_.funcs.back();
}

}  // namespace whorl::component
