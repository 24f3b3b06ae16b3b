#include "component/guest_async_call.hpp"

#include "component/async_host.hpp"
#include "component/export_call.hpp"
#include "component/fiber_run.hpp"
#include "component/interpret.hpp"
#include "component/subtask.hpp"
#include "component/task.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace whorl::component {
namespace {

/// The caller of one task: moves the values both ways. On the stack of a call that waits for it, or
/// owned by itself until the task is gone.
class GuestCaller final : public TaskCaller, public SubtaskWork {
 public:
  GuestCaller(
      const GuestCallSite& site,
      ComponentInstance& instance,
      engine::Store& store,
      Subtask& subtask,
      const engine::RawVal* slots,
      engine::RawVal* flat_result
  )
      : site_(site),
        callee_site_(detail::site_of(site.callee)),
        layout_(*site.callee.layout),
        instance_(instance),
        store_(store),
        flat_result_(flat_result) {
    link(subtask);
    const std::size_t most = site.is_async ? kMaxFlatAsyncParams : kMaxFlatParams;
    const std::uint32_t count = layout_.flat_params(most);
    std::copy_n(slots, count, arguments_);
    if (layout_.result_spills(max_flat_results())) {
      out_param_ = slots[count].u32;
    }
  }
  ~GuestCaller() override {
    unlink();
    if (task_ != nullptr) {
      task_->caller = nullptr;
    }
  }

  void own_itself(std::unique_ptr<GuestCaller> self) noexcept { self_ = std::move(self); }
  void set_task(Task& task) noexcept { task_ = &task; }
  [[nodiscard]] bool was_detached() const noexcept { return was_detached_; }

  [[nodiscard]] Failure on_start(Task& task, engine::RawVal* slots) override {
    subtask()->start();
    InstanceHeap caller_heap(instance_, store_, site_.caller);
    LiftContext& lent = subtask()->lend(
        memory_of(caller_heap, site_.caller),
        instance_.handles(site_.caller.component_index),
        site_.caller.encoding,
        store_
    );
    lent.allow_views(caller_heap);
    std::vector<Value> values = lift_params(
        lent, layout_, arguments_, site_.is_async ? kMaxFlatAsyncParams : kMaxFlatParams
    );
    if (lent.failed()) [[unlikely]] {
      return lent.take_trap();
    }
    InstanceHeap callee_heap(instance_, store_, callee_site_);
    LowerContext lower(
        callee_heap,
        instance_.handles(callee_site_.component_index),
        callee_site_.encoding,
        callee_site_.component_index,
        &task.borrows
    );
    lower_params(lower, layout_, values, slots);
    return lower.failed() ? Failure(lower.take_trap()) : Failure();
  }

  [[nodiscard]] Failure on_resolve(Task& /*task*/, TaskResult* result) override {
    if (result == nullptr) {
      const bool has_started = subtask()->state() == Subtask::State::Started;
      subtask()->resolve(
          has_started ? Subtask::State::CancelledBeforeReturned
                      : Subtask::State::CancelledBeforeStarted
      );
      return std::nullopt;
    }
    std::optional<Value> value = lift_result(result->cx, layout_, result->slots, result->max_flat);
    if (result->cx.failed()) [[unlikely]] {
      return result->cx.take_trap();
    }
    InstanceHeap caller_heap(instance_, store_, site_.caller);
    LowerContext lower(
        caller_heap,
        instance_.handles(site_.caller.component_index),
        site_.caller.encoding,
        site_.caller.component_index
    );
    lower_result(lower, layout_, value, flat_result_, out_param_, max_flat_results());
    if (lower.failed()) [[unlikely]] {
      return lower.take_trap();
    }
    subtask()->resolve(Subtask::State::Returned);
    return std::nullopt;
  }

  void on_exit(bool was_detached) noexcept override {
    was_detached_ = was_detached;
    task_ = nullptr;
    const auto self = std::move(self_);
  }

  [[nodiscard]] Failure on_cancel(std::uint16_t from) override {
    return task_->request_cancellation(from);
  }

 private:
  [[nodiscard]] std::size_t max_flat_results() const noexcept {
    return site_.is_async ? 0 : kMaxFlatResults;
  }
  [[nodiscard]] static ByteView memory_of(InstanceHeap& heap, const CallSite& site) {
    return site.memory_slot == CallSite::kNone ? ByteView{} : ByteView(heap.memory());
  }

  const GuestCallSite& site_;
  const CallSite callee_site_;
  const FuncLayout& layout_;
  ComponentInstance& instance_;
  engine::Store& store_;
  Task* task_ = nullptr;
  engine::RawVal arguments_[kMaxFlatParams] = {};
  std::uint32_t out_param_ = 0;
  engine::RawVal* flat_result_;  ///< for a result in core values: only who waits gets one
  bool was_detached_ = false;
  std::unique_ptr<GuestCaller> self_;
};

/// One call, step by step.
class AsyncGuestCall {
 public:
  AsyncGuestCall(
      const GuestCallSite& site,
      ComponentInstance& instance,
      engine::Store& store,
      FiberRun& run,
      engine::RawVal* slots
  )
      : site_(site), instance_(instance), store_(store), run_(run), slots_(slots) {}

  [[nodiscard]] Failure go() {
    if (instance_.func(site_.callee.func_slot) == nullptr) [[unlikely]] {
      return failure("component function called before its module was instantiated");
    }
    if (!site_.is_async) {
      if (const char* refused = run_.refuse_block()) [[unlikely]] {
        return failure(refused);
      }
    }
    if (instance_.is_nested(callee(), caller()) || !instance_.enter(callee(), caller()))
        [[unlikely]] {
      return failure("cannot enter component instance");
    }
    const bool is_direct = !site_.is_async && !site_.callee.is_async_lift;
    return is_direct ? call_here() : call_on_own_stack();
  }

 private:
  [[nodiscard]] std::uint16_t callee() const noexcept { return site_.callee.component_index; }
  [[nodiscard]] std::uint16_t caller() const noexcept { return site_.caller.component_index; }

  [[nodiscard]] Task* add_task(GuestCaller& by) {
    AsyncState& async = *instance_.async();
    Task* task = async.add_task(std::make_unique<Task>(run_, async, callee(), &site_.callee, &by));
    if (task != nullptr) {
      by.set_task(*task);
    }
    return task;
  }

  /// The callee returns when it is done: it needs no stack of its own.
  [[nodiscard]] Failure call_here() {
    Subtask subtask;
    GuestCaller by(site_, instance_, store_, subtask, slots_, &result_);
    Task* task = add_task(by);
    if (task == nullptr) [[unlikely]] {
      return failure("too many tasks");
    }
    Thread* const self = run_.current_thread();
    if (auto failed = task->start_here()) [[unlikely]] {
      return failed;
    }
    subtask.deliver_resolve();
    give_result();
    if (!by.was_detached()) {
      instance_.leave(callee(), caller());
      return std::nullopt;
    }
    // It has waited: whoever called this instance went on, and it needs a turn of its own.
    return self == nullptr ? std::nullopt
                           : run_.wait_until(*self, {.kind = Wait::Kind::Now}, false);
  }

  [[nodiscard]] Failure call_on_own_stack() {
    auto subtask = std::make_unique<Subtask>();
    auto by = std::make_unique<GuestCaller>(
        site_, instance_, store_, *subtask, slots_, site_.is_async ? nullptr : &result_
    );
    GuestCaller& caller_of = *by;
    Task* task = add_task(caller_of);
    if (task == nullptr) [[unlikely]] {
      return failure("too many tasks");
    }
    caller_of.own_itself(std::move(by));
    if (auto failed = task->start()) [[unlikely]] {
      return failed;
    }
    instance_.leave(callee(), caller());
    return site_.is_async ? give_subtask(std::move(subtask)) : wait_for(*subtask);
  }

  [[nodiscard]] Failure wait_for(Subtask& subtask) {
    if (!subtask.is_resolved()) {
      subtask.notifies();
      Thread* const self = run_.current_thread();
      if (self == nullptr) [[unlikely]] {
        return failure("an asynchronous function is called where nothing can wait for it");
      }
      if (auto failed =
              run_.wait_until(*self, {.kind = Wait::Kind::Event, .waitable = &subtask}, false)) {
        return failed;
      }
    }
    subtask.deliver_resolve();
    give_result();
    return std::nullopt;
  }

  [[nodiscard]] Failure give_subtask(std::unique_ptr<Subtask> subtask) {
    auto given = detail::give_subtask(instance_.handles(caller()), std::move(subtask));
    if (!given) [[unlikely]] {
      return std::move(given.error());
    }
    slots_[0].u64 = *given;
    return std::nullopt;
  }

  /// There is no slot for a result that there is not.
  void give_result() noexcept {
    const FuncLayout& layout = *site_.callee.layout;
    if (layout.result != nullptr && !layout.result_spills()) {
      slots_[0] = result_;
    }
  }

  const GuestCallSite& site_;
  ComponentInstance& instance_;
  engine::Store& store_;
  FiberRun& run_;
  engine::RawVal* slots_;
  engine::RawVal result_ = {};
};

}  // namespace

engine::HostStatus async_guest_call_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const GuestCallSite*>(env);
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  if (!instance.may_leave(site.caller.component_index)) [[unlikely]] {
    return detail::end_guest(store, "cannot leave component instance");
  }
  FiberRun* run = instance.async() == nullptr ? nullptr : instance.async()->run();
  if (run == nullptr || run->running() == nullptr) [[unlikely]] {
    return detail::end_guest(store, "asynchronous function called where nothing can wait for it");
  }
  AsyncGuestCall call(site, instance, store, *run, slots);
  if (auto failed = call.go()) [[unlikely]] {
    return detail::end_guest(store, *std::move(failed));
  }
  return engine::HostStatus::Return;
}

}  // namespace whorl::component
