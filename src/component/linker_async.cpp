// Asynchronous lifts, lowers and built-ins.
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
constexpr std::size_t kMaxLifts = 0xfff0;
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

/// Built-ins that need no asynchronous calls.
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
      if (validating()) {  // core types are not kept otherwise
        const CoreTypeItem& start = frame.core_types[canon.type];
        const FuncType wanted{i32s(1), {}};
        if (start.module != nullptr || !start.type.is_exact || start.type.func != wanted) {
          return malformed(offset, "a thread starts with a function of type (i32) -> ()");
        }
      }
      return plain_type(canon.op);
    }
    default:
      return plain_type(canon.op);
  }
}

Result<> Linker::describe_async_op(
    const Frame& frame, const ir::Canon& canon, std::uint64_t offset, GraphHost& host
) {
  host.label = ir::to_string(canon.op);
  if (const auto kind = kind_without_async(canon.op)) {
    host.kind = *kind;
    host.task.component_index = frame.component_index;
    host.task.slot = static_cast<std::uint8_t>(canon.index);
    host.task.is_64 = canon.core_type == kI64;
    return {};
  }
  if (async_builtin(canon.op) == nullptr) {
    return unsupported(
        offset, "the component uses `{}`: threads that run in parallel", ir::to_string(canon.op)
    );
  }
  host.kind = GraphHost::Kind::AsyncOp;
  host.op = canon.op;
  host.async.is_async = canon.options.is_async || canon.flag;
  host.async.is_cancellable = canon.flag;
  if (is_stream_op(canon.op) || is_future_op(canon.op)) {
    host.payload = frame.types[canon.type].value->element;
  }
  if (canon.op == CanonOp::TaskReturn && canon.result) {
    WHORL_TRY(const TypeItem type, value_at(*canon.result, frame, offset));
    host.result = type.value;
  }
  if (canon.op == CanonOp::WaitableSetWait || canon.op == CanonOp::WaitableSetPoll) {
    host.memory = frame.core[static_cast<std::size_t>(CoreKind::Memory)][canon.index];
  }
  if (canon.op == CanonOp::ThreadNewIndirect) {
    host.table = frame.core[static_cast<std::size_t>(CoreKind::Table)][canon.index];
  }
  return {};
}

Result<> Linker::run_async_op(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  GraphHost host = lower_options(frame, canon.options);
  WHORL_TRY(host.type, async_op_type(frame, canon, offset));
  if (!validating()) {
    WHORL_CHECKED(describe_async_op(frame, canon, offset, host));
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
  if (!validating()) {
    if (graph_.lifts.size() >= kMaxLifts) {
      return malformed(offset, "more than {} lifted functions", kMaxLifts);
    }
    GraphLift lift;
    lift.func = funcs[canon.func];
    lift.shape = type.func;
    lift.core_type = wanted;
    lift.memory = options.memory;
    lift.realloc = options.realloc;
    lift.encoding = options.encoding;
    lift.is_async = true;
    if (canon.options.callback) {
      lift.callback = funcs[*canon.options.callback];
    }
    lift.component_index = frame.component_index;
    graph_.lifts.push_back(std::move(lift));
    item.lift = static_cast<std::uint32_t>(graph_.lifts.size() - 1);
  }
  frame.funcs.push_back(std::move(item));
  return {};
}

Result<> Linker::run_async_lower(Frame& frame, const ir::Canon& canon, std::uint64_t offset) {
  const FuncItem func = frame.funcs[canon.func];
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
  host.is_async = true;
  WHORL_TRY(
      const CoreRef ref,
      validating() ? add_host(std::move(host), offset) : lower(func, std::move(host), offset)
  );
  frame.core[static_cast<std::size_t>(CoreKind::Func)].push_back(ref);
  return {};
}

}  // namespace whorl::component
