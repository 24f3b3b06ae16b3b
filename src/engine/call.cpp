// Both directions of a call: into the guest (Store::call_guest) and out of it (the host thunk),
// and what the epoch does to a running guest.
#include "base/check.hpp"
#include "engine/stack_trim.hpp"
#include "engine/store_impl.hpp"
#include "engine/trap.hpp"

#include <fmt/format.h>

namespace whorl::engine {
namespace {

/// What ends the guest; why is on the store.
wasm_trap_t* end_guest() noexcept {
  constexpr std::string_view kText = "ended by the host";
  return wasmtime_trap_new(kText.data(), kText.size());
}

/// Runs `call` and turns exceptions that escape it into the store's end.
template <class Call>
void contained(Store::Impl& store, Call call) noexcept {
  try {
    call();
  } catch (const std::exception& e) {  // InvariantBroken and what third parties throw
    store.fail(TrapKind::HostTrap, fmt::format("internal error: {}", e.what()));
  } catch (...) {  // lint: allow(catch_all) the boundary to C frames
    store.fail(TrapKind::HostTrap, "internal error: an exception of unknown type");
  }
}

Store& store_of(wasmtime_caller_t* caller) noexcept {
  return *static_cast<Store*>(wasmtime_context_get_data(wasmtime_caller_context(caller)));
}

}  // namespace

void* make_host_record(const HostFunc& func) {
  return std::make_unique<HostRecord>(HostRecord{func.call, func.env}).release();
}
void free_host_record(void* record) noexcept {
  const std::unique_ptr<HostRecord> owned(static_cast<HostRecord*>(record));
}

wasm_trap_t* host_thunk(
    void* record, wasmtime_caller_t* caller, wasmtime_val_raw_t* values, std::size_t /*count*/
) noexcept {
  const auto& func = *static_cast<const HostRecord*>(record);
  Store& store = store_of(caller);
  if (store.impl().current != nullptr) {
    store.impl().current->arrived();
  }
  ++store.impl().host_calls;
  HostStatus status = HostStatus::Trap;
  contained(store.impl(), [&] {
    status = func.call(func.env, store, reinterpret_cast<RawVal*>(values));
  });
  // A dying store never goes back into its guest, whatever the function says (engine.md K2).
  if (status == HostStatus::Return && !store.impl().dying) [[likely]] {
    return nullptr;
  }
  contained(store.impl(), [&] {
    store.impl().fail(TrapKind::HostTrap, "a host function ended the guest without a reason");
  });
  return end_guest();
}

wasm_trap_t* enter_thunk(
    void* /*env*/, wasmtime_caller_t* caller, wasmtime_val_raw_t* /*values*/, std::size_t /*count*/
) noexcept {
  Store::Impl& store = store_of(caller).impl();
  const StackTrim trim;
  std::uintptr_t stack_bottom = 0;
  wasm_trap_t* ending = nullptr;
  do {
    Fiber::Impl& fiber = *store.current;
    stack_bottom = capi::stack_pointer() - kFiberStackBytes + Fiber::Impl::kFramesAboveEntry;
    fiber.stack_bottom = stack_bottom;
    fiber.arrived();
    contained(store, [&] {
      fiber.outcome = fiber.entry(fiber.env, *fiber.self);
      fiber.returned = true;
      // Host code that saw no more than that the guest is being ended does not know why.
      if (!fiber.outcome && store.dying) [[unlikely]] {
        fiber.outcome = std::unexpected(*store.ending);
      }
    });
    if (!fiber.returned) {
      ending = end_guest();
      break;
    }
    // One of several must give its stack back: they are counted.
    const bool is_last = store.fibers == &fiber && fiber.next == nullptr;
    if (!store.keeps_fiber || !is_last || store.dying || !fiber.outcome) {
      break;
    }
  } while (store.rest());
  trim.give_back(stack_bottom);
  return ending;
}

bool Store::Impl::stack_allows_entry() const noexcept {
  // Off the fibers the engine sets its limit once, at the outermost entry, so that nested ones
  // cannot exceed it. On a fiber each entry gets kMaxWasmStackBytes anew (engine.md K1).
  return current == nullptr || capi::stack_pointer() > current->stack_bottom + kMaxWasmStackBytes +
                                                           kHostStackReserveBytes;
}

std::expected<void, Trap> Store::call_guest(const Func& func, std::span<RawVal> slots) {
  Impl& impl = *impl_;
  if (impl.dying) [[unlikely]] {
    return std::unexpected(*impl.ending);
  }
  if (!impl.stack_allows_entry()) [[unlikely]] {
    impl.fail(TrapKind::StackOverflow, "guest stack overflow: too many calls nested in host calls");
    return std::unexpected(*impl.ending);
  }
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error = nullptr;
  const auto call = [&] {
    error = wasmtime_func_call_unchecked(
        impl.context,
        capi::in_place<wasmtime_func_t>(func),
        reinterpret_cast<wasmtime_val_raw_t*>(slots.data()),
        slots.size(),
        &trap
    );
  };
  if (impl.current != nullptr) [[likely]] {
    call();
    impl.current->arrived();
  } else {
    const Impl::Run run(impl);
    call();
  }
  if (error == nullptr && trap == nullptr) [[likely]] {
    return {};
  }
  return std::unexpected(impl.take_failure(capi::WasmTrap(trap), capi::Error(error)));
}

namespace {

enum class Verdict : std::uint8_t { GoOn, GiveWay, End };

Verdict judge(Store::Impl& store) {
  const auto now = Clock::now();
  const auto in_this_run = now - store.run_started;
  store.charge(now);
  if (store.dying) {
    return Verdict::End;
  }
  if (store.cpu_used >= store.budget.cpu) {
    store.fail(
        TrapKind::CpuBudget,
        fmt::format("used its CPU budget of {}", duration_text(store.budget.cpu))
    );
    return Verdict::End;
  }
  if (now >= store.budget.deadline) {
    store.fail(
        TrapKind::WallDeadline,
        fmt::format(
            "ran past its wall-clock limit of {}",
            duration_text(store.budget.deadline - store.created)
        )
    );
    return Verdict::End;
  }
  // A guest that has yielded before meets its first tick anywhere in its slice; half of it on
  // average makes the slice right.
  const bool before = store.current != nullptr && store.current->past_slice;
  if (in_this_run < (before ? store.budget.slice / 2 : store.budget.slice)) {
    return Verdict::GoOn;
  }
  store.engine->impl().clock->note_past_slice();
  return Verdict::GiveWay;
}

}  // namespace

wasmtime_error_t* epoch_callback(
    wasmtime_context_t* /*context*/,
    void* data,
    std::uint64_t* delta,
    wasmtime_update_deadline_kind_t* kind
) noexcept {
  Store::Impl& store = static_cast<Store*>(data)->impl();
  *delta = 1;
  *kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
  Fiber::Impl* fiber = store.current;
  if (fiber != nullptr && fiber->stack_bottom != 0) {
    fiber->arrived();
  }
  if (fiber != nullptr && fiber->rests) {
    *kind = WASMTIME_UPDATE_DEADLINE_YIELD;
    return nullptr;
  }
  if (fiber != nullptr && fiber->parking) {
    // The driver's `block` noticed the tick; the fiber is about to suspend anyway, and must not be
    // ended while its operation is under way.
    return nullptr;
  }
  Verdict verdict = Verdict::End;
  contained(store, [&] { verdict = judge(store); });
  if (verdict == Verdict::End) {
    return wasmtime_error_new("ended by the host");
  }
  // A fiber that comes back gets at least to the next tick, however short its slice.
  const bool just_back = fiber != nullptr && std::exchange(fiber->just_back, false);
  if (verdict == Verdict::GiveWay && fiber != nullptr && !just_back) {
    fiber->yielding = true;
    fiber->past_slice = true;
    fiber->just_back = true;
    *kind = WASMTIME_UPDATE_DEADLINE_YIELD;
    // Asks again as soon as the guest goes on: by then it may have been cancelled.
    *delta = 0;
  }
  return nullptr;
}

}  // namespace whorl::engine
