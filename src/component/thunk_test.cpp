// Host functions and exports, with a guest of real machine code: a core module whose names say what
// it imports and exports.
#include "component/thunk.hpp"

#include "component/component.hpp"
#include "component/export_call.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

namespace whorl::component {
namespace {

using engine::FuncType;
using engine::test::Code;
using engine::test::ModuleBuilder;
using enum engine::ValType;

// --- an interface, shaped as tools/witgen shapes it
// -----------------------------------------------

class Box : public HostResource {
 public:
  static const ResourceTag kTag;
  virtual HostResult<std::uint32_t> weight(Call& call) = 0;
  virtual HostResult<std::uint32_t> merge(Call& call, Own<Box> other) = 0;
};
constinit const ResourceTag Box::kTag{"test:house/boxes", "box"};

class Host {
 public:
  virtual ~Host() = default;
  virtual HostResult<std::uint32_t> add(Call& call, std::uint32_t a, std::uint32_t b) = 0;
  virtual HostResult<std::string> echo(Call& call, std::string_view text) = 0;
  virtual HostResult<std::expected<std::vector<std::string>, std::uint32_t>> split(
      Call& call, std::string_view text
  ) = 0;
  virtual HostResult<> stop(Call& call, std::string_view why) = 0;
  virtual HostResult<Own<Box>> box_new(Call& call, std::uint32_t weight) = 0;
};

constexpr std::array<const char*, 2> kAb{"a", "b"};
constexpr std::array<const char*, 1> kText{"text"};
constexpr std::array<const char*, 1> kSelf{"self"};
constexpr std::array<const char*, 2> kSelfOther{"self", "other"};
constexpr HostFunction kFunctions[] = {
    host_function<&Host::add, kAb>("add"),
    host_function<&Host::echo, kText>("echo"),
    host_function<&Host::split, kText>("split"),
    host_function<&Host::stop, kText>("stop"),
    host_function<&Host::box_new, kText>("[constructor]box"),
    host_function<&Box::weight, kSelf>("[method]box.weight"),
    host_function<&Box::merge, kSelfOther>("[method]box.merge"),
};
constexpr HostResourceDesc kResources[] = {host_resource<Box>()};
constexpr HostInterface kInterface{"test:house/boxes", "1.0.0", kFunctions, kResources};
constexpr const char* kModule = "test:house/boxes@1.0.0";
constexpr const char* kApi = "test:house/api@1.0.0#";

class PlainBox final : public Box {
 public:
  PlainBox(std::uint32_t weight, int& alive) : weight_(weight), alive_(alive) { ++alive_; }
  ~PlainBox() override { --alive_; }
  HostResult<std::uint32_t> weight(Call&) override { return weight_; }
  HostResult<std::uint32_t> merge(Call&, Own<Box> other) override {
    weight_ += dynamic_cast<PlainBox&>(*other).weight_;
    return weight_;
  }

 private:
  std::uint32_t weight_;
  int& alive_;
};

class TestHost final : public Host {
 public:
  HostResult<std::uint32_t> add(Call& call, std::uint32_t a, std::uint32_t b) override {
    ++calls;
    CHECK(call.fiber != nullptr);
    return a + b;
  }
  HostResult<std::string> echo(Call&, std::string_view text) override {
    ++calls;
    return std::string(text) + "!";
  }
  HostResult<std::expected<std::vector<std::string>, std::uint32_t>> split(
      Call&, std::string_view text
  ) override {
    if (text.empty()) {
      return std::expected<std::vector<std::string>, std::uint32_t>(std::unexpect, 7);
    }
    std::vector<std::string> words;
    for (const char c : text) {
      words.emplace_back(3, c);
    }
    return words;
  }
  HostResult<> stop(Call&, std::string_view why) override {
    return std::unexpected(HostTrap{engine::TrapKind::Exit, std::string(why), 42});
  }
  HostResult<Own<Box>> box_new(Call&, std::uint32_t weight) override {
    if (weight == 0) {
      return Own<Box>();
    }
    return std::make_unique<PlainBox>(weight, boxes);
  }

  int calls = 0;
  int boxes = 0;
};

// --- a guest
// ---------------------------------------------------------------------------------------

/// A module with every import of the interface, a growing realloc, and what a test adds.
struct Guest {
  ModuleBuilder module;
  std::uint32_t add = import("add", {{I32, I32}, {I32}});
  std::uint32_t echo = import("echo", {{I32, I32, I32}, {}});
  std::uint32_t split = import("split", {{I32, I32, I32}, {}});
  std::uint32_t stop = import("stop", {{I32, I32}, {}});
  std::uint32_t box_new = import("[constructor]box", {{I32}, {I32}});
  std::uint32_t weight = import("[method]box.weight", {{I32}, {I32}});
  std::uint32_t merge = import("[method]box.merge", {{I32, I32}, {I32}});
  std::uint32_t drop = import("[resource-drop]box", {{I32}, {}});
  bool has_realloc = false;

  std::uint32_t import(const char* name, const FuncType& type) {
    return module.import_func(kModule, name, type);
  }
  void export_func(const std::string& name, const FuncType& type, const Code& code) {
    module.export_func(kApi + name, type, code);
  }
  /// A realloc that grows memory by a page each time and hands out the new page. The default.
  void realloc_that_grows() {
    has_realloc = true;
    // grow(1) * 65536
    module.export_func(
        "cabi_realloc",
        {{I32, I32, I32, I32}, {I32}},
        Code().i32_const(1).memory_grow().i32_const(16).op(0x74)
    );
  }
  void realloc_that(const Code& code) {
    has_realloc = true;
    module.export_func("cabi_realloc", {{I32, I32, I32, I32}, {I32}}, code);
  }
};

/// Loads and instantiates a guest, and calls one export on a fiber.
class Running {
 public:
  explicit Running(Guest guest) {
    registry_.add(kInterface);
    if (!guest.has_realloc) {
      guest.realloc_that_grows();
    }
    auto loaded =
        Component::load(engine::test::engine(), nullptr, registry_, guest.module.build(), "test");
    REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().to_line()));
    component_ = *loaded;
    instance_ = std::make_unique<ComponentInstance>(component_, hosts_);
    store_ = engine::test::make_store({}, instance_.get());
    const auto made = instance_->instantiate(*store_);
    REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
  }

  /// @return  "" or the message of the trap
  template <class F>
  std::string on_fiber(F body) {
    std::string message;
    auto entry = [&](engine::Fiber&) -> std::expected<void, engine::Trap> {
      message = body();
      return {};
    };
    engine::test::QueueScheduler scheduler;
    engine::Fiber fiber(*store_, scheduler, engine::test::entry_of(entry), &entry);
    fiber.resume();
    scheduler.run();
    return message;
  }
  template <class Fn, class Out, class... A>
  std::string call(Out& out, const char* name, A&&... args) {
    const ExportedFunc* func = component_->find_export("test:house/api", "1.0.0", name);
    REQUIRE(func != nullptr);
    return on_fiber([&]() -> std::string {
      auto result = call_export<Fn>(*instance_, *store_, *func, std::forward<A>(args)...);
      if (!result) {
        trap = result.error();
        return result.error().message;
      }
      if constexpr (!std::is_same_v<decltype(result), std::expected<void, engine::Trap>>) {
        out = std::move(*result);
      }
      return "";
    });
  }
  template <class... A>
  std::string call_u32(std::uint32_t& out, const char* name, A... args) {
    return call<std::uint32_t(A...)>(out, name, args...);
  }
  [[nodiscard]] CallSite site_of(const char* name) const {
    const ExportedFunc* func = component_->find_export("test:house/api", "1.0.0", name);
    CallSite site;
    site.memory_slot = func->memory_slot;
    site.realloc_slot = func->realloc_slot;
    return site;
  }
  [[nodiscard]] ComponentInstance& instance() { return *instance_; }
  [[nodiscard]] HandleTable& handles() { return instance_->handles(0); }
  [[nodiscard]] engine::Store& store() { return *store_; }
  void take_host_away() { hosts_[0] = nullptr; }

  TestHost host;
  engine::Trap trap;

 private:
  HostRegistry registry_;
  std::array<void*, 1> hosts_{static_cast<Host*>(&host)};
  std::shared_ptr<const Component> component_;
  std::unique_ptr<ComponentInstance> instance_;
  std::unique_ptr<engine::Store> store_;
};

TEST_CASE("scalars go through a host function and back") {
  Guest guest;
  guest.module.memory(1);
  guest.export_func("sum", {{I32, I32}, {I32}}, Code().local_get(0).local_get(1).call(guest.add));
  Running running(guest);
  std::uint32_t sum = 0;
  CHECK(running.call_u32(sum, "sum", std::uint32_t{0xfffffffe}, std::uint32_t{5}) == "");
  CHECK(sum == 3);
  CHECK(running.host.calls == 1);
}

TEST_CASE("strings go in and out while realloc grows memory, and post-return runs once") {
  Guest guest;
  guest.module.memory(1);
  const std::uint32_t posts = guest.module.global_i32(0);
  // echo(ptr, len) -> 64, where the result's pointer and length stand
  guest.export_func(
      "echo",
      {{I32, I32}, {I32}},
      Code().local_get(0).local_get(1).i32_const(64).call(guest.echo).i32_const(64)
  );
  guest.module.export_func(
      "cabi_post_" + std::string(kApi) + "echo",
      {{I32}, {}},
      Code().global_get(posts).local_get(0).i32_add().global_set(posts)
  );
  guest.export_func("posts", {{}, {I32}}, Code().global_get(posts));
  Running running(guest);
  std::string out;
  CHECK(running.call<std::string(std::string_view)>(out, "echo", "héllo") == "");
  CHECK(out == "héllo!");
  std::uint32_t count = 0;
  CHECK(running.call_u32(count, "posts") == "");
  CHECK(count == 64);
}

TEST_CASE("lists of strings are stored piece by piece") {
  Guest guest;
  guest.module.memory(1);
  guest.export_func(
      "split",
      {{I32, I32}, {I32}},
      Code().local_get(0).local_get(1).i32_const(64).call(guest.split).i32_const(64)
  );
  Running running(guest);
  using Result = std::expected<std::vector<std::string>, std::uint32_t>;
  Result out;
  CHECK(running.call<Result(std::string_view)>(out, "split", "abc") == "");
  REQUIRE(out);
  CHECK(*out == std::vector<std::string>{"aaa", "bbb", "ccc"});
  CHECK(running.call<Result(std::string_view)>(out, "split", "") == "");
  CHECK(out == Result(std::unexpect, 7));
}

TEST_CASE("a guest in its realloc cannot leave") {
  Guest guest;
  guest.module.memory(1);
  guest.realloc_that(Code().i32_const(1).i32_const(2).call(guest.add));
  guest.export_func("take", {{I32, I32}, {I32}}, Code().local_get(0));
  Running running(guest);
  std::uint32_t out = 0;
  CHECK(
      running.call<std::uint32_t(std::string_view)>(out, "take", "x") ==
      "cannot leave component instance"
  );
  CHECK(running.host.calls == 0);
}

TEST_CASE("a guest in its post-return cannot leave") {
  Guest guest;
  guest.module.memory(1);
  guest.export_func("one", {{}, {I32}}, Code().i32_const(1));
  guest.module.export_func(
      "cabi_post_" + std::string(kApi) + "one", {{I32}, {}}, Code().i32_const(1).call(guest.drop)
  );
  Running running(guest);
  std::uint32_t out = 0;
  CHECK(running.call_u32(out, "one") == "cannot leave component instance");
}

TEST_CASE("what realloc returns is checked, whoever asked for it") {
  struct Row {
    Code realloc;
    const char* message;
  };
  const Row rows[] = {
      {Code().i32_const(65536),
       "realloc return: beyond end of memory: string content out-of-bounds, 1 bytes at 0x10000 of "
       "65536"},
      {Code().i32_const(-1),
       "realloc return: beyond end of memory: string content out-of-bounds, 1 bytes at 0xffffffff "
       "of 65536"},
      {Code().i32_const(65534), ""},
  };
  for (const Row& row : rows) {
    Guest guest;
    guest.module.memory(1);
    guest.realloc_that(row.realloc);
    // The host's result needs realloc: "!" alone, one byte.
    guest.export_func(
        "out",
        {{}, {I32}},
        Code().i32_const(0).i32_const(0).i32_const(64).call(guest.echo).i32_const(0)
    );
    guest.export_func("in", {{I32, I32}, {I32}}, Code().local_get(1));
    {
      Running running(guest);
      std::uint32_t out = 0;
      CHECK(running.call_u32(out, "out") == row.message);
    }
    Running running(guest);
    std::uint32_t out = 0;
    CHECK(running.call<std::uint32_t(std::string_view)>(out, "in", "x") == row.message);
  }
}

TEST_CASE("the memory is where it is when realloc says 0 for nothing") {
  Guest guest;
  guest.module.memory(1);
  guest.realloc_that(Code().i32_const(0));
  guest.export_func("in", {{I32, I32}, {I32}}, Code().local_get(1));
  Running running(guest);
  CHECK(running.on_fiber([&]() -> std::string {
    const CallSite site = running.site_of("in");
    InstanceHeap heap(running.instance(), running.store(), site);
    AbiFailure failure;
    const GuestHeap::Answer answer = heap.reallocate_in({}, 1, 0, failure);
    CHECK(answer.ptr == 0);
    CHECK(answer.memory.data() == heap.memory().data());
    CHECK(answer.memory.size() == 65536);
    return failure.failed() ? "failed" : "";
  }) == "");
}

TEST_CASE("hostile pointers of a guest end it, not the host") {
  struct Row {
    std::int32_t ptr;
    std::int32_t length;
    std::int32_t retptr;
    const char* message;
  };
  const Row rows[] = {
      {65536,
       1,
       64,
       "string content out-of-bounds: string pointer/length out of bounds of memory, 1 bytes at "
       "0x10000 of 65536"},
      {-1,
       2,
       64,
       "string content out-of-bounds: string pointer/length out of bounds of memory, 2 bytes at "
       "0xffffffff of 65536"},
      {0, -1, 64, "string is too long"},
      {65535,
       2,
       64,
       "string content out-of-bounds: string pointer/length out of bounds of memory, 2 bytes at "
       "0xffff of 65536"},
      {0, 1, 63, "unaligned pointer 0x3f: a multiple of 4 is due"},
      {0, 1, 65532, "pointer out of bounds of memory, 8 bytes at 0xfffc of 65536"},
      {0, 1, -4, "pointer out of bounds of memory, 8 bytes at 0xfffffffc of 65536"},
      {8, 1, 64, "invalid utf-8"},
  };
  for (const Row& row : rows) {
    Guest guest;
    guest.module.memory(1);
    guest.module.data(8, "\xff");
    guest.export_func(
        "go",
        {{}, {I32}},
        Code()
            .i32_const(row.ptr)
            .i32_const(row.length)
            .i32_const(row.retptr)
            .call(guest.echo)
            .i32_const(0)
    );
    Running running(guest);
    std::uint32_t out = 0;
    CHECK(running.call_u32(out, "go") == row.message);
    CHECK(running.trap.kind == engine::TrapKind::HostTrap);
  }
}

TEST_CASE("a host function may end the guest, with a kind and an exit code") {
  Guest guest;
  guest.module.memory(1);
  guest.module.data(0, "enough");
  guest.export_func(
      "go", {{}, {I32}}, Code().i32_const(0).i32_const(6).call(guest.stop).i32_const(0)
  );
  Running running(guest);
  std::uint32_t out = 0;
  CHECK(running.call_u32(out, "go") == "enough");
  CHECK(running.trap.kind == engine::TrapKind::Exit);
  CHECK(running.trap.exit_code == 42);
}

TEST_CASE("resources live in the guest's table until they are dropped or taken") {
  Guest guest;
  guest.module.memory(1);
  guest.export_func("new", {{I32}, {I32}}, Code().local_get(0).call(guest.box_new));
  guest.export_func("weight", {{I32}, {I32}}, Code().local_get(0).call(guest.weight));
  guest.export_func(
      "merge", {{I32, I32}, {I32}}, Code().local_get(0).local_get(1).call(guest.merge)
  );
  guest.export_func("drop", {{I32}, {I32}}, Code().local_get(0).call(guest.drop).i32_const(0));
  Running running(guest);
  std::uint32_t box = 0;
  std::uint32_t other = 0;
  std::uint32_t out = 0;
  CHECK(running.call_u32(box, "new", 5u) == "");
  CHECK(running.call_u32(other, "new", 6u) == "");
  CHECK(running.host.boxes == 2);
  CHECK(running.call_u32(out, "weight", box) == "");
  CHECK(out == 5);
  CHECK(running.call_u32(out, "merge", box, other) == "");
  CHECK(out == 11);
  CHECK(running.host.boxes == 1);
  SUBCASE("dropped") {
    CHECK(running.call_u32(out, "drop", box) == "");
    CHECK(running.host.boxes == 0);
    CHECK(running.call_u32(out, "weight", box) == "unknown handle index 1: expected a box");
  }
  SUBCASE("used after it was taken") {
    CHECK(running.call_u32(out, "weight", other) == "unknown handle index 2: expected a box");
  }
  SUBCASE("lent and taken by one call") {
    CHECK(
        running.call_u32(out, "merge", box, box) ==
        "cannot remove owned resource while borrowed: handle index 1 (box) is lent out"
    );
    CHECK(running.host.boxes == 1);
  }
  SUBCASE("the host returns none") {
    CHECK(running.call_u32(out, "new", 0u) == "the host returned no resource where one is due");
  }
}

TEST_CASE("exports take resources") {
  Guest guest;
  guest.module.memory(1);
  guest.export_func("take", {{I32}, {I32}}, Code().local_get(0).call(guest.weight));
  Running running(guest);
  std::uint32_t out = 0;
  Own<Box> box = std::make_unique<PlainBox>(9, running.host.boxes);
  CHECK(running.call<std::uint32_t(Own<Box>)>(out, "take", std::move(box)) == "");
  CHECK(out == 9);
  CHECK(running.handles().size() == 1);
}

TEST_CASE("an export is not called as what it is not") {
  Guest guest;
  guest.module.memory(1);
  guest.export_func("one", {{}, {I32}}, Code().i32_const(1));
  Running running(guest);
  std::uint64_t out = 0;
  CHECK(
      running.call<std::uint64_t()>(out, "one") ==
      "cannot call the export 'one': it has another type"
  );
  CHECK(
      running.call<std::uint64_t(std::uint32_t)>(out, "one", 1u) ==
      "cannot call the export 'one': it has another type"
  );
}

TEST_CASE("a function that needs memory before it is there is a trap") {
  Guest guest;
  guest.module.memory(1);
  guest.export_func("one", {{}, {I32}}, Code().i32_const(1));
  Running running(guest);
  CallSite site;
  engine::RawVal slots[3] = {};
  CHECK(kFunctions[1].thunk(&site, running.store(), slots) == engine::HostStatus::Trap);
  CHECK(running.host.calls == 0);
}

TEST_CASE("an interface without a Host object is a trap") {
  Guest guest;
  guest.module.memory(1);
  guest.export_func("sum", {{}, {I32}}, Code().i32_const(1).i32_const(2).call(guest.add));
  Running running(guest);
  running.take_host_away();
  std::uint32_t out = 0;
  CHECK(running.call_u32(out, "sum") == "this interface is not available here");
}

TEST_CASE("results of exports are checked") {
  struct Row {
    std::int32_t pointer;  ///< the core result
    std::string data;      ///< at 64
    const char* message;
  };
  const auto pair = [](std::uint32_t ptr, std::uint32_t length) {
    std::string text(8, '\0');
    std::memcpy(text.data(), &ptr, 4);
    std::memcpy(text.data() + 4, &length, 4);
    return text;
  };
  const Row rows[] = {
      {64, pair(128, 0), ""},
      {66, pair(128, 0), "unaligned pointer 0x42: a multiple of 4 is due"},
      {65532, pair(128, 0), "pointer out of bounds of memory, 8 bytes at 0xfffc of 65536"},
      {64,
       pair(65535, 2),
       "string content out-of-bounds: string pointer/length out of bounds of memory, 2 bytes at "
       "0xffff of 65536"},
      {64, pair(0, 0x10000000), "string is too long"},
      {64, pair(72, 1) + "\xc3", "incomplete utf-8 byte sequence"},
  };
  for (const Row& row : rows) {
    Guest guest;
    guest.module.memory(1);
    guest.module.data(64, row.data);
    guest.export_func("text", {{}, {I32}}, Code().i32_const(row.pointer));
    Running running(guest);
    std::string out;
    CHECK(running.call<std::string()>(out, "text") == row.message);
  }
}

}  // namespace
}  // namespace whorl::component
