#include "engine/memory_reset.hpp"

#include "engine/fault_watch.hpp"
#include "engine/test_support.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <span>

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a test

constexpr std::uint32_t kWasmPages = 64;

/// Stores a word where it is told, grows, keeps a global.
Module writer() {
  static const Module module = [] {
    ModuleBuilder builder;
    builder.memory(kWasmPages);
    builder.data(1024, "prepared");
    builder.data(kWasmPages * 65536 - 100, "at the end");
    const std::uint32_t global = builder.global_i32(7);
    builder.export_item("counter", 0x03, global);
    builder.export_func(
        "store", {{ValType::I32, ValType::I32}, {}}, Code().local_get(0).local_get(1).i32_store()
    );
    builder.export_func("grow", {{}, {ValType::I32}}, Code().i32_const(1).memory_grow());
    builder.export_func(
        "count",
        {{}, {ValType::I32}},
        Code().global_get(global).i32_const(1).i32_add().global_set(global).global_get(global)
    );
    return compile(builder);
  }();
  return module;
}

struct Guest {
  std::unique_ptr<Store> store = make_store();
  Instance instance;
  Memory memory;

  Guest() {
    auto made = store->instantiate(writer(), {});
    REQUIRE(made);
    instance = *made;
    memory = *store->as_memory(*store->find_export(instance, "memory"));
  }
  [[nodiscard]] MutableByteView bytes() { return store->bytes_of(memory); }
  std::uint32_t call(std::string_view name, std::uint32_t a = 0, std::uint32_t b = 0) {
    RawVal slots[2] = {};
    slots[0].u64 = a;
    slots[1].u64 = b;
    REQUIRE(store->call_guest(func_of(*store, instance, name), slots));
    return slots[0].u32;
  }
};

const PageTracker* tracker() {
  PageTracker::disable_huge_pages();
  FaultWatch::prepare();
  return PageTracker::of_process();
}

TEST_CASE("a memory is restored byte by byte, whoever wrote it") {
  const PageTracker* pages = tracker();
  if (pages == nullptr) {
    MESSAGE("SKIPPED: this kernel does not tell which pages are private");
    return;
  }
  const std::uint32_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const int noise = ::open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  REQUIRE(noise >= 0);
  Guest prepared;
  const Bytes wanted(prepared.bytes().begin(), prepared.bytes().end());
  PageImages images;
  std::optional<Guest> guest(std::in_place);
  std::optional<MemoryReset> reset(std::in_place, images, guest->bytes());
  const auto somewhere = [&] {
    // A few hot places, and now and then any.
    const std::uint32_t hot = (random() % 16) * 37 * 4096 + 128;
    const auto any = static_cast<std::uint32_t>(random() % (wanted.size() - 64));
    return (random() % 40 == 0 ? any : hot) % static_cast<std::uint32_t>(wanted.size() - 64);
  };
  int restored = 0;
  int replaced = 0;
  for (int event = 0; event < 20'000; ++event) {
    const std::uint64_t before = faults_of_this_thread();
    const std::uint32_t accesses = 1 + random() % 4;
    for (std::uint32_t i = 0; i < accesses; ++i) {
      const std::uint32_t at = somewhere();
      switch (random() % 4) {
        case 0:
          std::memset(guest->bytes().data() + at, 0xaa, 16);
          break;
        case 1:
          FaultWatch::expect_kernel_writes();
          REQUIRE(::read(noise, guest->bytes().data() + at, 16) == 16);
          break;
        case 2:
          (void)static_cast<volatile std::uint8_t&>(guest->bytes()[at]);  // only read
          break;
        default:
          guest->call("store", at, 0xffffffff);
      }
    }
    const bool faulted = faults_of_this_thread() != before;
    const auto outcome = reset->restore(*pages, guest->bytes(), faulted);
    if (outcome == MemoryReset::Outcome::Restored) {
      ++restored;
      // Reading all of it makes no page private.
      REQUIRE(std::memcmp(guest->bytes().data(), wanted.data(), wanted.size()) == 0);
      continue;
    }
    REQUIRE(outcome == MemoryReset::Outcome::Unknown);
    ++replaced;
    reset.reset();
    guest.emplace();
    images.learn(guest->bytes());
    reset.emplace(images, guest->bytes());
  }
  ::close(noise);
  CHECK(restored > 15'000);
  CHECK(restored + replaced == 20'000);
}

TEST_CASE("in steady state a reset asks for no page anew") {
  const PageTracker* pages = tracker();
  if (pages == nullptr) {
    MESSAGE("SKIPPED: this kernel does not tell which pages are private");
    return;
  }
  PageImages images;
  std::optional<Guest> guest(std::in_place);
  {
    MemoryReset first(images, guest->bytes());
    guest->call("store", 8192, 1);
    CHECK(first.restore(*pages, guest->bytes(), true) == MemoryReset::Outcome::Unknown);
  }
  guest.emplace();
  images.learn(guest->bytes());
  CHECK(images.size_bytes() == kPageBytes);
  MemoryReset reset(images, guest->bytes());
  guest->call("store", 8192, 1);
  CHECK(reset.restore(*pages, guest->bytes(), true) == MemoryReset::Outcome::Restored);
  CHECK(reset.dirty_pages() == 1);
  const std::uint64_t before = faults_of_this_thread();
  for (std::uint32_t i = 0; i < 1000; ++i) {
    guest->call("store", 8192 + i, i);
    REQUIRE(reset.restore(*pages, guest->bytes(), false) == MemoryReset::Outcome::Restored);
  }
  CHECK(faults_of_this_thread() == before);
  CHECK(guest->bytes()[8192] == 0);
}

TEST_CASE("a memory that grew, or wrote too much, is not restored") {
  const PageTracker* pages = tracker();
  if (pages == nullptr) {
    MESSAGE("SKIPPED: this kernel does not tell which pages are private");
    return;
  }
  PageImages images;
  {
    Guest guest;
    MemoryReset reset(images, guest.bytes());
    CHECK(guest.call("grow") == kWasmPages);
    CHECK(reset.restore(*pages, guest.bytes(), true) == MemoryReset::Outcome::Changed);
  }
  // 64 pages of 64 KiB are as many pages as are restored, and no more.
  static_assert(kWasmPages * 16 == PageImages::kMaxPages);
  ModuleBuilder builder;
  builder.memory(kWasmPages + 1);
  const auto store = make_store();
  const auto instance = store->instantiate(compile(builder), {});
  REQUIRE(instance);
  const Memory memory = *store->as_memory(*store->find_export(*instance, "memory"));
  MemoryReset reset(images, store->bytes_of(memory));
  for (std::size_t page = 0; page <= PageImages::kMaxPages; ++page) {
    store->bytes_of(memory)[page * kPageBytes] = 1;
  }
  CHECK(reset.restore(*pages, store->bytes_of(memory), true) == MemoryReset::Outcome::Changed);
}

TEST_CASE("pages that were swapped or evicted from memory count as written") {
  const PageTracker* pages = tracker();
  if (pages == nullptr) {
    MESSAGE("SKIPPED: this kernel does not tell which pages are private");
    return;
  }
  constexpr std::size_t kBytes = 16 * kPageBytes;
  void* area = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(area != MAP_FAILED);
  const MutableByteView memory(static_cast<std::uint8_t*>(area), kBytes);
  memory[3 * kPageBytes] = 1;
  memory[9 * kPageBytes] = 1;
  CHECK(static_cast<volatile std::uint8_t&>(memory[5 * kPageBytes]) == 0);  // read only
  ::madvise(area, kBytes, MADV_PAGEOUT);
  std::vector<std::uint32_t> found;
  REQUIRE(pages->find_private(memory, 16, found));
  CHECK(found == std::vector<std::uint32_t>{3, 9});
  CHECK_FALSE(pages->find_private(memory, 1, found));
  ::munmap(area, kBytes);
}

TEST_CASE("a kept store serves the next event with a budget of its own") {
  Guest guest;
  CHECK(guest.call("count") == 8);
  const Global counter =
      *guest.store->as_global(*guest.store->find_export(guest.instance, "counter"));
  auto value = guest.store->value_of(counter);
  REQUIRE(value);
  CHECK(value->type == ValType::I32);
  CHECK(value->value.i32 == 8);
  value->value.i32 = 7;
  CHECK(guest.store->set_value(counter, *value));
  value->type = ValType::I64;
  CHECK_FALSE(guest.store->set_value(counter, *value));
  Budget budget;
  budget.cpu = std::chrono::seconds(1);
  CHECK(guest.store->begin_next_event(budget));
  CHECK(guest.store->budget().cpu == std::chrono::seconds(1));
  CHECK(guest.store->cpu_used() == std::chrono::nanoseconds(0));
  CHECK(guest.store->host_calls() == 0);
  CHECK(guest.call("count") == 8);
  (void)guest.store->set_trap(TrapKind::HostTrap, "over");
  CHECK_FALSE(guest.store->begin_next_event(budget));
}

}  // namespace
}  // namespace whorl::engine
