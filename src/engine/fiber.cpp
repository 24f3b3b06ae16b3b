#include "engine/fiber.hpp"

#include "base/check.hpp"
#include "engine/kept_fiber.hpp"
#include "engine/store_impl.hpp"
#include "engine/trap.hpp"

#include <cxxabi.h>

#include <cstring>

namespace whorl::engine {
namespace {

using ExceptionState = Fiber::Impl::ExceptionState;

/// The thread's exception state as the Itanium C++ ABI lays it out (§2.2.2): the stack of caught
/// exceptions and the count of those in flight.
ExceptionState exchange_exceptions(const ExceptionState& with) noexcept {
  void* globals = abi::__cxa_get_globals();
  ExceptionState before;
  std::memcpy(&before, globals, sizeof before);
  std::memcpy(globals, &with, sizeof with);
  return before;
}

}  // namespace

template <class Step>
auto Fiber::Impl::switched_in(Step step) {
  const Store::Impl::Run run(*store_impl);
  store_impl->current = this;
  const ExceptionState outside = exchange_exceptions(exceptions);
  const auto result = step();
  if (thread_stack.bottom != nullptr) {
    stand_on(std::exchange(thread_stack, {}));
  }
  exceptions = exchange_exceptions(outside);
  store_impl->current = nullptr;
  return result;
}

Fiber::Fiber(Store& store, FiberScheduler& scheduler, Entry entry, void* env)
    : impl_(std::make_unique<Impl>()) {
  impl_->self = this;
  impl_->store_impl = &store.impl();
  impl_->store = &store;
  impl_->scheduler = &scheduler;
  impl_->entry = entry;
  impl_->env = env;
  impl_->next = store.impl().fibers;
  if (impl_->next != nullptr) {
    impl_->next->previous = impl_.get();
  }
  store.impl().fibers = impl_.get();
}

Fiber::~Fiber() {
  if (impl_->store_impl != nullptr) {
    impl_->end();
    impl_->unlink();
  }
}

void Fiber::Impl::unlink() noexcept {
  (previous == nullptr ? store_impl->fibers : previous->next) = next;
  if (next != nullptr) {
    next->previous = previous;
  }
  next = previous = nullptr;
}

bool Fiber::Impl::start() {
  if (store_impl->dying || !store_impl->ensure_driver()) {
    return false;
  }
  if (store_impl->resting != nullptr) {
    call = std::move(store_impl->resting);
    store_impl->is_wanted = true;
    return true;
  }
  call = std::make_unique<DriverCall>();
  call->run = capi::bits<wasmtime_func_t>(store_impl->run);
  call->future.reset(wasmtime_func_call_async(
      store_impl->context, &call->run, nullptr, 0, nullptr, 0, &call->trap, &call->error
  ));
  return true;
}

void Fiber::Impl::finish() {
  if (rests) {
    store_impl->resting = std::move(call);
    state = State::Done;
    return;
  }
  capi::WasmTrap owned_trap;
  capi::Error owned_error;
  if (call != nullptr) {
    call->future.reset();
    owned_trap.reset(std::exchange(call->trap, nullptr));
    owned_error.reset(std::exchange(call->error, nullptr));
    call.reset();
  }
  if (!returned) {
    if (owned_trap != nullptr || owned_error != nullptr) {
      outcome =
          std::unexpected(store_impl->take_failure(std::move(owned_trap), std::move(owned_error)));
    } else {
      outcome = std::unexpected(*store_impl->ending);
    }
  }
  state = State::Done;
}

Fiber::State Fiber::resume() {
  Impl& fiber = *impl_;
  WHORL_CHECK(
      fiber.state != State::Done && fiber.state != State::Running &&
          fiber.store_impl->current == nullptr,
      "a fiber is resumed from inside a fiber of its store, or after its end"
  );
  fiber.told_ready = false;
  bool done = fiber.state == State::New && !fiber.start();
  if (!done) {
    fiber.state = State::Running;
    fiber.yielding = false;
    done = fiber.switched_in([&] { return wasmtime_call_future_poll(fiber.call->future.get()); }) ||
           fiber.rests;
  }
  FiberScheduler& scheduler = *fiber.scheduler;
  if (done) {
    fiber.finish();
    scheduler.fiber_done(*this);  // may destroy the fiber
    return State::Done;
  }
  const State state = fiber.yielding ? State::Yielded : State::Parked;
  fiber.state = state;
  if (state == State::Yielded) {
    scheduler.fiber_yielded(*this);
  }
  return state;
}

Fiber::State Fiber::state() const noexcept {
  return impl_->state;
}
Store& Fiber::store() const noexcept {
  return *impl_->store;
}
const std::expected<void, Trap>& Fiber::outcome() const noexcept {
  return impl_->outcome;
}
bool Fiber::cancelled() const noexcept {
  return impl_->store_impl == nullptr || impl_->store_impl->dying || impl_->interrupted;
}
void Fiber::interrupt() noexcept {
  if (impl_->state != State::Done && !std::exchange(impl_->interrupted, true) &&
      !impl_->asked_to_end) {
    if (impl_->operation != nullptr) {
      impl_->operation->cancel();
    } else {
      unpark();
    }
  }
}
bool Fiber::is_interrupted() const noexcept {
  return impl_->interrupted;
}
void Fiber::clear_interrupt() noexcept {
  impl_->interrupted = false;
}
void* Fiber::env() const noexcept {
  return impl_->env;
}

void Fiber::cancel(TrapKind kind, std::string reason) {
  if (impl_->state == State::Done || impl_->store_impl == nullptr) {
    return;
  }
  impl_->store_impl->fail(kind, std::move(reason));
  for (Impl* fiber = impl_->store_impl->fibers; fiber != nullptr; fiber = fiber->next) {
    fiber->wake_to_end();
  }
}

void Fiber::Impl::wake_to_end() noexcept {
  if (asked_to_end || state == State::Done || state == State::Running) {
    return;
  }
  asked_to_end = true;
  if (operation != nullptr) {
    operation->cancel();
  } else {
    self->unpark();
  }
}

Result<> Fiber::park(async::Cancellable* operation) {
  Impl& fiber = *impl_;
  Store::Impl& store = *fiber.store_impl;
  WHORL_CHECK(store.current == &fiber, "park() is called off its own fiber");
  if (!store.dying && !fiber.interrupted && !std::exchange(fiber.woken, false)) {
    fiber.operation = operation;
    fiber.parking = true;
    const auto block = capi::bits<wasmtime_func_t>(store.block);
    wasmtime_val_raw_t slot = {};
    wasm_trap_t* trap = nullptr;
    const capi::Error error(wasmtime_func_call_unchecked(store.context, &block, &slot, 1, &trap));
    fiber.arrived();
    const capi::WasmTrap owned_trap(trap);
    fiber.parking = false;
    fiber.operation = nullptr;
    fiber.woken = false;
    if ((error != nullptr || owned_trap != nullptr) && !store.dying) {
      store.fail(to_trap(owned_trap.get(), error.get()));
    }
  }
  if (store.dying) {
    return Error(ErrorKind::Cancelled, "the guest is being ended");
  }
  if (fiber.interrupted) {
    return Error(ErrorKind::Cancelled, "the guest no longer wants the result");
  }
  return {};
}

void Fiber::unpark() noexcept {
  Impl& fiber = *impl_;
  fiber.woken = true;
  if ((fiber.state == State::Parked || fiber.state == State::New) && !fiber.told_ready) {
    fiber.told_ready = true;
    fiber.scheduler->fiber_ready(*this);
  }
}

void Fiber::Impl::end() noexcept {
  if (state == State::Done) {
    return;
  }
  WHORL_DCHECK(state != State::Running, "a running fiber is destroyed");
  WHORL_DCHECK(
      operation == nullptr || woken, "a fiber is destroyed while its operation is under way"
  );
  store_impl->fail(TrapKind::Cancelled, "the guest's fiber was dropped");
  if (call != nullptr) {
    switched_in([&] {
      state = State::Running;
      call->future.reset();
      return 0;
    });
    call.reset();
  }
  outcome = std::unexpected(*store_impl->ending);
  state = State::Done;
}

void keep_fiber(Store& store) noexcept {
  store.impl().keeps_fiber = true;
}

/// The epoch's way off the fiber is half as long as that of an asynchronous import: the driver's
/// `nap` finds its deadline passed, and epoch_callback() has it yield.
bool Store::Impl::rest() noexcept {
  is_wanted = false;
  // The fiber is gone when its call is resumed.
  current->parking = current->rests = true;
  wasmtime_context_set_epoch_deadline(context, 0);
  bool is_well = enter_driver(nap);
  if (is_well && !is_wanted) [[unlikely]] {
    // Code that does not look at the epoch where `nap` was expected to.
    is_well = enter_driver(block);
  }
  return is_well && current != nullptr;
}

bool Store::Impl::enter_driver(const Func& function) noexcept {
  const auto raw = capi::bits<wasmtime_func_t>(function);
  wasmtime_val_raw_t values = {};
  wasm_trap_t* trap = nullptr;
  const capi::Error error(wasmtime_func_call_unchecked(context, &raw, &values, 1, &trap));
  const capi::WasmTrap owned_trap(trap);
  return error == nullptr && owned_trap == nullptr;
}

bool Store::give_way_if_due() {
  Impl& store = *impl_;
  if (store.current != nullptr && !store.dying) {
    // The engine looks at the epoch where it enters `nap`, as in any function of a guest.
    const bool is_well = store.enter_driver(store.nap);
    store.current->arrived();
    if (!is_well) {
      store.fail(TrapKind::HostTrap, "the guest was ended while the host worked for it");
    }
  }
  return !store.dying;
}

void Store::Impl::end_rest() noexcept {
  if (resting != nullptr) {
    is_wanted = true;
    // Returns at once. If it did not, what follows would unwind it.
    (void)wasmtime_call_future_poll(resting->future.get());
    resting.reset();
  }
}

void suspend_thunk(
    void* /*env*/,
    wasmtime_caller_t* caller,
    const wasmtime_val_t* /*args*/,
    std::size_t /*arg_count*/,
    wasmtime_val_t* /*results*/,
    std::size_t /*result_count*/,
    wasm_trap_t** /*trap*/,
    wasmtime_async_continuation_t* continuation
) noexcept {
  Store::Impl& store =
      static_cast<Store*>(wasmtime_context_get_data(wasmtime_caller_context(caller)))->impl();
  if (store.current->rests) {
    continuation->callback = [](void* rests) {
      return static_cast<Store::Impl*>(rests)->is_wanted;
    };
    continuation->env = &store;
  } else {
    continuation->callback = [](void* fiber) { return static_cast<Fiber::Impl*>(fiber)->woken; };
    continuation->env = store.current;
  }
  continuation->finalizer = nullptr;
}

}  // namespace whorl::engine
