#include "engine/store.hpp"

#include "base/check.hpp"
#include "engine/module_impl.hpp"
#include "engine/store_impl.hpp"
#include "engine/thread_use.hpp"
#include "engine/trap.hpp"

#include <cstring>
#include <limits>

namespace whorl::engine {
namespace {

std::int64_t clamped(std::uint64_t bytes) {
  return static_cast<std::int64_t>(
      std::min<std::uint64_t>(bytes, std::numeric_limits<std::int64_t>::max())
  );
}

}  // namespace

Result<std::unique_ptr<Store>> Store::create(
    const std::shared_ptr<Engine>& engine, const Budget& budget, void* host_data
) {
  auto store = std::make_unique<Store>(std::make_unique<Impl>(), host_data);
  Impl& impl = store->impl();
  impl.engine = engine;
  impl.self = store.get();
  impl.budget = budget;
  impl.created = Clock::now();
  // From here on its time is told from others'. Where instances are kept, their reset asks anyway.
  static_cast<void>(ThreadUse::now());
  impl.slot = &engine->impl().clock->slot_of_this_thread();
  impl.store.reset(wasmtime_store_new(engine->impl().engine.get(), store.get(), nullptr));
  impl.context = wasmtime_store_context(impl.store.get());
  wasmtime_store_limiter(
      impl.store.get(),
      clamped(budget.memory_bytes),
      kMaxTableElements,
      kMaxInstancesPerStore,
      kMaxTablesPerStore,
      kMaxMemoriesPerStore
  );
  wasmtime_store_epoch_deadline_callback(impl.store.get(), epoch_callback, store.get(), nullptr);
  wasmtime_context_set_epoch_deadline(impl.context, 1);
  return store;
}

Store::Store(std::unique_ptr<Impl> impl, void* host_data) noexcept
    : impl_(std::move(impl)), host_data_(host_data) {}

Store::~Store() {
  while (impl_->fibers != nullptr) {
    Fiber::Impl& fiber = *impl_->fibers;
    fiber.end();
    fiber.unlink();
    fiber.store_impl = nullptr;
  }
  impl_->end_rest();
}

const Budget& Store::budget() const noexcept {
  return impl_->budget;
}
void Store::set_deadline(std::chrono::steady_clock::time_point deadline) noexcept {
  impl_->budget.deadline = deadline;
}
bool Store::begin_next_event(const Budget& budget, Clock::time_point now) noexcept {
  if (impl_->dying || impl_->fibers != nullptr || impl_->running != 0) {
    return false;
  }
  impl_->budget = budget;
  impl_->created = now;
  impl_->is_untouched = true;
  impl_->cpu_used = {};
  impl_->host_calls = 0;
  wasmtime_context_set_epoch_deadline(impl_->context, 1);
  return true;
}
std::uint64_t Store::host_calls() const noexcept {
  return impl_->host_calls;
}
std::chrono::nanoseconds Store::cpu_used() const noexcept {
  return impl_->running == 0 ? impl_->cpu_used
                             : impl_->cpu_used + (Clock::now() - impl_->charged_until);
}
Fiber* Store::current_fiber() const noexcept {
  return impl_->current == nullptr ? nullptr : impl_->current->self;
}
bool Store::is_dying() const noexcept {
  return impl_->dying;
}

std::expected<Instance, Trap> Store::instantiate(const InstancePre& pre) {
  if (!impl_->may_instantiate()) {
    return std::unexpected(*impl_->ending);
  }
  wasmtime_instance_t instance = {};
  wasm_trap_t* trap = nullptr;
  const Impl::Run run(*impl_);
  capi::Error error(
      wasmtime_instance_pre_instantiate(pre.impl().pre.get(), impl_->context, &instance, &trap)
  );
  if (error != nullptr || trap != nullptr) {
    return std::unexpected(impl_->take_failure(capi::WasmTrap(trap), std::move(error)));
  }
  return capi::bits<Instance>(instance);
}

std::expected<Instance, Trap> Store::instantiate(
    const Module& module, std::span<const Extern> imports
) {
  if (!impl_->may_instantiate()) {
    return std::unexpected(*impl_->ending);
  }
  std::vector<wasmtime_extern_t> items;
  items.reserve(imports.size());
  for (const Extern& item : imports) {
    items.push_back(capi::bits<wasmtime_extern_t>(item));
  }
  wasmtime_instance_t instance = {};
  wasm_trap_t* trap = nullptr;
  const Impl::Run run(*impl_);
  capi::Error error(wasmtime_instance_new(
      impl_->context, module.impl().module.get(), items.data(), items.size(), &instance, &trap
  ));
  if (error != nullptr || trap != nullptr) {
    return std::unexpected(impl_->take_failure(capi::WasmTrap(trap), std::move(error)));
  }
  return capi::bits<Instance>(instance);
}

Extern Store::define(const HostFunc& func) {
  const capi::FuncTypePtr type = capi::to_wasm(func.type);
  WHORL_CHECK(type != nullptr, "a host function has a type that the host does not offer");
  wasmtime_extern_t item = {};
  item.kind = WASMTIME_EXTERN_FUNC;
  wasmtime_func_new_unchecked(
      impl_->context,
      type.get(),
      host_thunk,
      make_host_record(func),
      free_host_record,
      &item.of.func
  );
  return capi::bits<Extern>(item);
}

std::optional<Extern> Store::find_export(const Instance& instance, std::string_view name) {
  const auto raw = capi::bits<wasmtime_instance_t>(instance);
  wasmtime_extern_t item = {};
  if (!wasmtime_instance_export_get(impl_->context, &raw, name.data(), name.size(), &item)) {
    return std::nullopt;
  }
  return capi::bits<Extern>(item);
}

std::optional<Func> Store::as_func(const Extern& item) const noexcept {
  const auto raw = capi::bits<wasmtime_extern_t>(item);
  if (raw.kind != WASMTIME_EXTERN_FUNC) {
    return std::nullopt;
  }
  return capi::bits<Func>(raw.of.func);
}

std::optional<Memory> Store::as_memory(const Extern& item) const noexcept {
  const auto raw = capi::bits<wasmtime_extern_t>(item);
  if (raw.kind != WASMTIME_EXTERN_MEMORY) {
    return std::nullopt;
  }
  return capi::bits<Memory>(raw.of.memory);
}

std::optional<Func> Store::func_in_table(const Extern& table, std::uint64_t index) const {
  const auto raw = capi::bits<wasmtime_extern_t>(table);
  if (raw.kind != WASMTIME_EXTERN_TABLE) {
    return std::nullopt;
  }
  wasmtime_val_t value = {};
  if (!wasmtime_table_get(impl_->context, &raw.of.table, index, &value)) {
    return std::nullopt;
  }
  if (value.kind != WASMTIME_FUNCREF || wasmtime_funcref_is_null(&value.of.funcref)) {
    wasmtime_val_unroot(&value);
    return std::nullopt;
  }
  return capi::bits<Func>(value.of.funcref);
}

FuncType Store::type_of(const Func& func) {
  const auto raw = capi::bits<wasmtime_func_t>(func);
  const capi::FuncTypePtr type(wasmtime_func_type(impl_->context, &raw));
  return capi::to_func_type(*type);
}

MutableByteView Store::bytes_of(const Memory& memory) noexcept {
  const wasmtime_memory_t* raw = capi::in_place<wasmtime_memory_t>(memory);
  wasmtime_context_t* context = impl_->context;
  Impl::SeenMemory& seen = impl_->seen_memory;
  if (std::memcmp(&seen.memory, &memory, sizeof memory) != 0) [[unlikely]] {
    seen = {memory, wasmtime_memory_data(context, raw)};
  }
  return {seen.base, wasmtime_memory_data_size(context, raw)};
}

HostStatus Store::set_trap(TrapKind kind, std::string message, int exit_code) {
  impl_->fail(kind, std::move(message), exit_code);
  return HostStatus::Trap;
}

bool Store::Impl::may_instantiate() {
  if (has_driver) {  // the engine refuses it too, in words that help nobody (engine.md M6)
    fail(TrapKind::HostTrap, "modules are instantiated before the store's first fiber starts");
  }
  return !dying;
}

void Store::Impl::fail(Trap reason) {
  if (!ending) {
    ending = std::move(reason);
    dying = true;
  }
}

void Store::Impl::fail(TrapKind kind, std::string message, int exit_code) {
  fail(Trap{.kind = kind, .message = std::move(message), .exit_code = exit_code, .backtrace = {}});
}

Trap Store::Impl::take_failure(capi::WasmTrap trap, capi::Error error) {
  if (!ending) {
    fail(to_trap(trap.get(), error.get()));
  } else if (ending->backtrace.empty()) {
    ending->backtrace = frames_of(trap.get(), error.get());
  }
  return *ending;
}

bool Store::Impl::ensure_driver() {
  if (has_driver) {
    return true;
  }
  wasmtime_instance_t instance = {};
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error = nullptr;
  capi::Future future(wasmtime_instance_pre_instantiate_async(
      engine->impl().driver.get(), context, &instance, &trap, &error
  ));
  const bool done = wasmtime_call_future_poll(future.get());
  WHORL_CHECK(done, "the driver has no start function to wait for");
  future.reset();
  if (error != nullptr || trap != nullptr) {
    (void)take_failure(capi::WasmTrap(trap), capi::Error(error));
    return false;
  }
  wasmtime_extern_t item = {};
  wasmtime_instance_export_get(context, &instance, "run", 3, &item);
  run = capi::bits<Func>(item.of.func);
  wasmtime_instance_export_get(context, &instance, "block", 5, &item);
  block = capi::bits<Func>(item.of.func);
  wasmtime_instance_export_get(context, &instance, "nap", 3, &item);
  nap = capi::bits<Func>(item.of.func);
  has_driver = true;
  return true;
}

}  // namespace whorl::engine
