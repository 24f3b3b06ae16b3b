/// Host functions made of C++ methods: host_function<&Host::now, names>() is a table row whose
/// types and thunk all come from the method's signature, so that they cannot disagree.
///
/// A thunk checks that the instance may leave, lifts the arguments, calls the method on the Host
/// object of the interface (or on the resource, for a method of one) and lowers what it returned.
/// It allocates nothing for scalars, handles and strings. @thread shard
/// @spec CanonicalABI.md, "canon lower"
#pragma once

#include "component/component.hpp"
#include "component/kept_bytes.hpp"
#include "component/signature.hpp"
#include "engine/fiber.hpp"

#include <array>
#include <concepts>
#include <tuple>
#include <utility>

namespace whorl::component {

namespace detail {

/// Null unless the guest's memory is there: a start function may call before it exists.
[[nodiscard]] inline const engine::Memory* memory_of(
    const ComponentInstance& instance, const CallSite& site
) noexcept {
  return site.memory_slot == CallSite::kNone ? nullptr : instance.memory(site.memory_slot);
}

}  // namespace detail

/// The running instance as the guest's side of lowering.
///
/// A guest's memory only grows, and the engine never moves it: what was in bounds once is where it
/// was, so that its size is asked for again only where the one known is too small.
class InstanceHeap final : public GuestHeap {
 public:
  /// @param known  the memory as it was seen some time; may be empty
  InstanceHeap(
      ComponentInstance& instance,
      engine::Store& store,
      const CallSite& site,
      MutableByteView known = {}
  ) noexcept
      : instance_(instance), store_(store), site_(site), known_(known) {}
  [[nodiscard]] MutableByteView memory() override {
    const engine::Memory* memory = detail::memory_of(instance_, site_);
    return memory == nullptr ? MutableByteView{} : store_.bytes_of(*memory);
  }
  [[nodiscard]] bool give_way_if_due() override { return store_.give_way_if_due(); }
  [[nodiscard]] HostResult<std::uint32_t> reallocate(
      std::uint32_t old_ptr, std::uint32_t old_size, std::uint32_t alignment, std::uint32_t new_size
  ) override;
  [[nodiscard]] Answer reallocate_in(
      Block old, std::uint32_t alignment, std::uint32_t new_size, AbiFailure& failure
  ) override;

 private:
  ComponentInstance& instance_;
  engine::Store& store_;
  const CallSite& site_;
  MutableByteView known_;
};

namespace detail {

/// Keeps the guest from calling out while its realloc or post-return runs.
class NoLeave {
 public:
  NoLeave(ComponentInstance& instance, std::uint16_t component_index) noexcept
      : instance_(instance), component_index_(component_index) {
    instance_.set_may_leave(component_index_, false);
  }
  NoLeave(const NoLeave&) = delete;
  NoLeave& operator=(const NoLeave&) = delete;
  ~NoLeave() { instance_.set_may_leave(component_index_, true); }

 private:
  ComponentInstance& instance_;
  std::uint16_t component_index_;
};

/// The end of a guest that was called from a host function, passed on.
[[nodiscard]] HostTrap as_host_trap(engine::Trap trap);
/// Ends the guest with that trap.
[[nodiscard]] engine::HostStatus end_guest(engine::Store& store, HostTrap trap);
[[nodiscard]] engine::HostStatus end_guest(engine::Store& store, const char* reason);

template <class M>
struct MethodTypes;
template <class C, class R, class... P>
struct MethodTypes<HostResult<R> (C::*)(Call&, P...)> {
  using Object = C;
  using Result = R;
  static constexpr bool kOnResource = std::derived_from<C, HostResource>;
  /// A resource's method has the resource as its first parameter, `self`.
  using Sig = std::conditional_t<
      kOnResource,
      Signature<R, Held<std::conditional_t<kOnResource, C, HostResource>&>, Held<P>...>,
      Signature<R, Held<P>...>>;
  template <auto kMethod>
  static HostResult<R> invoke(C& object, Call& call, typename Sig::Lifted& arguments) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (object.*kMethod)(
          call, Param<P>::pass(std::get<I + (kOnResource ? 1 : 0)>(arguments))...
      );
    }(std::index_sequence_for<P...>{});
  }
};

/// Stores or returns a result.
///
/// @param memory  the guest's as it was seen some time; may be empty
template <class Sig, class R>
engine::HostStatus lower_result(
    Call& call, const CallSite& site, MutableByteView memory, R& result, engine::RawVal* slots
) {
  using Output = typename Sig::Output;
  const std::uint32_t retptr = Sig::kSpilledResult ? slots[Sig::kFlatParams].u32 : 0;
  if (Sig::kSpilledResult && std::uint64_t{retptr} + Output::kElemSize > memory.size()) {
    memory = call.store.bytes_of(*memory_of(call.instance, site));
  }
  InstanceHeap heap(call.instance, call.store, site, memory);
  LowerContext cx(
      heap, call.instance.handles(site.component_index), site.encoding, site.component_index
  );
  if constexpr (Sig::kSpilledResult) {
    if (cx.accept_in(memory, retptr, Output::kElemSize, Output::kAlignment)) {
      Output::store(cx, result, retptr);
    }
  } else {
    Output::lower_flat(cx, result, slots);
  }
  if (cx.failed()) [[unlikely]] {
    return end_guest(call.store, cx.take_trap());
  }
  return engine::HostStatus::Return;
}

/// Calls the method with lifted arguments and lowers what it returns.
///
/// @param fiber  what the method waits on; null for the running fiber
template <auto kMethod>
engine::HostStatus call_method(
    ComponentInstance& instance,
    engine::Store& store,
    const CallSite& site,
    MutableByteView memory,
    typename MethodTypes<decltype(kMethod)>::Sig::Lifted& arguments,
    engine::RawVal* slots,
    async::Parkable* fiber
) {
  using Types = MethodTypes<decltype(kMethod)>;
  using Sig = typename Types::Sig;
  typename Types::Object* object = nullptr;
  if constexpr (Types::kOnResource) {
    object = std::get<0>(arguments);
  } else {
    object = static_cast<typename Types::Object*>(instance.host(site.host_slot));
  }
  if (object == nullptr) [[unlikely]] {
    return end_guest(store, "this interface is not available here");
  }
  Call call{instance, store, fiber != nullptr ? fiber : store.current_fiber()};
  auto result = Types::template invoke<kMethod>(*object, call, arguments);
  if (!result) [[unlikely]] {
    return end_guest(store, std::move(result.error()));
  }
  if constexpr (std::is_void_v<typename Types::Result>) {
    return engine::HostStatus::Return;
  } else {
    return lower_result<Sig>(call, site, memory, *result, slots);
  }
}

/// Counts the arguments of a call that may wait while others of its guest go on, if they are large.
///
/// @return false when the host keeps too much for the instance
[[nodiscard]] bool keep_arguments(
    KeptBytes& kept, ComponentInstance& instance, const LiftContext& lift
) noexcept;

/// @tparam kOthersGoOn  while the function waits
/// @param fiber         what it waits on; null for the running fiber
template <auto kMethod, bool kOthersGoOn>
engine::HostStatus thunk_waiting_on(
    void* env, engine::Store& store, engine::RawVal* slots, async::Parkable* fiber
) {
  using Types = MethodTypes<decltype(kMethod)>;
  using Sig = typename Types::Sig;
  const auto& site = *static_cast<const CallSite*>(env);
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  if (!instance.may_leave(site.component_index)) [[unlikely]] {
    return end_guest(store, "cannot leave component instance");
  }
  MutableByteView memory;
  if constexpr (Sig::kParamsNeedMemory || Sig::kResultNeedsMemory) {
    const engine::Memory* guest_memory = memory_of(instance, site);
    if (guest_memory == nullptr) [[unlikely]] {
      return end_guest(store, "host function called before the memory it needs exists");
    }
    if constexpr (Sig::kParamsNeedMemory) {
      memory = store.bytes_of(*guest_memory);
    }
  }
  HandleTable& handles = instance.handles(site.component_index);
  if constexpr (!Sig::kParamsNeedMemory && !Sig::Params::kTraits.borrow) {
    // Nothing of the context is needed once the arguments are there.
    typename Sig::Lifted arguments;
    {
      LiftContext lift({}, handles, Lending::Lookup, site.encoding);
      arguments = LiftArguments<Sig>::lift(lift, slots);
      if (lift.failed()) [[unlikely]] {
        return end_guest(store, lift.take_trap());
      }
    }
    return call_method<kMethod>(instance, store, site, memory, arguments, slots, fiber);
  } else {
    // Until the context ends, which is when the host function has returned and its result is there:
    // the function may wait and the guest may run meanwhile.
    constexpr Lending kLending = Sig::Params::kTraits.borrow ? Lending::Lend : Lending::Lookup;
    LiftContext lift(memory, handles, kLending, site.encoding, &store);
    typename Sig::Lifted arguments = LiftArguments<Sig>::lift(lift, slots);
    if (lift.failed()) [[unlikely]] {
      return end_guest(store, lift.take_trap());
    }
    if constexpr (kOthersGoOn) {
      KeptBytes kept;
      if (!keep_arguments(kept, instance, lift)) [[unlikely]] {
        return end_guest(store, KeptBytes::kTooMany);
      }
      return call_method<kMethod>(instance, store, site, memory, arguments, slots, fiber);
    } else {
      return call_method<kMethod>(instance, store, site, memory, arguments, slots, fiber);
    }
  }
}

template <auto kMethod>
engine::HostStatus thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  return thunk_waiting_on<kMethod, false>(env, store, slots, nullptr);
}

template <auto kMethod, const auto& kParamNames>
FuncShape method_shape() {
  using Sig = typename MethodTypes<decltype(kMethod)>::Sig;
  static_assert(kParamNames.size() == std::tuple_size_v<typename Sig::Lifted>);
  return Sig::shape(kParamNames);
}

}  // namespace detail

/// A row of an interface's function table.
///
/// @tparam kMethod      of a generated Host or resource class
/// @tparam kParamNames  std::array of the WIT names, with "self" for a resource's method
/// @param name          WIT name: "[method]fields.append", "now"
template <auto kMethod, const auto& kParamNames>
[[nodiscard]] consteval HostFunction host_function(const char* name) {
  using Sig = typename detail::MethodTypes<decltype(kMethod)>::Sig;
  return {name, &detail::method_shape<kMethod, kParamNames>, &Sig::lowered_type, &detail::thunk<kMethod>};
}

/// A row of an interface's resource table.
template <class R>
[[nodiscard]] consteval HostResourceDesc host_resource() {
  return {&R::kTag, [] { return resource_type<R>(); }};
}

}  // namespace whorl::component
