/// Calls of a component's exports with C++ arguments.
///
///   auto done = call_export<void(Own<IncomingRequest>, Own<ResponseOutparam>)>(
///       instance, store, *handle, std::move(request), std::move(out));
///
/// @thread shard, on a fiber. @spec CanonicalABI.md, "canon lift"
#pragma once

#include "component/component.hpp"
#include "component/signature.hpp"
#include "component/thunk.hpp"

#include <algorithm>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace whorl::component {

class DirectCall;

namespace detail {

[[nodiscard]] engine::Trap as_trap(HostTrap trap);
/// A trap that says that the call was not made, and why.
[[nodiscard]] engine::Trap refusal(const ExportedFunc& func, std::string_view why);
/// Where the function's values are.
[[nodiscard]] inline CallSite site_of(const ExportedFunc& func) noexcept {
  return {0, func.memory_slot, func.realloc_slot, func.component_index, func.encoding};
}
/// What stands against calling the function with these core types; the types themselves are checked
/// when the component is loaded, and once more here because the call itself does not.
[[nodiscard]] std::optional<engine::Trap> check_call(
    const ComponentInstance& instance,
    const ExportedFunc& func,
    std::span<const engine::ValType> params,
    std::span<const engine::ValType> results,
    bool needs_memory
);
/// Calls post-return, if the function has one, with what the function returned.
[[nodiscard]] std::expected<void, engine::Trap> post_return(
    ComponentInstance& instance,
    engine::Store& store,
    const ExportedFunc& func,
    engine::RawVal returned
);

/// What the instance knows of a call while it runs.
class SynchronousCall {
 public:
  SynchronousCall(ComponentInstance& instance, const ExportedFunc& func);
  SynchronousCall(const SynchronousCall&) = delete;
  SynchronousCall& operator=(const SynchronousCall&) = delete;
  ~SynchronousCall();

 private:
  std::unique_ptr<DirectCall> direct_;  ///< null for components without asynchronous operations
};

template <class Fn>
struct ExportCall;
template <class R, class... P>
struct ExportCall<R(P...)> {
  using Sig = Signature<R, P...>;
  static_assert(!Sig::Output::kTraits.view, "a result outlives the memory it was lifted from");
  static_assert(!Sig::Params::kTraits.borrow, "host resources are given to guests, not lent");
  static constexpr std::size_t kSlots =
      std::max({Sig::kFlatParams, Sig::kFlatResults, std::size_t{1}});

  static std::expected<R, engine::Trap> call(
      ComponentInstance& instance, engine::Store& store, const ExportedFunc& func, P... args
  ) {
    constexpr auto params = Sig::flat_params();
    constexpr auto results = Sig::flat_results();
    constexpr bool kNeedsMemory = Sig::kParamsNeedMemory || Sig::kResultNeedsMemory;
    if (auto trap = check_call(instance, func, params, results, kNeedsMemory)) [[unlikely]] {
      return std::unexpected(std::move(*trap));
    }
    const CallSite site = site_of(func);
    if (!instance.enter(func.component_index, ComponentInstance::kHost)) [[unlikely]] {
      return std::unexpected(refusal(func, "cannot enter component instance"));
    }
    const SynchronousCall direct(instance, func);
    engine::RawVal slots[kSlots] = {};
    std::tuple<P...> arguments(std::move(args)...);
    if (auto trap = lower(instance, store, site, arguments, slots)) [[unlikely]] {
      return std::unexpected(as_trap(std::move(*trap)));
    }
    if (auto called = store.call_guest(*instance.func(func.func_slot), slots); !called) {
      return std::unexpected(std::move(called.error()));
    }
    auto result = finish(instance, store, func, site, slots[0]);
    if (result) [[likely]] {  // after a trap nobody leaves
      instance.leave(func.component_index, ComponentInstance::kHost);
    }
    return result;
  }

 private:
  static std::optional<HostTrap> lower(
      ComponentInstance& instance,
      engine::Store& store,
      const CallSite& site,
      std::tuple<P...>& arguments,
      engine::RawVal* slots
  ) {
    if constexpr (sizeof...(P) != 0) {
      using All = Abi<std::tuple<P...>>;
      InstanceHeap heap(instance, store, site);
      LowerContext cx(
          heap, instance.handles(site.component_index), site.encoding, site.component_index
      );
      if constexpr (Sig::kSpilledParams) {
        const std::uint32_t ptr = cx.allocate(All::kElemSize, All::kAlignment);
        if (!cx.failed()) {
          All::store(cx, arguments, ptr);
          set_i32(slots[0], ptr);
        }
      } else {
        All::lower_flat(cx, arguments, slots);
      }
      if (cx.failed()) [[unlikely]] {
        return cx.take_trap();
      }
    }
    return std::nullopt;
  }

  /// Lifts the result, then lets the guest free it: exactly once, and not after a trap.
  static std::expected<R, engine::Trap> finish(
      ComponentInstance& instance,
      engine::Store& store,
      const ExportedFunc& func,
      const CallSite& site,
      engine::RawVal returned
  ) {
    if constexpr (std::is_void_v<R>) {
      return post_return(instance, store, func, returned);
    } else {
      ByteView memory;
      if constexpr (Sig::kResultNeedsMemory) {
        memory = store.bytes_of(*memory_of(instance, site));
      }
      LiftContext cx(
          memory, instance.handles(site.component_index), Lending::Lookup, site.encoding, &store
      );
      R result = lift_result<R>(cx, &returned);
      if (cx.failed()) [[unlikely]] {
        return std::unexpected(as_trap(cx.take_trap()));
      }
      if (auto freed = post_return(instance, store, func, returned); !freed) [[unlikely]] {
        return std::unexpected(std::move(freed.error()));
      }
      return result;
    }
  }
};

}  // namespace detail

/// Calls an exported function.
///
/// @tparam Fn    R(P…): the function's type in owned C++ types; views are fine as parameters
/// @param func   of the instance's component
/// @param args   moved in; resources end up in the guest's handle table
/// @return       the lifted result, or why the guest ended. After a trap the instance is not called
///               again.
template <class Fn, class... A>
[[nodiscard]] auto call_export(
    ComponentInstance& instance, engine::Store& store, const ExportedFunc& func, A&&... args
) {
  return detail::ExportCall<Fn>::call(instance, store, func, std::forward<A>(args)...);
}

}  // namespace whorl::component
