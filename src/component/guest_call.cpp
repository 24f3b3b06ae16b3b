#include "component/guest_call.hpp"

#include "component/call_borrows.hpp"
#include "component/export_call.hpp"
#include "component/interpret.hpp"
#include "component/task.hpp"
#include "component/thunk.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace whorl::component {
namespace {

/// One call, step by step. Each step says why the guest is to be ended, if it is.
class GuestCall {
 public:
  using Failure = std::optional<HostTrap>;

  GuestCall(
      const GuestCallSite& site,
      ComponentInstance& instance,
      engine::Store& store,
      engine::RawVal* slots
  )
      : site_(site),
        callee_site_(detail::site_of(site.callee)),
        layout_(*site.callee.layout),
        instance_(instance),
        store_(store),
        slots_(slots),
        caller_heap_(instance, store, site.caller),
        callee_heap_(instance, store, callee_site_),
        borrows_(instance.handles(callee_site_.component_index)),
        lent_(
            caller_heap_.memory(),
            instance.handles(site.caller.component_index),
            layout_.params_borrow ? Lending::Lend : Lending::Lookup,
            site.caller.encoding,
            &store
        ) {
    lent_.allow_views(caller_heap_);
  }

  [[nodiscard]] Failure run() {
    if (instance_.func(site_.callee.func_slot) == nullptr) [[unlikely]] {
      return failure("component function called before its module was instantiated");
    }
    if (layout_.result_spills()) {
      out_param_ = slots_[layout_.flat_params()].u32;
    }
    if (auto failed = pass_arguments()) [[unlikely]] {
      return failed;
    }
    const engine::Func& func = *instance_.func(site_.callee.func_slot);
    if (auto called = store_.call_guest(func, callee_slots_); !called) [[unlikely]] {
      return detail::as_host_trap(std::move(called.error()));
    }
    const engine::RawVal returned = callee_slots_[0];
    if (auto failed = pass_result()) [[unlikely]] {
      return failed;
    }
    auto freed = detail::post_return(instance_, store_, site_.callee, returned);
    return freed ? Failure() : Failure(detail::as_host_trap(std::move(freed.error())));
  }

 private:
  [[nodiscard]] static Failure failure(const char* reason) {
    return HostTrap{engine::TrapKind::HostTrap, reason, 0};
  }

  [[nodiscard]] Failure pass_arguments() {
    std::vector<Value> values = lift_params(lent_, layout_, slots_);
    if (lent_.failed()) [[unlikely]] {
      return lent_.take_trap();
    }
    LowerContext lower(
        callee_heap_,
        instance_.handles(callee_site_.component_index),
        callee_site_.encoding,
        callee_site_.component_index,
        &borrows_.scope()
    );
    lower_params(lower, layout_, values, callee_slots_);
    return lower.failed() ? Failure(lower.take_trap()) : Failure();
  }

  /// Lifts the result, and lowers it before post-return frees it.
  [[nodiscard]] Failure pass_result() {
    LiftContext lift(
        callee_heap_.memory(),
        instance_.handles(callee_site_.component_index),
        Lending::Lookup,
        callee_site_.encoding,
        &store_
    );
    lift.allow_views(callee_heap_);
    std::optional<Value> result = lift_result(lift, layout_, callee_slots_);
    if (lift.failed()) [[unlikely]] {
      return lift.take_trap();
    }
    if (borrows_.scope().num_borrows != 0) [[unlikely]] {
      return failure("borrow handles still remain at the end of the call");
    }
    LowerContext lower(
        caller_heap_,
        instance_.handles(site_.caller.component_index),
        site_.caller.encoding,
        site_.caller.component_index
    );
    lower_result(lower, layout_, result, slots_, out_param_);
    return lower.failed() ? Failure(lower.take_trap()) : Failure();
  }

  const GuestCallSite& site_;
  const CallSite callee_site_;
  const FuncLayout& layout_;
  ComponentInstance& instance_;
  engine::Store& store_;
  engine::RawVal* slots_;
  engine::RawVal callee_slots_[kMaxFlatParams] = {};
  std::uint32_t out_param_ = 0;
  InstanceHeap caller_heap_;
  InstanceHeap callee_heap_;
  CallBorrows borrows_;
  LiftContext lent_;  ///< what the caller lends stays lent until the call is over
};

}  // namespace

engine::HostStatus guest_call_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const GuestCallSite*>(env);
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  const std::uint16_t caller = site.caller.component_index;
  const std::uint16_t callee = site.callee.component_index;
  if (!instance.may_leave(caller)) [[unlikely]] {
    return detail::end_guest(store, "cannot leave component instance");
  }
  const TaskStorage outer = instance.task_storage(callee);
  if (instance.is_nested(callee, caller) || !instance.enter(callee, caller)) [[unlikely]] {
    return detail::end_guest(store, "cannot enter component instance");
  }
  const DirectCall direct(instance, callee, DirectCall::Kind::Synchronous);
  if (auto refused = direct.refused()) [[unlikely]] {
    return detail::end_guest(store, *std::move(refused));
  }
  GuestCall call(site, instance, store, slots);
  if (auto failed = call.run()) [[unlikely]] {
    return detail::end_guest(store, std::move(*failed));
  }
  instance.leave(callee, caller);
  instance.task_storage(callee) = outer;
  return engine::HostStatus::Return;
}

}  // namespace whorl::component
