#include "component/async_export.hpp"

#include "component/fiber_run.hpp"
#include "component/flatten.hpp"

#include <utility>

namespace whorl::component::detail {
namespace {

/// Knows when the task is gone.
class Watched final : public TaskCaller {
 public:
  explicit Watched(TaskCaller& inner) noexcept : inner_(inner) {}
  ~Watched() override {
    if (task != nullptr) {
      task->caller = nullptr;
    }
  }
  [[nodiscard]] Failure on_start(Task& started, engine::RawVal* slots) override {
    return inner_.on_start(started, slots);
  }
  [[nodiscard]] Failure on_resolve(Task& resolved, TaskResult* result) override {
    call.has_returned = true;
    return inner_.on_resolve(resolved, result);
  }
  void on_exit(bool /*was_detached*/) noexcept override {
    call.is_gone = true;
    task = nullptr;
  }

  FiberRun::RootCall call;
  Task* task = nullptr;

 private:
  TaskCaller& inner_;
};

}  // namespace

bool fits_async_export(
    const ExportedFunc& func,
    const engine::FuncType& type,
    const std::optional<std::vector<engine::ValType>>& result
) {
  if (!func.is_async_type || !func.shape_known || func.core_type.params != type.params ||
      (!func.is_async_lift && func.core_type.results != type.results) ||
      result.has_value() != (func.shape.result != nullptr)) {
    return false;
  }
  if (!result) {
    return true;
  }
  Flattener flattener;
  const Flattener::Flat* flat = flattener.type(func.shape.result);
  return flat == nullptr ? result->size() > kMaxFlatParams : *flat == *result;
}

namespace {

/// What stands against calling the function. Null if nothing does.
const char* obstacle(ComponentInstance& instance, const FiberRun* run, const ExportedFunc& func) {
  if (run == nullptr || !func.is_async_type) {
    return "it is not asynchronous, or nobody runs it";
  }
  return instance.func(func.func_slot) == nullptr ? "its module was not instantiated" : nullptr;
}

}  // namespace

std::expected<void, engine::Trap> post_task(
    ComponentInstance& instance,
    const ExportedFunc& func,
    std::unique_ptr<PostedCaller> caller,
    void* event
) {
  // Off the fibers, too.
  FiberRun* run = instance.async() == nullptr ? nullptr : instance.async()->run();
  if (const char* why = obstacle(instance, run, func)) {
    return std::unexpected(refusal(func, why));
  }
  AsyncState& async = *instance.async();
  if (async.num_tasks() >= AsyncState::kMaxTasks) {
    return std::unexpected(refusal(func, "too many tasks"));
  }
  PostedCaller& owner = *caller;
  Task* task =
      async.add_task(std::make_unique<Task>(*run, async, func.component_index, &func, &owner));
  owner.own_itself(std::move(caller));
  task->implicit_thread.event = event;
  task->post();
  return {};
}

std::expected<void, engine::Trap> run_async_export(
    ComponentInstance& instance,
    engine::Store& store,
    const ExportedFunc& func,
    TaskCaller& caller,
    Until until
) {
  FiberRun* run = run_of(instance);
  if (const char* why = obstacle(instance, run, func)) {
    return std::unexpected(refusal(func, why));
  }
  if (!instance.enter(func.component_index, ComponentInstance::kHost)) {
    return std::unexpected(refusal(func, "cannot enter component instance"));
  }
  run->enter_turn(func.component_index);
  Watched watched(caller);
  AsyncState& async = *instance.async();
  Task* task =
      async.add_task(std::make_unique<Task>(*run, async, func.component_index, &func, &watched));
  if (task == nullptr) {
    return std::unexpected(refusal(func, "too many tasks"));
  }
  watched.task = task;
  watched.call.ends_at_return = until == Until::Returned;
  watched.call.thread = &task->implicit_thread;
  run->begin_root_call(watched.call);
  auto failed = task->start_here();
  if (!failed) {
    failed = run->serve_root_call();
  }
  if (failed) {
    (void)store.set_trap(failed->kind, failed->message, failed->exit_code);
    return std::unexpected(store.call_guest({}, {}).error());  // a dying store says why
  }
  return {};
}

}  // namespace whorl::component::detail
