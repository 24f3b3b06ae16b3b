#include "engine/store.hpp"

#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <array>
#include <stdexcept>

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a test

/// add1(x) = host(x) + 1
ModuleBuilder adder() {
  ModuleBuilder b;
  const auto host = b.import_func("env", "host", type({kI32}, {kI32}));
  b.export_func(
      "add1", type({kI32}, {kI32}), Code().local_get(0).call(host).i32_const(1).i32_add()
  );
  b.memory(1);
  b.data(16, "hello");
  return b;
}

TEST_CASE("an instance calls the host, and the host the instance") {
  const Module module = compile(adder());
  auto twice = [](Store&, RawVal* slots) {
    slots[0].i32 *= 2;
    return HostStatus::Return;
  };
  const std::array imports = {
      InstancePre::Import{"env", "host", host_func(type({kI32}, {kI32}), twice)}
  };
  auto pre = InstancePre::create(*engine(), module, imports);
  REQUIRE(pre);
  int tag = 0;
  auto store = make_store({}, &tag);
  CHECK(store->host_data() == &tag);
  const auto instance = store->instantiate(*pre);
  REQUIRE(instance);
  std::array<RawVal, 1> slots = {raw_i32(20)};
  const Func add1 = func_of(*store, *instance, "add1");
  CHECK(store->type_of(add1) == type({kI32}, {kI32}));
  REQUIRE(store->call_guest(add1, slots));
  CHECK(slots[0].i32 == 41);
  CHECK(store->current_fiber() == nullptr);
  CHECK(store->cpu_used().count() > 0);

  const auto memory = store->as_memory(*store->find_export(*instance, "memory"));
  REQUIRE(memory);
  CHECK(store->bytes_of(*memory).size() == 65536);
  CHECK(as_text(store->bytes_of(*memory).subspan(16, 5)) == "hello");
  CHECK_FALSE(store->as_func(*store->find_export(*instance, "memory")));
  CHECK_FALSE(store->find_export(*instance, "nothing"));
}

TEST_CASE("a module can be linked to items of one store") {
  ModuleBuilder peek;
  const auto host = peek.import_func("env", "host", type({}, {kI32}));
  peek.import_memory("env", "memory", 1);
  peek.export_func("peek", type({}, {kI32}), Code().call(host).i32_load());
  const Module adder_module = compile(adder());
  const Module peek_module = compile(peek);
  auto seven = [](Store&, RawVal* slots) {
    slots[0].i32 = 16;
    return HostStatus::Return;
  };
  auto store = make_store();
  const std::array first = {store->define(host_func(type({kI32}, {kI32}), seven))};
  const auto a = store->instantiate(adder_module, first);
  REQUIRE(a);
  const std::array second = {
      store->define(host_func(type({}, {kI32}), seven)), *store->find_export(*a, "memory")
  };
  const auto b = store->instantiate(peek_module, second);
  REQUIRE(b);
  std::array<RawVal, 1> slots = {};
  REQUIRE(store->call_guest(func_of(*store, *b, "peek"), slots));
  CHECK(slots[0].i32 == 0x6c6c6568);  // "hell"
}

TEST_CASE("wrong imports are refused by name") {
  const Module module = compile(adder());
  auto host = [](Store&, RawVal*) { return HostStatus::Return; };
  struct Case {
    std::vector<InstancePre::Import> imports;
    const char* message;
  };
  const std::vector<Case> cases = {
      {{}, "nothing provides the function `host` that the module imports from `env`"},
      {{{"env", "other", host_func(type({kI32}, {kI32}), host)}},
       "nothing provides the function `host` that the module imports from `env`"},
      {{{"env", "host", host_func(type({kI64}, {kI32}), host)}},
       "the module imports `host` from `env` as (i32) -> i32; it is (i64) -> i32"},
  };
  for (const Case& c : cases) {
    auto pre = InstancePre::create(*engine(), module, c.imports);
    REQUIRE_FALSE(pre);
    CHECK(pre.error().kind() == ErrorKind::InvalidInput);
    CHECK(pre.error().message() == c.message);
  }

  ModuleBuilder wants_memory;
  wants_memory.import_memory("env", "memory", 1);
  auto pre = InstancePre::create(*engine(), compile(wants_memory), {});
  REQUIRE_FALSE(pre);
  CHECK(
      pre.error().message() ==
      "nothing provides the memory `memory` that the module imports from `env`"
  );
  const std::array as_func = {InstancePre::Import{"env", "memory", host_func(type(), host)}};
  pre = InstancePre::create(*engine(), compile(wants_memory), as_func);
  REQUIRE_FALSE(pre);
  CHECK(
      pre.error().message() ==
      "the module imports `memory` from `env` as a memory; it is a function"
  );
}

TEST_CASE("types that the C API cannot name are refused, not fatal") {
  // (import "env" "f" (func (param (ref func))))
  const Bytes typed_ref = {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01,
                           0x06, 0x01, 0x60, 0x01, 0x64, 0x70, 0x00, 0x02, 0x09,
                           0x01, 0x03, 'e',  'n',  'v',  0x01, 'f',  0x00, 0x00};
  auto module = Module::compile(*engine(), typed_ref);
  REQUIRE(module);
  auto host = [](Store&, RawVal*) { return HostStatus::Return; };
  const std::array imports = {
      InstancePre::Import{"env", "f", host_func(type({ValType::FuncRef}), host)}
  };
  auto pre = InstancePre::create(*engine(), *module, imports);
  REQUIRE_FALSE(pre);
  CHECK(
      pre.error().message() ==
      "the module imports `f` from `env` as (ref) -> (); it is (funcref) -> ()"
  );

  ModuleBuilder vector;
  vector.import_func("env", "f", type({ValType::V128}, {ValType::V128}));
  const std::array vector_import = {
      InstancePre::Import{"env", "f", host_func(type({ValType::V128}, {ValType::V128}), host)}
  };
  CHECK(InstancePre::create(*engine(), compile(vector), vector_import));
}

TEST_CASE("bad bytes do not compile") {
  struct Case {
    Bytes bytes;
    const char* part;
  };
  const std::vector<Case> cases = {
      {{}, "the core module is not valid: "},
      {{0x00, 0x61, 0x73, 0x6d}, "the core module is not valid: "},
      {{0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0xff},
       "the core module is not valid: "},
  };
  for (const Case& c : cases) {
    auto module = Module::compile(*engine(), c.bytes);
    REQUIRE_FALSE(module);
    CHECK(module.error().kind() == ErrorKind::InvalidInput);
    CHECK(module.error().message().starts_with(c.part));
    CHECK(module.error().message().find('\n') == std::string::npos);
  }
}

/// Runs `code` (type () -> i32) in a fresh store; the trap.
Trap trap_of(const Code& code) {
  ModuleBuilder b;
  b.memory(1);
  const auto other = b.func(type({kI32}), Code());
  b.table(4, {other});
  const auto inner = b.func(type({}, {kI32}), code);
  const auto outer = b.export_func("run", type({}, {kI32}), Code().call(inner));
  b.module_name("guest");
  b.func_name(inner, "inner");
  b.func_name(outer, "_ZN3app4main17h0123456789abcdefE");
  auto store = make_store();
  const auto instance = store->instantiate(compile(b), {});
  REQUIRE(instance);
  std::array<RawVal, 1> slots = {};
  auto result = store->call_guest(func_of(*store, *instance, "run"), slots);
  REQUIRE_FALSE(result);
  // A guest that trapped is not entered again: the same end is told.
  CHECK(store->is_dying());
  auto again = store->call_guest(func_of(*store, *instance, "run"), slots);
  REQUIRE_FALSE(again);
  CHECK(again.error().message == result.error().message);
  return result.error();
}

TEST_CASE("engine traps become kinds, words and frames") {
  struct Case {
    Code code;
    TrapKind kind;
    const char* message;
  };
  const std::vector<Case> cases = {
      {Code().unreachable(), TrapKind::Unreachable, "the guest executed `unreachable`"},
      {Code().i32_const(65536).i32_load(),
       TrapKind::MemoryOutOfBounds,
       "memory access out of bounds"},
      {Code().i32_const(-1).i32_load(), TrapKind::MemoryOutOfBounds, "memory access out of bounds"},
      {Code().i32_const(1).i32_const(0).i32_div_s(),
       TrapKind::IntegerDivideByZero,
       "integer division by zero"},
      {Code().i32_const(INT32_MIN).i32_const(-1).i32_div_s(),
       TrapKind::IntegerOverflow,
       "integer overflow"},
      {Code().i32_const(0).call_indirect(1),
       TrapKind::IndirectCallMismatch,
       "indirect call to a function of another type"},
      {Code().i32_const(1).call_indirect(1),
       TrapKind::IndirectCallMismatch,
       "indirect call to an empty table entry"},
      {Code().i32_const(9).call_indirect(1),
       TrapKind::TableOutOfBounds,
       "table access out of bounds"},
      {Code().call(1), TrapKind::StackOverflow, "guest stack overflow"},
  };
  for (const Case& c : cases) {
    const Trap trap = trap_of(c.code);
    CHECK(trap.kind == c.kind);
    CHECK(trap.message == c.message);
    REQUIRE(trap.backtrace.size() >= 2);
    CHECK(trap.backtrace[0].module == "guest");
    CHECK(trap.backtrace[0].function == "inner");
    CHECK(trap.backtrace[0].function_index == 1);
    CHECK(trap.backtrace[0].module_offset > 0);
    if (c.kind != TrapKind::StackOverflow) {
      CHECK(trap.backtrace[1].function == "app::main");
    }
  }
}

TEST_CASE("a trap reads as message and frames") {
  Trap trap{.kind = TrapKind::Unreachable, .message = "ended", .exit_code = 0, .backtrace = {}};
  CHECK(trap.to_text() == "ended");
  trap.backtrace = {{"app", "run", 3, 0x1f}, {"", "", 4, 0x20}};
  CHECK(
      trap.to_text() == "ended\n  0: app!run (offset 0x1f)\n  1: <module>!function 4 (offset 0x20)"
  );
}

/// An instance whose `run` calls `host`, which is the callable.
template <class Host>
struct Calling {
  explicit Calling(Host& host, const Budget& budget = {}) : store(make_store(budget)) {
    ModuleBuilder b;
    const auto import = b.import_func("env", "host", type());
    b.export_func("run", type(), Code().call(import));
    b.export_func("nothing", type(), Code());
    b.export_func("trap", type(), Code().unreachable());
    b.func_name(1, "run");
    const std::array imports = {store->define(host_func(type(), host))};
    const auto made = store->instantiate(compile(b), imports);
    REQUIRE(made);
    instance = *made;
  }
  std::expected<void, Trap> call(std::string_view name) {
    std::array<RawVal, 1> slots = {};
    return store->call_guest(func_of(*store, instance, name), slots);
  }
  std::unique_ptr<Store> store;
  Instance instance;
};

TEST_CASE("a host function ends the guest with its reason") {
  auto host = [](Store& store, RawVal*) { return store.set_trap(TrapKind::Exit, "exit", 3); };
  Calling guest(host);
  auto result = guest.call("run");
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == TrapKind::Exit);
  CHECK(result.error().message == "exit");
  CHECK(result.error().exit_code == 3);
  REQUIRE(result.error().backtrace.size() == 1);
  CHECK(result.error().backtrace[0].function == "run");
}

TEST_CASE("K2: a dying store does not go back into its guest whatever the function returns") {
  auto host = [](Store& store, RawVal*) {
    (void)store.set_trap(TrapKind::HostTrap, "first");
    (void)store.set_trap(TrapKind::Exit, "second");
    return HostStatus::Return;
  };
  Calling guest(host);
  auto result = guest.call("run");
  REQUIRE_FALSE(result);
  CHECK(result.error().message == "first");
}

TEST_CASE("a trap without a reason and escaping exceptions are contained") {
  auto silent = [](Store&, RawVal*) { return HostStatus::Trap; };
  Calling first(silent);
  CHECK(first.call("run").error().message == "a host function ended the guest without a reason");
  auto throwing = [](Store&, RawVal*) -> HostStatus { throw std::runtime_error("oh"); };
  Calling second(throwing);
  CHECK(second.call("run").error().message == "internal error: oh");
  CHECK(second.call("run").error().kind == TrapKind::HostTrap);
  auto odd = [](Store&, RawVal*) -> HostStatus { throw 3; };
  Calling third(odd);
  CHECK(third.call("run").error().message == "internal error: an exception of unknown type");
  CHECK_FALSE(std::current_exception());
}

TEST_CASE("a trap in a nested call keeps its frames up to the outermost") {
  const Instance* instance = nullptr;
  auto host = [&](Store& store, RawVal*) {
    std::array<RawVal, 1> slots = {};
    auto inner = store.call_guest(func_of(store, *instance, "trap"), slots);
    REQUIRE_FALSE(inner);
    CHECK(inner.error().kind == TrapKind::Unreachable);
    return store.set_trap(inner.error().kind, inner.error().message);
  };
  Calling guest(host);
  instance = &guest.instance;
  auto result = guest.call("run");
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == TrapKind::Unreachable);
  CHECK(result.error().backtrace.size() == 2);
}

TEST_CASE("a start function runs at instantiation, can call the host, and its trap is told") {
  auto host = [](Store& store, RawVal* slots) {
    CHECK(store.current_fiber() == nullptr);
    return slots[0].i32 == 1 ? HostStatus::Return : store.set_trap(TrapKind::Exit, "exit", 4);
  };
  for (const int arg : {1, 2}) {
    ModuleBuilder b;
    const auto import = b.import_func("env", "host", type({kI32}));
    b.start(b.func(type(), Code().i32_const(arg).call(import)));
    const std::array imports = {InstancePre::Import{"env", "host", host_func(type({kI32}), host)}};
    auto pre = InstancePre::create(*engine(), compile(b), imports);
    REQUIRE(pre);
    auto store = make_store();
    auto instance = store->instantiate(*pre);
    CHECK(instance.has_value() == (arg == 1));
    if (!instance) {
      CHECK(instance.error().kind == TrapKind::Exit);
      CHECK(instance.error().exit_code == 4);
    }
  }
}

TEST_CASE("a memory does not grow past its store's limit") {
  ModuleBuilder b;
  b.memory(1);
  b.export_func("grow", type({kI32}, {kI32}), Code().local_get(0).memory_grow());
  Budget budget;
  budget.memory_bytes = 4 * 65536;
  auto store = make_store(budget);
  const auto instance = store->instantiate(compile(b), {});
  REQUIRE(instance);
  const Func grow = func_of(*store, *instance, "grow");
  for (const auto& [pages, expected] : {std::pair{3, 1}, {1, -1}, {0, 4}}) {
    std::array<RawVal, 1> slots = {raw_i32(pages)};
    REQUIRE(store->call_guest(grow, slots));
    CHECK(slots[0].i32 == expected);
  }
  budget.memory_bytes = 1000;
  auto small = make_store(budget);
  auto refused = small->instantiate(compile(b), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == TrapKind::ResourceLimit);
}

TEST_CASE("a full pool refuses an instance with a limit, and serves again after") {
  ModuleBuilder b;
  b.memory(1);
  const Module module = compile(b);
  std::vector<std::unique_ptr<Store>> stores;
  std::expected<Instance, Trap> last;
  do {
    stores.push_back(make_store());
    last = stores.back()->instantiate(module, {});
  } while (last && stores.size() < 1000);
  REQUIRE_FALSE(last);
  CHECK(last.error().kind == TrapKind::ResourceLimit);
  CHECK(stores.size() == engine()->pool_slots() + 1);
  stores.clear();
  CHECK(make_store()->instantiate(module, {}));
}

}  // namespace
}  // namespace whorl::engine
