#include "engine/fault_watch.hpp"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace whorl::engine {
namespace {

constinit bool machine_tells = false;  // written before there are threads
constinit thread_local bool is_watched = false;

#if defined(__x86_64__)

constexpr std::uint32_t kMark = 1;  // null, with the requestor's level 1

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kTriedPages = 8;

sigjmp_buf unknown_instruction;

void mark() noexcept {
  asm volatile("mov %0, %%es" : : "r"(kMark) : "memory");
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
/// become private when they are written.
bool faults_clear_mark() noexcept {
  void* area = ::mmap(
      nullptr, kTriedPages * kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
  );
  if (area == MAP_FAILED) {
    return false;
  }
  volatile auto* bytes = static_cast<volatile std::uint8_t*>(area);
  bool found = false;
  for (std::size_t i = 0; i < kTriedPages; ++i) {
    mark();
    static_cast<void>(bytes[i * kPageBytes]);
    found |= finds_mark();
    mark();
    bytes[i * kPageBytes] = 1;
    found |= finds_mark();
  }
  ::munmap(area, kTriedPages * kPageBytes);
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
  machine_tells = sigsetjmp(unknown_instruction, 1) == 0 && keeps_mark() && faults_clear_mark();
  ::sigaction(SIGILL, &before, nullptr);
#endif
}

bool FaultWatch::is_able() noexcept {
  return machine_tells;
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
