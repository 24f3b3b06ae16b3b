#include "engine/fault_watch.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <thread>

namespace whorl::engine {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kPages = 2000;

/// Fresh memory, of which no page is there.
struct Area {
  Area()
      : bytes(static_cast<volatile std::uint8_t*>(::mmap(
            nullptr, kPages * kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
        ))) {
    ::madvise(const_cast<std::uint8_t*>(bytes), kPages * kPageBytes, MADV_NOHUGEPAGE);
  }
  ~Area() { ::munmap(const_cast<std::uint8_t*>(bytes), kPages * kPageBytes); }
  Area(const Area&) = delete;
  Area& operator=(const Area&) = delete;
  volatile std::uint8_t* bytes;
};

bool is_able() {
  FaultWatch::prepare();
  if (!FaultWatch::is_able()) {
    MESSAGE("SKIPPED: this machine does not tell of exceptions");
  }
  return FaultWatch::is_able();
}

TEST_CASE("every page fault is seen, and a thread without any is quiet") {
  if (!is_able()) {
    return;
  }
  const Area area;
  std::size_t missed = 0;
  for (std::size_t i = 0; i < kPages; ++i) {
    FaultWatch::begin();
    static_cast<void>(area.bytes[i * kPageBytes]);  // the page of zeros
    missed += FaultWatch::is_quiet() ? 1 : 0;
    FaultWatch::begin();
    area.bytes[i * kPageBytes] = 1;  // one of its own
    missed += FaultWatch::is_quiet() ? 1 : 0;
  }
  CHECK(missed == 0);
  // Interrupts make a thread not quiet, but not each time.
  bool was_quiet = false;
  while (!was_quiet) {
    FaultWatch::begin();
    area.bytes[0] = 2;
    was_quiet = FaultWatch::is_quiet();
  }
}

TEST_CASE("trying again finds what was found, and leaves a thread that is not quiet") {
  if (!is_able()) {
    return;
  }
  FaultWatch::begin();
  FaultWatch::try_again();
  CHECK_FALSE(FaultWatch::is_quiet());
  CHECK(FaultWatch::is_able());
}

TEST_CASE("a fault is seen whatever the register held before") {
  if (!is_able()) {
    return;
  }
#if defined(__x86_64__)
  const Area area;
  std::size_t missed = 0;
  for (std::size_t i = 0; i < kPages; ++i) {
    constexpr std::uint32_t kUserData = 0x2b;
    asm volatile("mov %0, %%es" : : "r"(kUserData) : "memory");
    FaultWatch::begin();
    area.bytes[i * kPageBytes] = 1;
    missed += FaultWatch::is_quiet() ? 1 : 0;
  }
  CHECK(missed == 0);
#endif
}

#if defined(__x86_64__)
TEST_CASE("a debugger can write the registers of a thread that is watched") {
  if (!is_able()) {
    return;
  }
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    // The first time has the page faults of a copy of a process.
    for (int i = 0; i < 2; ++i) {
      FaultWatch::begin();
      ::raise(SIGSTOP);
    }
    ::_exit(0);
  }
  int status = 0;
  int stops = 0;
  while (::waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
    ++stops;
    user_regs_struct registers{};
    CHECK(::ptrace(PTRACE_GETREGS, child, nullptr, &registers) == 0);
    CHECK(::ptrace(PTRACE_SETREGS, child, nullptr, &registers) == 0);
    REQUIRE(::ptrace(PTRACE_CONT, child, nullptr, nullptr) == 0);
  }
  CHECK(stops == 2);
  CHECK(WIFEXITED(status));
}
#endif

TEST_CASE("a thread that expects the kernel to write is not quiet") {
  if (!is_able()) {
    return;
  }
  for (int i = 0; i < 100; ++i) {
    FaultWatch::begin();
    FaultWatch::expect_kernel_writes();
    REQUIRE_FALSE(FaultWatch::is_quiet());
  }
}

TEST_CASE("a thread knows nothing of another's quiet") {
  if (!is_able()) {
    return;
  }
  FaultWatch::begin();
  std::thread([] { CHECK_FALSE(FaultWatch::is_quiet()); }).join();
}

}  // namespace
}  // namespace whorl::engine
