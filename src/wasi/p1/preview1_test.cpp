#include "wasi/p1/preview1.hpp"

#include "engine/fault_watch.hpp"
#include "engine/page_tracker.hpp"
#include "wasi/p1/test_support.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <set>

namespace whorl::wasi::p1 {
namespace {

using test::P1Scene;
using namespace std::chrono_literals;

/// A page that nobody wrote yet.
class FreshPage {
 public:
  FreshPage()
      : page_(::mmap(
            nullptr, engine::kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
        )) {
    REQUIRE(page_ != MAP_FAILED);
  }
  FreshPage(const FreshPage&) = delete;
  FreshPage& operator=(const FreshPage&) = delete;
  ~FreshPage() { ::munmap(page_, engine::kPageBytes); }
  [[nodiscard]] MutableByteView bytes() const noexcept {
    return {static_cast<std::uint8_t*>(page_), engine::kPageBytes};
  }

 private:
  void* page_;
};

TEST_CASE("all functions are offered with the types of the witx file") {
  component::HostRegistry registry;
  const std::uint16_t slot = register_preview1(registry);
  const auto match = registry.find_core_module("wasi_snapshot_preview1");
  REQUIRE(match);
  CHECK(match->host_slot == slot);
  CHECK(match->module->functions.size() == 46);
  const std::pair<const char*, const char*> types[] = {
      {"args_get", "(i32, i32) -> i32"},
      {"clock_time_get", "(i32, i64, i32) -> i32"},
      {"fd_advise", "(i32, i64, i64, i32) -> i32"},
      {"fd_fdstat_set_rights", "(i32, i64, i64) -> i32"},
      {"fd_filestat_set_times", "(i32, i64, i64, i32) -> i32"},
      {"fd_pread", "(i32, i32, i32, i64, i32) -> i32"},
      {"fd_readdir", "(i32, i32, i32, i64, i32) -> i32"},
      {"fd_seek", "(i32, i64, i32, i32) -> i32"},
      {"fd_write", "(i32, i32, i32, i32) -> i32"},
      {"path_filestat_set_times", "(i32, i32, i32, i32, i64, i64, i32) -> i32"},
      {"path_link", "(i32, i32, i32, i32, i32, i32, i32) -> i32"},
      {"path_open", "(i32, i32, i32, i32, i32, i64, i64, i32, i32) -> i32"},
      {"path_rename", "(i32, i32, i32, i32, i32, i32) -> i32"},
      {"path_symlink", "(i32, i32, i32, i32, i32) -> i32"},
      {"poll_oneoff", "(i32, i32, i32, i32) -> i32"},
      {"proc_exit", "(i32) -> ()"},
      {"sched_yield", "() -> i32"},
      {"sock_recv", "(i32, i32, i32, i32, i32, i32) -> i32"},
  };
  for (const auto& [name, type] : types) {
    CAPTURE(name);
    const auto* function = match->module->find(name);
    REQUIRE(function != nullptr);
    CHECK(engine::to_string(function->type()) == type);
  }
  CHECK(match->module->find("fd_frobnicate") == nullptr);
}

TEST_CASE("arguments and variables are laid out as C strings") {
  P1Scene scene;
  scene.arguments = {"name", "", "x y"};
  scene.environment = {{"A", "1"}, {"LONG", "=v="}, {"EMPTY", ""}};
  REQUIRE(scene.invoke(&Preview1::args_sizes_get, 0, 4) == Errno::Success);
  CHECK(scene.u32(0) == 3);
  CHECK(scene.u32(4) == 10);
  REQUIRE(scene.invoke(&Preview1::args_get, 16, 100) == Errno::Success);
  CHECK(scene.text(100, 11) == std::string("name\0\0x y\0\xee", 11));
  CHECK(scene.u32(16) == 100);
  CHECK(scene.u32(20) == 105);
  CHECK(scene.u32(24) == 106);
  REQUIRE(scene.invoke(&Preview1::environ_sizes_get, 0, 4) == Errno::Success);
  CHECK(scene.u32(0) == 3);
  CHECK(scene.u32(4) == 20);
  REQUIRE(scene.invoke(&Preview1::environ_get, 16, 200) == Errno::Success);
  CHECK(scene.text(200, 20) == std::string("A=1\0LONG==v=\0EMPTY=\0", 20));
  CHECK(scene.u32(24) == 213);
}

TEST_CASE("nothing is written where the strings do not fit") {
  P1Scene scene;
  scene.arguments = {"one", "two"};
  static_cast<void>(scene.invoke(&Preview1::args_get, 16, 65536 - 7));
  REQUIRE(scene.trap);
  CHECK(scene.bytes == std::vector<std::uint8_t>(65536, 0xee));
  static_cast<void>(scene.invoke(&Preview1::args_get, 65536 - 4, 0));
  CHECK(scene.trap);
  static_cast<void>(scene.invoke(&Preview1::args_sizes_get, 0, 65535));
  CHECK(scene.trap);
  CHECK(scene.bytes == std::vector<std::uint8_t>(65536, 0xee));
}

TEST_CASE("clocks") {
  P1Scene scene;
  scene.timers.set_wall(std::chrono::system_clock::time_point(1234567890123456789ns));
  REQUIRE(scene.invoke(&Preview1::clock_time_get, clockid::kRealtime, 1, 0) == Errno::Success);
  CHECK(scene.u64(0) == 1234567890123456789U);
  REQUIRE(scene.invoke(&Preview1::clock_time_get, clockid::kMonotonic, 0, 0) == Errno::Success);
  CHECK(scene.u64(0) == 1000'000'000'000U);
  CHECK(scene.invoke(&Preview1::clock_time_get, 4, 0, 0) == Errno::Invalid);
  scene.timers.set_wall(std::chrono::system_clock::time_point(-1ns));
  CHECK(scene.invoke(&Preview1::clock_time_get, clockid::kRealtime, 1, 0) == Errno::Overflow);
  for (std::uint32_t id = 0; id < 4; ++id) {
    REQUIRE(scene.invoke(&Preview1::clock_res_get, id, 8) == Errno::Success);
    CHECK(scene.u64(8) == 1);
  }
  CHECK(scene.invoke(&Preview1::clock_res_get, 4, 8) == Errno::Invalid);
}

TEST_CASE("output goes to its sink, waiting for room") {
  P1Scene scene;
  const Ptr first = scene.put("hello ");
  const Ptr second = scene.put("world");
  const Ptr buffers = scene.put_buffers({{first, 6}, {0, 0}, {second, 5}});
  SUBCASE("at once") {
    REQUIRE(scene.invoke(&Preview1::fd_write, 1, buffers, 3, 0) == Errno::Success);
    CHECK(scene.u32(0) == 11);
    CHECK(scene.out.text == "hello world");
    CHECK(scene.err.text.empty());
  }
  SUBCASE("in pieces") {
    scene.err.capacity = 4;
    for (const std::size_t capacity : {4U, 6U, 30U}) {
      scene.fiber.then([&scene, capacity] {
        scene.err.capacity = capacity;
        scene.err.event.notify();
      });
    }
    REQUIRE(scene.invoke(&Preview1::fd_write, 2, buffers, 3, 0) == Errno::Success);
    CHECK(scene.u32(0) == 11);
    CHECK(scene.err.text == "hello world");
  }
  SUBCASE("a guest that is ended while it waits") {
    scene.out.capacity = 2;
    static_cast<void>(scene.invoke(&Preview1::fd_write, 1, buffers, 3, 0));
    CHECK(scene.trap);
  }
  SUBCASE("nothing is written before the count has a place") {
    static_cast<void>(scene.invoke(&Preview1::fd_write, 1, buffers, 3, 65534));
    CHECK(scene.trap);
    CHECK(scene.out.text.empty());
  }
}

TEST_CASE("input") {
  P1Scene scene;
  SUBCASE("fills the buffers") {
    scene.input.text = "abcdefgh";
    const Ptr buffers = scene.put_buffers({{100, 3}, {200, 10}});
    REQUIRE(scene.invoke(&Preview1::fd_read, 0, buffers, 2, 0) == Errno::Success);
    CHECK(scene.u32(0) == 8);
    CHECK(scene.text(100, 4) == "abc\xee");
    CHECK(scene.text(200, 6) == "defgh\xee");
  }
  SUBCASE("is waited for") {
    scene.fiber.then([&scene] {
      scene.input.text = "late";
      scene.input.changed.notify();
    });
    CHECK(scene.read(0, 10) == "late");
  }
  SUBCASE("ends") {
    scene.input.ended = true;
    CHECK(scene.read(0, 10).empty());
  }
  SUBCASE("is not waited for by a read of nothing") {
    CHECK(scene.read(0, 0).empty());
  }
}

TEST_CASE("what standard input and output are not") {
  P1Scene scene;
  CHECK(scene.write(0, "x") == Errno::BadDescriptor);
  CHECK(scene.invoke(&Preview1::fd_read, 1, 0, 0, 0) == Errno::BadDescriptor);
  CHECK(scene.invoke(&Preview1::fd_write, 3, 0, 0, 0) == Errno::BadDescriptor);
  CHECK(scene.invoke(&Preview1::fd_write, 0xffff'ffff, 0, 0, 0) == Errno::BadDescriptor);
  for (const std::uint32_t fd : {0U, 1U, 2U}) {
    CAPTURE(fd);
    CHECK(scene.invoke(&Preview1::fd_seek, fd, 0, 0, 0) == Errno::IllegalSeek);
    CHECK(scene.invoke(&Preview1::fd_tell, fd, 0) == Errno::IllegalSeek);
    CHECK(scene.invoke(&Preview1::fd_pread, fd, 0, 0, 0, 0) == Errno::IllegalSeek);
    CHECK(scene.invoke(&Preview1::fd_pwrite, fd, 0, 0, 0, 0) == Errno::IllegalSeek);
    CHECK(scene.invoke(&Preview1::fd_sync, fd) == Errno::BadDescriptor);
    CHECK(scene.invoke(&Preview1::fd_prestat_get, fd, 0) == Errno::BadDescriptor);
    CHECK(scene.invoke(&Preview1::fd_readdir, fd, 0, 0, 0, 0) == Errno::BadDescriptor);
    CHECK(scene.invoke(&Preview1::path_unlink_file, fd, 0, 1) == Errno::BadDescriptor);
    CHECK(scene.invoke(&Preview1::sock_shutdown, fd, 0) == Errno::NotSocket);
    CHECK(scene.invoke(&Preview1::sock_recv, fd, 0, 0, 0, 0, 0) == Errno::NotSocket);
    REQUIRE(scene.invoke(&Preview1::fd_fdstat_get, fd, 8) == Errno::Success);
    CHECK(scene.u64(8) == 0);
    CHECK(scene.u64(16) == (fd == 0 ? rights::kRead : rights::kWrite));
    REQUIRE(scene.invoke(&Preview1::fd_filestat_get, fd, 64) == Errno::Success);
    CHECK(scene.text(64, 65) == std::string(64, '\0') + "\xee");
  }
  CHECK(scene.invoke(&Preview1::sock_accept, 3, 0, 0) == Errno::BadDescriptor);
  CHECK(scene.invoke(&Preview1::proc_raise, 6) == Errno::NotSupported);
}

TEST_CASE("descriptors are closed and renumbered") {
  P1Scene scene;
  CHECK(scene.invoke(&Preview1::fd_renumber, 1, 7) == Errno::BadDescriptor);
  CHECK(scene.invoke(&Preview1::fd_renumber, 7, 1) == Errno::BadDescriptor);
  CHECK(scene.invoke(&Preview1::fd_renumber, 1, 1) == Errno::Success);
  REQUIRE(scene.invoke(&Preview1::fd_renumber, 2, 1) == Errno::Success);
  CHECK(scene.write(2, "lost") == Errno::BadDescriptor);
  CHECK(scene.write(1, "kept") == Errno::Success);
  CHECK(scene.err.text == "kept");
  CHECK(scene.invoke(&Preview1::fd_close, 1) == Errno::Success);
  CHECK(scene.invoke(&Preview1::fd_close, 1) == Errno::BadDescriptor);
  scene.preview1().reset();
  CHECK(scene.write(1, "again") == Errno::Success);
  CHECK(scene.out.text == "again");
}

TEST_CASE("random numbers") {
  P1Scene scene;
  REQUIRE(scene.invoke(&Preview1::random_get, 100, 300) == Errno::Success);
  const std::set<std::uint8_t> seen(scene.bytes.begin() + 100, scene.bytes.begin() + 400);
  CHECK(seen.size() > 20);
  CHECK(scene.text(98, 2) == "\xee\xee");
  CHECK(scene.text(400, 2) == "\xee\xee");
  CHECK(scene.invoke(&Preview1::random_get, 65536, 0) == Errno::Success);
  static_cast<void>(scene.invoke(&Preview1::random_get, 65530, 7));
  CHECK(scene.trap);
  static_cast<void>(scene.invoke(&Preview1::random_get, 0, 0xffff'ffff));
  CHECK(scene.trap);
}

TEST_CASE("that random bytes were written is told, whoever wrote them; a few disturb nobody") {
  engine::FaultWatch::prepare();
  P1Scene scene;
  for (const std::uint32_t size : {1U, 16U, 32U, 33U, 64U, 512U, 4096U}) {
    CAPTURE(size);
    // Several times: one look of many asks the kernel although it need not.
    for (int i = 0; i < 4; ++i) {
      FreshPage page;
      static_cast<void>(engine::faults_of_this_thread());
      const std::uint64_t before = engine::faults_of_this_thread();
      Guest guest(scene.call.store, page.bytes(), scene.call.fiber);
      REQUIRE(scene.preview1().random_get(guest, 0, size) == Errno::Success);
      CHECK(engine::faults_of_this_thread() > before);
    }
  }
  const auto stays_quiet = [&](std::uint32_t size) {
    // An interrupt may come between.
    for (int i = 0; i < 100; ++i) {
      engine::FaultWatch::begin();
      REQUIRE(scene.invoke(&Preview1::random_get, 100, size) == Errno::Success);
      if (engine::FaultWatch::is_quiet()) {
        return true;
      }
    }
    return false;
  };
  CHECK(stays_quiet(32) == engine::FaultWatch::is_able());
  CHECK_FALSE(stays_quiet(33));
}

TEST_CASE("the end a guest asks for") {
  P1Scene scene;
  scene.invoke(&Preview1::proc_exit, 33);
  REQUIRE(scene.trap);
  CHECK(scene.trap->kind == engine::TrapKind::Exit);
  CHECK(scene.trap->exit_code == 33);
  CHECK(scene.trap->message == "the guest exited with status 33");
}

TEST_CASE("yielding lets others run") {
  P1Scene scene;
  bool ran = false;
  scene.fiber.then([&ran] { ran = true; });
  CHECK(scene.invoke(&Preview1::sched_yield) == Errno::Success);
  CHECK(ran);
  CHECK(scene.fiber.parks() == 1);
}

/// Subscriptions, 48 bytes each.
struct Subscriptions {
  explicit Subscriptions(P1Scene& into) : scene(into), at(into.room(48 * 8)) {}

  void clock(std::uint32_t id, std::uint64_t timeout, std::uint16_t flags = 0) {
    const Ptr entry = add(eventtype::kClock);
    scene.set(entry + 16, id);
    scene.set(entry + 24, timeout);
    scene.set(entry + 32, std::uint64_t{0});
    scene.set(entry + 40, flags);
  }
  void descriptor(std::uint8_t type, std::uint32_t fd) { scene.set(add(type) + 16, fd); }
  Errno poll() { return scene.invoke(&Preview1::poll_oneoff, at, out, count, 0); }
  struct Event {
    std::uint64_t user_data;
    Errno error;
    std::uint8_t type;
    std::uint64_t bytes;
    bool operator==(const Event&) const = default;
  };
  [[nodiscard]] std::vector<Event> events() const {
    std::vector<Event> found;
    for (Ptr i = 0; i < scene.u32(0); ++i) {
      const Ptr event = out + i * 32;
      found.push_back(
          {scene.u64(event),
           static_cast<Errno>(scene.get<std::uint16_t>(event + 8)),
           scene.bytes[event + 10],
           scene.u64(event + 16)}
      );
    }
    return found;
  }

  P1Scene& scene;
  Ptr at;
  Ptr out = scene.room(32 * 8);
  std::uint32_t count = 0;

 private:
  Ptr add(std::uint8_t type) {
    const Ptr entry = at + 48 * count++;
    scene.set(entry, std::uint64_t{100} + count);
    scene.bytes[entry + 8] = type;
    return entry;
  }
};

TEST_CASE("poll: a clock runs out") {
  P1Scene scene;
  Subscriptions subscriptions(scene);
  SUBCASE("after a while") {
    subscriptions.clock(clockid::kMonotonic, 5'000);
    REQUIRE(subscriptions.poll() == Errno::Success);
    CHECK(scene.timers.now() == Instant(1000s + 5us));
  }
  SUBCASE("at a time") {
    subscriptions.clock(clockid::kMonotonic, 1'000'000'000'007, 1);
    REQUIRE(subscriptions.poll() == Errno::Success);
    CHECK(scene.timers.now() == Instant(1000s + 7ns));
  }
  SUBCASE("at a time of the wall clock") {
    scene.timers.set_wall(std::chrono::system_clock::time_point(50s));
    subscriptions.clock(clockid::kRealtime, 60'000'000'000, 1);
    REQUIRE(subscriptions.poll() == Errno::Success);
    CHECK(scene.timers.now() == Instant(1010s));
  }
  SUBCASE("that has passed") {
    subscriptions.clock(clockid::kMonotonic, 1, 1);
    REQUIRE(subscriptions.poll() == Errno::Success);
    CHECK(scene.timers.now() == Instant(1000s));
    CHECK(scene.fiber.parks() == 0);
  }
  CHECK(
      subscriptions.events() ==
      std::vector<Subscriptions::Event>{{101, Errno::Success, eventtype::kClock, 0}}
  );
}

TEST_CASE("poll: a time beyond the clock never comes") {
  P1Scene scene;
  Subscriptions subscriptions(scene);
  subscriptions.clock(clockid::kMonotonic, ~std::uint64_t{0});
  subscriptions.descriptor(eventtype::kRead, 0);
  scene.fiber.then([&scene] {
    scene.input.ended = true;
    scene.input.changed.notify();
  });
  REQUIRE(subscriptions.poll() == Errno::Success);
  CHECK(
      subscriptions.events() ==
      std::vector<Subscriptions::Event>{{102, Errno::Success, eventtype::kRead, 0}}
  );
}

TEST_CASE("poll: what is ready comes at once, errors too") {
  P1Scene scene;
  Subscriptions subscriptions(scene);
  subscriptions.clock(clockid::kMonotonic, 1'000'000);
  subscriptions.descriptor(eventtype::kWrite, 1);
  subscriptions.descriptor(eventtype::kRead, 1);
  subscriptions.descriptor(eventtype::kRead, 9);
  subscriptions.clock(clockid::kProcessCpu, 5);
  REQUIRE(subscriptions.poll() == Errno::Success);
  CHECK(
      subscriptions.events() ==
      std::vector<Subscriptions::Event>{
          {102, Errno::Success, eventtype::kWrite, 0},
          {103, Errno::BadDescriptor, eventtype::kRead, 0},
          {104, Errno::BadDescriptor, eventtype::kRead, 0},
          {105, Errno::Invalid, eventtype::kClock, 0},
      }
  );
  CHECK(scene.fiber.parks() == 0);
}

TEST_CASE("poll: bad arguments") {
  P1Scene scene;
  CHECK(scene.invoke(&Preview1::poll_oneoff, 0, 0, 0, 0) == Errno::Invalid);
  CHECK(scene.invoke(&Preview1::poll_oneoff, 0, 0, 100'000, 0) == Errno::Invalid);
  static_cast<void>(scene.invoke(&Preview1::poll_oneoff, 0, 0, 2000, 0));
  CHECK(scene.trap);
  static_cast<void>(scene.invoke(&Preview1::poll_oneoff, 8, 65536 - 24, 1, 0));
  CHECK(scene.trap);
  static_cast<void>(scene.invoke(&Preview1::poll_oneoff, 4, 8, 1, 0));
  CHECK(scene.trap);
  Subscriptions subscriptions(scene);
  subscriptions.descriptor(3, 0);
  CHECK(subscriptions.poll() == Errno::Invalid);
}

}  // namespace
}  // namespace whorl::wasi::p1
