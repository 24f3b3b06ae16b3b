// Asynchronous lifts, lowers and built-ins: typed like the rest, so that validation knows them;
// what they do is refused before anything is linked.
// @spec CanonicalABI.md "Canonical Definitions", WASI 0.3
#include "component/linker.hpp"
#include "component/reader.hpp"

namespace whorl::component {

using engine::FuncType;
using engine::ValType;
using ir::CanonOp;

namespace {

constexpr std::size_t kMaxAsyncParams = 4;  ///< MAX_FLAT_ASYNC_PARAMS
constexpr std::uint32_t kContextSlots = 2;
constexpr std::uint8_t kI32 = 0x7f;
constexpr std::uint8_t kI64 = 0x7e;

using Types = std::vector<ValType>;

/// Core values of the parameters, or a pointer when there are more than `most`.
Types flat_params(Flattener& flattener, const std::vector<Member>& params, std::size_t most) {
  Types out;
  for (const Member& param : params) {
    const Flattener::Flat* part = flattener.type(param.type);
    if (part == nullptr || out.size() + part->size() > most) {
      return {ValType::I32};
    }
    out.insert(out.end(), part->begin(), part->end());
  }
  return out;
}

Types i32s(std::size_t count) {
  return Types(count, ValType::I32);
}

/// Types of the built-ins whose operands do not matter.
FuncType plain_type(CanonOp op) {
  switch (op) {
    case CanonOp::TaskCancel:
    case CanonOp::BackpressureInc:
    case CanonOp::BackpressureDec:
      return {};
    case CanonOp::SubtaskDrop:
    case CanonOp::WaitableSetDrop:
    case CanonOp::ErrorContextDrop:
    case CanonOp::StreamDropReadable:
    case CanonOp::StreamDropWritable:
    case CanonOp::FutureDropReadable:
    case CanonOp::FutureDropWritable:
    case CanonOp::ThreadResumeLater:
      return {i32s(1), {}};
    case CanonOp::WaitableJoin:
    case CanonOp::ErrorContextDebugMessage:
      return {i32s(2), {}};
    case CanonOp::StreamNew:
    case CanonOp::FutureNew:
      return {{}, {ValType::I64}};
    case CanonOp::StreamRead:
    case CanonOp::StreamWrite:
      return {i32s(3), i32s(1)};
    case CanonOp::FutureRead:
    case CanonOp::FutureWrite:
    case CanonOp::ErrorContextNew:
    case CanonOp::WaitableSetWait:
    case CanonOp::WaitableSetPoll:
    case CanonOp::ThreadNewIndirect:
    case CanonOp::ThreadSpawnRef:
    case CanonOp::ThreadSpawnIndirect:
      return {i32s(2), i32s(1)};
    case CanonOp::WaitableSetNew:
    case CanonOp::ThreadYield:
    case CanonOp::ThreadSuspend:
    case CanonOp::ThreadIndex:
    case CanonOp::ThreadAvailableParallelism:
      return {{}, i32s(1)};
    default:
      // subtask.cancel, the cancellations of streams and futures, the switches between threads.
      return {i32s(1), i32s(1)};
  }
}

/// What a stream or future carries; an error when the type is another one.
Result<TypeRef> element_of(const TypeItem& type, TypeKind kind, std::uint64_t offset) {
  if (type.kind != TypeItem::Kind::Value || type.value->kind != kind) {
    return malformed(offset, "the type is not a {}", to_string(kind));
  }
  return type.value->element;
}

bool is_stream_op(CanonOp op) noexcept {
  return op >= CanonOp::StreamNew && op <= CanonOp::StreamDropWritable;
}
bool is_future_op(CanonOp op) noexcept {
  return op >= CanonOp::FutureNew && op <= CanonOp::FutureDropWritable;
}

Result<> refuse_callbacks(const ir::Canon& canon, std::uint64_t offset) {
  if (canon.options.callback || canon.options.post_return) {
    return malformed(
        offset, "`{}` takes neither callback nor post-return", ir::to_string(canon.op)
    );
  }
  return {};
}

/// Built-ins that can be run although asynchronous calls can't.
std::optional<GraphHost::Kind> kind_without_async(CanonOp op) noexcept {
  switch (op) {
    case CanonOp::ContextGet:
      return GraphHost::Kind::ContextGet;
    case CanonOp::ContextSet:
      return GraphHost::Kind::ContextSet;
    case CanonOp::BackpressureInc:
      return GraphHost::Kind::BackpressureInc;
    case CanonOp::BackpressureDec:
      return GraphHost::Kind::BackpressureDec;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<FuncType> Linker::async_op_type(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  WHORL_CHECKED(refuse_callbacks(canon, offset));
  const GraphHost options = lower_options(frame, canon.options);
  if (options.memory) {
    WHORL_CHECKED(check_memory(*options.memory, offset));
  }
  const auto need = [&](bool memory, bool realloc) -> Result<> {
    if (memory && !options.memory) {
      return malformed(offset, "`{}` needs the canonical option memory", ir::to_string(canon.op));
    }
    if (realloc && !options.realloc) {
      return malformed(offset, "`{}` needs the canonical option realloc", ir::to_string(canon.op));
    }
    return {};
  };
  const bool is_stream = is_stream_op(canon.op);
  if (is_stream || is_future_op(canon.op)) {
    const TypeKind kind = is_stream ? TypeKind::Stream : TypeKind::Future;
    WHORL_TRY(const TypeRef element, element_of(frame.types[canon.type], kind, offset));
    const bool reads = canon.op == CanonOp::StreamRead || canon.op == CanonOp::FutureRead;
    const bool writes = canon.op == CanonOp::StreamWrite || canon.op == CanonOp::FutureWrite;
    if ((reads || writes) && element != nullptr) {
      FuncShape shape;
      shape.params.push_back({"value", element});
      WHORL_CHECKED(need(true, reads && flattener_.needs(shape, Direction::Lift).realloc));
    }
    return plain_type(canon.op);
  }
  switch (canon.op) {
    case CanonOp::TaskReturn: {
      FuncShape shape;
      if (canon.result) {
        WHORL_TRY(const TypeItem type, value_at(*canon.result, frame, offset));
        if (type.has_borrow) {
          return malformed(offset, "a function cannot return a borrow");
        }
        shape.params.push_back({"result", type.value});
      }
      if (canon.options.is_async || canon.options.realloc) {
        return malformed(offset, "task.return takes neither async nor realloc");
      }
      WHORL_CHECKED(need(flattener_.needs(shape, Direction::Lower).memory, false));
      return FuncType{flat_params(flattener_, shape.params, kMaxFlatParams), {}};
    }
    case CanonOp::ContextGet:
    case CanonOp::ContextSet: {
      if (canon.core_type != kI32 && canon.core_type != kI64) {
        return malformed(offset, "a context slot is an i32 or i64, not {:#04x}", canon.core_type);
      }
      if (canon.index >= kContextSlots) {
        return malformed(offset, "there is no context slot {}", canon.index);
      }
      if (frame.context_type.value_or(canon.core_type) != canon.core_type) {
        return malformed(offset, "the context slots of one component are of one type");
      }
      frame.context_type = canon.core_type;
      const Types value = {canon.core_type == kI32 ? ValType::I32 : ValType::I64};
      return canon.op == CanonOp::ContextGet ? FuncType{{}, value} : FuncType{value, {}};
    }
    case CanonOp::ErrorContextNew:
      WHORL_CHECKED(need(true, false));
      return plain_type(canon.op);
    case CanonOp::ErrorContextDebugMessage:
      WHORL_CHECKED(need(true, true));
      return plain_type(canon.op);
    case CanonOp::WaitableSetWait:
    case CanonOp::WaitableSetPoll:
      WHORL_CHECKED(
          check_memory(frame.core[static_cast<std::size_t>(CoreKind::Memory)][canon.index], offset)
      );
      return plain_type(canon.op);
    case CanonOp::ThreadNewIndirect:
    case CanonOp::ThreadSpawnIndirect: {
      const CoreTypeItem& start = frame.core_types[canon.type];
      const FuncType wanted{i32s(1), {}};
      if (start.module != nullptr || !start.type.is_exact || start.type.func != wanted) {
        return malformed(offset, "a thread starts with a function of type (i32) -> ()");
      }
      return plain_type(canon.op);
    }
    default:
      return plain_type(canon.op);
  }
}

Result<> Linker::run_async_op(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  const auto kind = kind_without_async(canon.op);
  if (!validating() && !kind) {
    return unsupported(
               offset, "the component uses the asynchronous operation `{}`", ir::to_string(canon.op)
    )
        .with_help(kAsyncHelp);
  }
  GraphHost host;
  WHORL_TRY(host.type, async_op_type(frame, canon, offset));
  if (!validating()) {
    host.kind = *kind;
    host.label = ir::to_string(canon.op);
    host.task.component_index = frame.component_index;
    host.task.slot = static_cast<std::uint8_t>(canon.index);
    host.task.is_64 = canon.core_type == kI64;
  }
  WHORL_TRY(const CoreRef ref, add_host(std::move(host), offset));
  frame.core[static_cast<std::size_t>(CoreKind::Func)].push_back(ref);
  return {};
}

Result<> Linker::run_async_lift(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  const TypeItem& type = frame.types[canon.type];
  if (type.kind != TypeItem::Kind::Func) {
    return malformed(offset, "type {} is not a function type", canon.type);
  }
  if (!validating()) {
    return unsupported(offset, "the component lifts an asynchronous function")
        .with_help(kAsyncHelp);
  }
  if (!type.func->is_async) {
    return malformed(offset, "the canonical option async is for asynchronous function types");
  }
  const auto& funcs = frame.core[static_cast<std::size_t>(CoreKind::Func)];
  FuncType wanted{flat_params(flattener_, type.func->params, kMaxFlatParams), {}};
  if (canon.options.callback) {
    wanted.results = i32s(1);
    WHORL_CHECKED(
        check_func(funcs[*canon.options.callback], {i32s(3), i32s(1)}, "a callback", offset)
    );
  }
  WHORL_CHECKED(check_func(funcs[canon.func], wanted, "the lifted function", offset));
  const GraphHost options = lower_options(frame, canon.options);
  if (type.func->result != nullptr && !options.memory) {
    FuncShape returned;
    returned.params.push_back({"result", type.func->result});
    if (flattener_.needs(returned, Direction::Lower).memory) {
      return malformed(offset, "the function's result needs the canonical option memory");
    }
  }
  FuncShape params = *type.func;
  params.result = nullptr;
  WHORL_CHECKED(check_options(params, true, options.memory, options.realloc, offset));
  FuncItem item;
  item.shape = type.func;
  frame.funcs.push_back(std::move(item));
  return {};
}

Result<> Linker::run_async_lower(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  const FuncItem func = frame.funcs[canon.func];
  if (!validating()) {
    return unsupported(offset, "the component calls an asynchronous function")
        .with_help(kAsyncHelp);
  }
  if (!func.shape->is_async) {
    return malformed(offset, "the canonical option async is for asynchronous function types");
  }
  GraphHost host = lower_options(frame, canon.options);
  const Types params = flat_params(flattener_, func.shape->params, kMaxAsyncParams);
  host.type = {params, i32s(1)};
  if (func.shape->result != nullptr) {
    host.type.params.push_back(ValType::I32);
  }
  const AbiNeeds needs = flattener_.needs(*func.shape, Direction::Lower);
  const bool needs_memory = needs.memory || func.shape->result != nullptr ||
                            flat_params(flattener_, func.shape->params, kMaxFlatParams) != params;
  if (needs_memory && !host.memory) {
    return malformed(offset, "the function's values need the canonical option memory");
  }
  WHORL_CHECKED(check_options(*func.shape, false, host.memory, host.realloc, offset));
  WHORL_TRY(const CoreRef ref, add_host(std::move(host), offset));
  frame.core[static_cast<std::size_t>(CoreKind::Func)].push_back(ref);
  return {};
}

namespace {

bool is_async_op(const ir::Canon& canon) noexcept {
  using ir::CanonOp;
  switch (canon.op) {
    case CanonOp::Lift:
    case CanonOp::Lower:
      return canon.options.is_async;
    case CanonOp::ResourceNew:
    case CanonOp::ResourceDrop:
    case CanonOp::ResourceRep:
    case CanonOp::ContextGet:
    case CanonOp::ContextSet:
    case CanonOp::BackpressureInc:
    case CanonOp::BackpressureDec:
      return false;
    default:
      return true;
  }
}

}  // namespace

Result<> refuse_async(const ir::Component& component) {
  for (const ir::Definition& definition : component.definitions) {
    if (const auto* nested = std::get_if<ir::NestedComponent>(&definition.what)) {
      WHORL_CHECKED(refuse_async(*nested->component));
    }
    const auto* canon = std::get_if<ir::Canon>(&definition.what);
    if (canon == nullptr || !is_async_op(*canon)) {
      continue;
    }
    const bool call = canon->op == ir::CanonOp::Lift || canon->op == ir::CanonOp::Lower;
    return unsupported(
               definition.offset,
               "the component uses the asynchronous operation `{}{}`",
               call ? "async " : "",
               ir::to_string(canon->op)
    )
        .with_help(kAsyncHelp);
  }
  return {};
}

}  // namespace whorl::component
