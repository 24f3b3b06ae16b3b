/// Calls of a component's async exports with C++ arguments.
///
///   auto done = call_async_export<HandlerResult(Own<Request>)>(
///       instance, store, *handle, [&](HandlerResult result) { … }, std::move(request));
///
/// The result is there before the call is over: a guest may go on after task.return, to write the
/// rest of a body. @thread shard, on the first fiber of a FiberRun. @spec CanonicalABI.md,
/// "canon lift" with async
#pragma once

#include "component/abi.hpp"
#include "component/async_host.hpp"
#include "component/export_call.hpp"
#include "component/stream.hpp"
#include "component/task.hpp"

#include <expected>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace whorl::component {
namespace detail {

/// How long a call of an async export lasts.
enum class Until : std::uint8_t {
  Returned,  ///< its tasks go on in the next call
  Exited,    ///< its task, and all that it set going
};
/// Starts a task and stays until then.
[[nodiscard]] std::expected<void, engine::Trap> run_async_export(
    ComponentInstance& instance,
    engine::Store& store,
    const ExportedFunc& func,
    TaskCaller& caller,
    Until until
);

/// A caller that lives as long as the task it posted.
class PostedCaller : public TaskCaller {
 public:
  void own_itself(std::unique_ptr<PostedCaller> self) noexcept { self_ = std::move(self); }
  void on_exit(bool /*was_detached*/) noexcept final {
    const auto self = std::move(self_);
    exited();
  }

 private:
  virtual void exited() noexcept = 0;
  std::unique_ptr<PostedCaller> self_;
};
/// Has a task run when its turn comes.
/// @param event  see Thread::event
[[nodiscard]] std::expected<void, engine::Trap> post_task(
    ComponentInstance& instance,
    const ExportedFunc& func,
    std::unique_ptr<PostedCaller> caller,
    void* event
);

/// Compares what a function takes and returns in core values.
/// @param type    of the function lifted synchronously
/// @param result  the core values of its result, also where there are too many to be passed as such
[[nodiscard]] bool fits_async_export(
    const ExportedFunc& func,
    const engine::FuncType& type,
    const std::optional<std::vector<engine::ValType>>& result
);

template <class Fn>
struct ExportType;
template <class R, class... P>
struct ExportType<R(P...)> {
  [[nodiscard]] static bool fits(const ExportedFunc& func) {
    std::optional<std::vector<engine::ValType>> result;
    if constexpr (!std::is_void_v<R>) {
      result.emplace(Abi<R>::kFlat.begin(), Abi<R>::kFlat.end());
    }
    return fits_async_export(func, Signature<R, P...>::lifted_type(), result);
  }
};

template <class Fn, class OnReturn>
class AsyncExportCall;
template <class R, class... P, class OnReturn>
class AsyncExportCall<R(P...), OnReturn> final : public TaskCaller {
 public:
  using Sig = Signature<R, P...>;
  static_assert(!Sig::Output::kTraits.view, "a result outlives the memory it was lifted from");
  static_assert(!Sig::Params::kTraits.borrow, "host resources are given to guests, not lent");

  AsyncExportCall(
      ComponentInstance& instance,
      engine::Store& store,
      const ExportedFunc& func,
      OnReturn& on_return,
      std::tuple<P...> arguments
  )
      : instance_(instance),
        store_(store),
        func_(func),
        on_return_(on_return),
        arguments_(std::move(arguments)) {}

  [[nodiscard]] Failure on_start(Task& /*task*/, engine::RawVal* slots) override {
    if constexpr (sizeof...(P) != 0) {
      using All = Abi<std::tuple<P...>>;
      const CallSite site = site_of(func_);
      InstanceHeap heap(instance_, store_, site);
      LowerContext cx(
          heap, instance_.handles(site.component_index), site.encoding, site.component_index
      );
      if constexpr (Sig::kSpilledParams) {
        const std::uint32_t ptr = cx.allocate(All::kElemSize, All::kAlignment);
        if (!cx.failed()) {
          All::store(cx, arguments_, ptr);
          set_i32(slots[0], ptr);
        }
      } else {
        All::lower_flat(cx, arguments_, slots);
      }
      if (cx.failed()) [[unlikely]] {
        return cx.take_trap();
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] Failure on_resolve(Task& /*task*/, TaskResult* result) override {
    if (result == nullptr) {
      return std::nullopt;
    }
    if constexpr (std::is_void_v<R>) {
      on_return_();
    } else {
      R value = lift(*result);
      if (result->cx.failed()) [[unlikely]] {
        return result->cx.take_trap();
      }
      on_return_(std::move(value));
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] static auto lift(TaskResult& result) {
    if (Abi<R>::kFlat.size() <= result.max_flat) {
      return Abi<R>::lift_flat(result.cx, result.slots);
    }
    const std::uint8_t* at =
        result.cx.range(result.slots[0].u32, Abi<R>::kElemSize, Abi<R>::kAlignment);
    return at == nullptr ? R{} : Abi<R>::load(result.cx, at);
  }

  ComponentInstance& instance_;
  engine::Store& store_;
  const ExportedFunc& func_;
  OnReturn& on_return_;
  std::tuple<P...> arguments_;
};

}  // namespace detail

namespace detail {

template <class Fn, class OnReturn, class OnExit>
class PostedExportCall final : public PostedCaller {
 public:
  template <class Arguments>
  PostedExportCall(
      ComponentInstance& instance,
      engine::Store& store,
      const ExportedFunc& func,
      OnReturn on_return,
      OnExit on_exit,
      Arguments arguments
  )
      : on_return_(std::move(on_return)),
        on_exit_(std::move(on_exit)),
        call_(instance, store, func, on_return_, std::move(arguments)) {}

  [[nodiscard]] Failure on_start(Task& task, engine::RawVal* slots) override {
    return call_.on_start(task, slots);
  }
  [[nodiscard]] Failure on_resolve(Task& task, TaskResult* result) override {
    return call_.on_resolve(task, result);
  }

 private:
  void exited() noexcept override { on_exit_(); }

  OnReturn on_return_;
  OnExit on_exit_;
  AsyncExportCall<Fn, OnReturn> call_;
};

}  // namespace detail

/// Whether an export can be called by call_async_export<Fn>(): same core values in, and back. To be
/// asked when it is found; what does not fit must not be called.
template <class Fn>
[[nodiscard]] bool is_async_export(const ExportedFunc& func) {
  return detail::ExportType<Fn>::fits(func);
}

/// Calls an exported function that is async in WIT, however it was lifted.
///
/// @tparam Fn        R(P…): the function's type in owned C++ types
/// @param func       of the instance's component; its type was compared with Fn's when it was found
/// @param on_return  void(R), or void() without a result: called once, on a fiber, when the guest
///                   returns. It neither waits nor enters the guest. Not called if the guest traps
///                   first
/// @param args       moved in; resources end up in the guest's handle table
/// @return           when the task has exited and no task is left that could go on; or why the
///                   guest ended, before or after on_return
template <class Fn, class OnReturn, class... A>
[[nodiscard]] std::expected<void, engine::Trap> call_async_export(
    ComponentInstance& instance,
    engine::Store& store,
    const ExportedFunc& func,
    OnReturn&& on_return,
    A&&... args
) {
  detail::AsyncExportCall<Fn, std::remove_reference_t<OnReturn>> call(
      instance, store, func, on_return, {std::forward<A>(args)...}
  );
  return detail::run_async_export(instance, store, func, call, detail::Until::Exited);
}

/// Begins a call of an exported function that is async in WIT, beside others of the instance.
///
/// The call begins when the run that is open for the instance comes to it and nothing of the guest
/// holds it back. Off the fibers, too.
/// @param event      what the guest does for the call is done for it; see
/// FiberRun::Driver::runs_for()
/// @param on_return  as of call_async_export(); moved in
/// @param on_exit    void() noexcept: called once, when the task is gone, well or not. It does
///                   neither wait nor enter the guest, nor destroy the run
/// @return           why there is no such call; then neither is called
template <class Fn, class OnReturn, class OnExit, class... A>
[[nodiscard]] std::expected<void, engine::Trap> post_async_export(
    ComponentInstance& instance,
    engine::Store& store,
    const ExportedFunc& func,
    void* event,
    OnReturn on_return,
    OnExit on_exit,
    A&&... args
) {
  using Call = detail::PostedExportCall<Fn, OnReturn, OnExit>;
  using Arguments = std::tuple<std::decay_t<A>...>;
  return detail::post_task(
      instance,
      func,
      std::make_unique<Call>(
          instance,
          store,
          func,
          std::move(on_return),
          std::move(on_exit),
          Arguments(std::forward<A>(args)...)
      ),
      event
  );
}

}  // namespace whorl::component
