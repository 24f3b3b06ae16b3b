#include "component/dynamic_call.hpp"

#include "component/async_export.hpp"
#include "component/call_borrows.hpp"
#include "component/export_call.hpp"

#include <algorithm>
#include <utility>

namespace whorl::component {
namespace {

using engine::Trap;

std::expected<std::shared_ptr<const FuncLayout>, Trap> layout_of(const ExportedFunc& func) {
  if (!func.shape_known) {
    return std::unexpected(detail::refusal(func, "its type is not known"));
  }
  if (func.layout != nullptr) {
    return func.layout;
  }
  auto made = make_layout(func.shape);
  if (!made) {
    return std::unexpected(detail::refusal(func, made.error().to_line()));
  }
  return *std::move(made);
}

/// The call itself, in an instance that was entered.
std::expected<std::optional<Value>, Trap> call_entered(
    ComponentInstance& instance,
    engine::Store& store,
    const ExportedFunc& func,
    const FuncLayout& types,
    std::span<Value> args
) {
  const CallSite site = detail::site_of(func);
  HandleTable& handles = instance.handles(func.component_index);
  InstanceHeap heap(instance, store, site);
  CallBorrows borrows(handles);
  engine::RawVal slots[kMaxFlatParams] = {};
  {
    LowerContext cx(heap, handles, func.encoding, func.component_index, &borrows.scope());
    lower_params(cx, types, args, slots);
    if (cx.failed()) {
      return std::unexpected(detail::as_trap(cx.take_trap()));
    }
  }
  if (auto called = store.call_guest(*instance.func(func.func_slot), slots); !called) {
    return std::unexpected(std::move(called.error()));
  }
  LiftContext cx(heap.memory(), handles, Lending::Lookup, func.encoding, &store);
  auto result = lift_result(cx, types, slots);
  if (cx.failed()) {
    return std::unexpected(detail::as_trap(cx.take_trap()));
  }
  if (borrows.scope().num_borrows != 0) {
    return std::unexpected(
        detail::as_trap({.message = "borrow handles still remain at the end of the call"})
    );
  }
  if (auto freed = detail::post_return(instance, store, func, slots[0]); !freed) {
    return std::unexpected(std::move(freed.error()));
  }
  return result;
}

/// The caller of an async export.
class DynamicCaller final : public TaskCaller {
 public:
  DynamicCaller(
      ComponentInstance& instance,
      engine::Store& store,
      const ExportedFunc& func,
      const FuncLayout& types,
      std::span<Value> args
  )
      : instance_(instance), store_(store), func_(func), types_(types), args_(args) {}

  [[nodiscard]] Failure on_start(Task& task, engine::RawVal* slots) override {
    const CallSite site = detail::site_of(func_);
    InstanceHeap heap(instance_, store_, site);
    LowerContext cx(
        heap,
        instance_.handles(func_.component_index),
        func_.encoding,
        func_.component_index,
        &task.borrows
    );
    lower_params(cx, types_, args_, slots);
    return cx.failed() ? Failure(cx.take_trap()) : Failure();
  }
  [[nodiscard]] Failure on_resolve(Task& /*task*/, TaskResult* result) override {
    if (result == nullptr) {
      return std::nullopt;
    }
    // The value outlives the memory it is lifted from.
    LiftContext cx(
        result->cx.memory(), result->cx.handles(), Lending::Lookup, func_.encoding, &store_
    );
    result_ = lift_result(cx, types_, result->slots, result->max_flat);
    return cx.failed() ? Failure(cx.take_trap()) : Failure();
  }

  [[nodiscard]] std::optional<Value> take_result() { return std::move(result_); }

 private:
  ComponentInstance& instance_;
  engine::Store& store_;
  const ExportedFunc& func_;
  const FuncLayout& types_;
  std::span<Value> args_;
  std::optional<Value> result_;
};

std::expected<std::optional<Value>, Trap> call_async(
    ComponentInstance& instance,
    engine::Store& store,
    const ExportedFunc& func,
    const FuncLayout& types,
    std::span<Value> args
) {
  DynamicCaller caller(instance, store, func, types, args);
  if (auto done = detail::run_async_export(instance, store, func, caller, detail::Until::Returned);
      !done) {
    return std::unexpected(std::move(done.error()));
  }
  return caller.take_result();
}

}  // namespace

std::expected<std::optional<Value>, Trap> call_export(
    ComponentInstance& instance,
    engine::Store& store,
    const ExportedFunc& func,
    std::span<Value> args
) {
  auto layout = layout_of(func);
  if (!layout) {
    return std::unexpected(std::move(layout.error()));
  }
  const FuncLayout& types = **layout;
  if (func.is_async_type) {
    return call_async(instance, store, func, types, args);
  }
  Flattener flattener;
  const engine::FuncType core_type = flattener.func(func.shape, Direction::Lift);
  const bool needs_memory = flattener.needs(func.shape, Direction::Lift).memory;
  if (auto trap =
          detail::check_call(instance, func, core_type.params, core_type.results, needs_memory)) {
    return std::unexpected(std::move(*trap));
  }
  if (!instance.enter(func.component_index, ComponentInstance::kHost)) {
    return std::unexpected(detail::refusal(func, "cannot enter component instance"));
  }
  const detail::SynchronousCall direct(instance, func);
  auto result = call_entered(instance, store, func, types, args);
  if (result) {  // after a trap nobody leaves
    instance.leave(func.component_index, ComponentInstance::kHost);
  }
  return result;
}

}  // namespace whorl::component
