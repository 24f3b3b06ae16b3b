/// FaultWatch: whether the calling thread may have had page faults, told by the processor.
///
/// On its way from an exception or an interrupt back to user mode an x86-64 processor clears each
/// data segment register that holds a null selector, whatever the selector's low bits are (Intel's
/// manual, IRET, "return to outer privilege level"). 64-bit programs have no use for ES. So a
/// thread puts a null selector with low bits into it; while that is there, the thread had no
/// exception, and so no page fault. A look costs less than a nanosecond, the kernel's answer 80 to
/// 130; a thread that was disturbed, by whatever it was, asks the kernel (page_tracker.hpp).
///
/// Faults that the kernel has while it writes for the thread, in a system call, are not seen: who
/// hands guest memory to the kernel says so before. @thread any, each its own, but for prepare()
#pragma once

namespace whorl::engine {

class FaultWatch {
 public:
  /// Tries whether processor and kernel do so here; where not, no thread is ever sure. At the start
  /// of the process, while it has one thread: SIGILL is taken meanwhile, since emulators may not
  /// know the instruction.
  static void prepare() noexcept;
  /// Whether it does, as prepare() found.
  [[nodiscard]] static bool is_able() noexcept;

  /// Tries again, in some microseconds, since a fault was counted of which nothing was told: it may
  /// have been one of the kernel, or the machine may have become another one while it ran. If so,
  /// no thread that begins from now on is ever sure. This thread is not quiet until it begins.
  static void try_again() noexcept;

  /// Watches this thread from now on.
  static void begin() noexcept;
  /// Whether the thread certainly had no page fault in user mode since it last called begin(), nor
  /// has expected the kernel to write. Costs nearly nothing.
  [[nodiscard]] static bool is_quiet() noexcept;
  /// To be called before guest memory is handed to the kernel, or to anybody who may do so, to be
  /// written: until begin() is called again the thread is not quiet.
  static void expect_kernel_writes() noexcept;
};

}  // namespace whorl::engine
