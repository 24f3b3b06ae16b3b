#include "engine/fault_watch.hpp"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace whorl::engine {
namespace {

constinit std::atomic<bool> machine_tells = false;
constinit thread_local bool is_watched = false;

#if defined(__x86_64__)

/// Null, with the requestor's level of programs: the kernel lets a debugger write no other (ptrace,
/// invalid_selector()).
constexpr std::uint32_t kMark = 3;
/// Linux's selector of data segments of programs (__USER_DS), which 32-bit ones keep in ES.
constexpr std::uint32_t kUserData = 0x2b;

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kTriedPages = 8;
constexpr std::size_t kPagesTriedAgain = 1;

sigjmp_buf unknown_instruction;

void load(std::uint32_t selector) noexcept {
  asm volatile("mov %0, %%es" : : "r"(selector) : "memory");
}

void mark() noexcept {
  load(kMark);
}

bool finds_mark() noexcept {
  std::uint32_t selector = 0;
  asm volatile("mov %%es, %0" : "=r"(selector) : : "memory");
  return (selector & 0xffff) == kMark;
}

bool keeps_mark() noexcept {
  // An interrupt may come between.
  for (int i = 0; i < 100; ++i) {
    mark();
    if (finds_mark()) {
      return true;
    }
  }
  return false;
}

/// With the two kinds of faults that there are: of pages that are not there, and of those that
/// become private when they are written. And with what ES may have held before: where a null
/// selector leaves the rights of the last segment in the register, as processors of AMD once did
/// with its base, IRET goes by these and may leave it alone, after a 32-bit program of others too.
bool faults_clear_mark(std::size_t pages) noexcept {
  bool found = false;
  for (const std::uint32_t before : {0U, kUserData}) {
    void* area = ::mmap(
        nullptr, pages * kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
    );
    if (area == MAP_FAILED) {
      return false;
    }
    volatile auto* bytes = static_cast<volatile std::uint8_t*>(area);
    for (std::size_t i = 0; i < pages; ++i) {
      load(before);
      mark();
      static_cast<void>(bytes[i * kPageBytes]);
      found |= finds_mark();
      load(before);
      mark();
      bytes[i * kPageBytes] = 1;
      found |= finds_mark();
    }
    ::munmap(area, pages * kPageBytes);
  }
  load(0);
  return !found;
}

#endif

}  // namespace

void FaultWatch::prepare() noexcept {
#if defined(__x86_64__)
  struct sigaction ours{};
  struct sigaction before{};
  ours.sa_handler = [](int) { siglongjmp(unknown_instruction, 1); };
  if (::sigaction(SIGILL, &ours, &before) != 0) {
    return;
  }
  machine_tells =
      sigsetjmp(unknown_instruction, 1) == 0 && keeps_mark() && faults_clear_mark(kTriedPages);
  ::sigaction(SIGILL, &before, nullptr);
#endif
}

bool FaultWatch::is_able() noexcept {
  return machine_tells;
}

void FaultWatch::try_again() noexcept {
#if defined(__x86_64__)
  is_watched = false;
  if (machine_tells && !faults_clear_mark(kPagesTriedAgain)) {
    machine_tells = false;
  }
#endif
}

void FaultWatch::begin() noexcept {
#if defined(__x86_64__)
  if (machine_tells) {
    mark();
    is_watched = true;
  }
#endif
}

bool FaultWatch::is_quiet() noexcept {
#if defined(__x86_64__)
  return is_watched && finds_mark();
#else
  return false;
#endif
}

void FaultWatch::expect_kernel_writes() noexcept {
  is_watched = false;
}

}  // namespace whorl::engine
