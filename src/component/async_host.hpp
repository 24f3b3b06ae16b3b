/// Functions of the host that are `async func` in WIT: async_host_function<&Host::send, names>() is
/// the row of an interface's table.
///
/// They are written like all others, HostResult<R> send(Call&, P…), and wait on call.fiber; that
/// they are async only means that others of their guest may go on meanwhile. A guest that calls one
/// asynchronously has it run on a fiber of its own. Parameters own what they hold: views into the
/// guest's memory would not last. Borrowed resources do, they stay lent until the guest knows of
/// the end. When the guest wants the result no more, waits return Cancelled; what the function
/// returns then is thrown away. @thread shard. @spec CanonicalABI.md, "canon lower" with async
#pragma once

#include "component/subtask.hpp"
#include "component/thunk.hpp"

#include <memory>
#include <optional>
#include <tuple>
#include <utility>

namespace whorl::component {

class FiberRun;

namespace detail {

/// What an async function of the host waits on: the fiber, while others go on.
class HostWait final : public async::Parkable {
 public:
  HostWait(ComponentInstance& instance, engine::Store& store) noexcept;

  [[nodiscard]] Result<> park(async::Cancellable* operation = nullptr) override;
  void unpark() noexcept override;
  [[nodiscard]] bool cancelled() const noexcept override;
  /// A wait returned Cancelled because the result is not wanted.
  [[nodiscard]] bool was_cancelled() const noexcept { return was_cancelled_; }

 private:
  FiberRun* run_;
  engine::Fiber* fiber_;
  bool was_cancelled_ = false;
};
/// Why the guest may not wait for a call of an async function; null if it may.
[[nodiscard]] const char* refuse_waiting(ComponentInstance& instance);

/// A call on a fiber of its own.
class HostCall : public Thread, public SubtaskWork {
 public:
  HostCall(ComponentInstance& instance, engine::Store& store, FiberRun& in) noexcept;
  ~HostCall() override;
  [[nodiscard]] Failure run() final;
  [[nodiscard]] Failure on_cancel(std::uint16_t from) final;
  void begin(Subtask& subtask) noexcept { link(subtask); }

 protected:
  /// Calls the function; lowers what it returned unless the wait was cancelled.
  [[nodiscard]] virtual Failure invoke(Call& call, const HostWait& wait) = 0;

 private:
  ComponentInstance& instance_;
  engine::Store& store_;
};

/// Null where nobody can run the call.
[[nodiscard]] FiberRun* run_of(ComponentInstance& instance) noexcept;
/// Runs a call until it waits or is done, and tells the guest in slots[0].
[[nodiscard]] engine::HostStatus start_host_call(
    ComponentInstance& instance,
    engine::Store& store,
    const CallSite& site,
    std::unique_ptr<Subtask> subtask,
    std::unique_ptr<HostCall> call,
    engine::RawVal* slots
);
/// Gives the subtask a handle. @return what the lowered function returns
[[nodiscard]] HostResult<std::uint32_t> give_subtask(
    HandleTable& handles, std::unique_ptr<Subtask> subtask
);

inline constexpr std::size_t kMaxAsyncFlatParams = 4;  ///< MAX_FLAT_ASYNC_PARAMS

/// The asynchronously lowered form of a signature.
template <class Sig>
struct AsyncLowered {
  static constexpr bool kSpilled = Sig::Params::kFlat.size() > kMaxAsyncFlatParams;
  static constexpr std::size_t kParams = kSpilled ? 1 : Sig::Params::kFlat.size();
  static constexpr bool kHasResult = !std::is_same_v<typename Sig::Output, ResultAbi<void>>;

  [[nodiscard]] static engine::FuncType type() {
    engine::FuncType out;
    if constexpr (kSpilled) {
      out.params.push_back(engine::ValType::I32);
    } else {
      out.params.assign(Sig::Params::kFlat.begin(), Sig::Params::kFlat.end());
    }
    if (kHasResult) {
      out.params.push_back(engine::ValType::I32);
    }
    out.results.push_back(engine::ValType::I32);
    return out;
  }
  [[nodiscard]] static typename Sig::Lifted lift(LiftContext& cx, const engine::RawVal* slots) {
    using Lifted = typename Sig::Lifted;
    if constexpr (std::tuple_size_v<Lifted> == 0) {
      return {};
    } else if constexpr (kSpilled) {
      using Layout = typename Sig::Params;
      const std::uint8_t* at = cx.range(slots[0].u32, Layout::kElemSize, Layout::kAlignment);
      return at == nullptr ? Lifted{} : Abi<Lifted>::load(cx, at);
    } else {
      return Abi<Lifted>::lift_flat(cx, slots);
    }
  }
};

template <auto kMethod>
class HostCallOf final : public HostCall {
 public:
  using Types = MethodTypes<decltype(kMethod)>;
  using Sig = typename Types::Sig;
  using Lowered = AsyncLowered<Sig>;

  HostCallOf(
      ComponentInstance& instance,
      engine::Store& store,
      FiberRun& in,
      const CallSite& site,
      typename Types::Object& object,
      typename Sig::Lifted arguments,
      KeptBytes kept,
      std::uint32_t retptr
  )
      : HostCall(instance, store, in),
        site_(site),
        object_(object),
        arguments_(std::move(arguments)),
        kept_(std::move(kept)),
        retptr_(retptr) {}

 private:
  [[nodiscard]] Failure invoke(Call& call, const HostWait& wait) override {
    auto result = Types::template invoke<kMethod>(object_, call, arguments_);
    if (wait.was_cancelled()) {
      return std::nullopt;
    }
    if (!result) [[unlikely]] {
      return std::move(result.error());
    }
    if constexpr (Lowered::kHasResult) {
      using Output = typename Sig::Output;
      InstanceHeap heap(call.instance, call.store, site_);
      LowerContext cx(
          heap, call.instance.handles(site_.component_index), site_.encoding, site_.component_index
      );
      if (cx.accept(retptr_, Output::kElemSize, Output::kAlignment)) {
        Output::store(cx, *result, retptr_);
      }
      if (cx.failed()) [[unlikely]] {
        return cx.take_trap();
      }
    }
    return std::nullopt;
  }

  const CallSite& site_;
  typename Types::Object& object_;
  typename Sig::Lifted arguments_;
  KeptBytes kept_;  ///< arguments_
  std::uint32_t retptr_;
};

template <auto kMethod>
engine::HostStatus async_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  using Types = MethodTypes<decltype(kMethod)>;
  using Sig = typename Types::Sig;
  using Lowered = AsyncLowered<Sig>;
  static_assert(!Sig::Params::kTraits.view, "an async function's parameters own what they hold");
  const auto& site = *static_cast<const CallSite*>(env);
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  if (!instance.may_leave(site.component_index)) [[unlikely]] {
    return end_guest(store, "cannot leave component instance");
  }
  FiberRun* run = run_of(instance);
  if (run == nullptr) [[unlikely]] {
    return end_guest(store, "asynchronous function called where nothing can wait for it");
  }
  ByteView memory;
  if constexpr (Lowered::kSpilled || Lowered::kHasResult || Sig::Params::kTraits.memory) {
    const engine::Memory* guest_memory = memory_of(instance, site);
    if (guest_memory == nullptr) [[unlikely]] {
      return end_guest(store, "host function called before the memory it needs exists");
    }
    memory = store.bytes_of(*guest_memory);
  }
  auto subtask = std::make_unique<Subtask>();
  subtask->start();
  LiftContext& lift =
      subtask->lend(memory, instance.handles(site.component_index), site.encoding, store);
  typename Sig::Lifted arguments = Lowered::lift(lift, slots);
  if (lift.failed()) [[unlikely]] {
    return end_guest(store, lift.take_trap());
  }
  KeptBytes kept;
  if (!keep_arguments(kept, instance, lift)) [[unlikely]] {
    return end_guest(store, KeptBytes::kTooMany);
  }
  typename Types::Object* object = nullptr;
  if constexpr (Types::kOnResource) {
    object = std::get<0>(arguments);
  } else {
    object = static_cast<typename Types::Object*>(instance.host(site.host_slot));
  }
  if (object == nullptr) [[unlikely]] {
    return end_guest(store, "this interface is not available here");
  }
  const std::uint32_t retptr = Lowered::kHasResult ? slots[Lowered::kParams].u32 : 0;
  auto call = std::make_unique<HostCallOf<kMethod>>(
      instance, store, *run, site, *object, std::move(arguments), std::move(kept), retptr
  );
  return start_host_call(instance, store, site, std::move(subtask), std::move(call), slots);
}

/// A synchronous call of an async function: the caller waits, others may go on.
template <auto kMethod>
engine::HostStatus waiting_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  if (const char* refused = refuse_waiting(instance)) [[unlikely]] {
    return end_guest(store, refused);
  }
  HostWait wait(instance, store);
  return thunk_waiting_on<kMethod, true>(env, store, slots, &wait);
}

template <auto kMethod, const auto& kParamNames>
FuncShape async_method_shape() {
  FuncShape shape = method_shape<kMethod, kParamNames>();
  shape.is_async = true;
  return shape;
}

}  // namespace detail

/// A row of an interface's function table, for an `async func`.
///
/// @tparam kMethod      of a generated Host or resource class; its parameters hold no views
/// @tparam kParamNames  std::array of the WIT names, with "self" for a resource's method
/// @param name          WIT name: "[method]descriptor.stat", "wait-for"
template <auto kMethod, const auto& kParamNames>
[[nodiscard]] consteval HostFunction async_host_function(const char* name) {
  using Sig = typename detail::MethodTypes<decltype(kMethod)>::Sig;
  return {name, &detail::async_method_shape<kMethod, kParamNames>, &Sig::lowered_type, &detail::waiting_thunk<kMethod>, &detail::AsyncLowered<Sig>::type, &detail::async_thunk<kMethod>};
}

}  // namespace whorl::component
