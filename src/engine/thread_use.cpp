#include "engine/thread_use.hpp"

#include "engine/epoch_clock.hpp"
#include "engine/store_impl.hpp"

#include <sys/resource.h>
#include <time.h>

namespace whorl::engine {
namespace {

constinit thread_local ThreadUse last_use{};

std::chrono::nanoseconds to_time(const timeval& time) noexcept {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

ThreadUse ThreadUse::now() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  last_use.faults = static_cast<std::uint64_t>(usage.ru_minflt + usage.ru_majflt);
  last_use.waits = static_cast<std::uint64_t>(usage.ru_nvcsw);
  last_use.preemptions = static_cast<std::uint64_t>(usage.ru_nivcsw);
  last_use.cpu = to_time(usage.ru_utime) + to_time(usage.ru_stime);
  return last_use;
}

const ThreadUse& ThreadUse::last_seen() noexcept {
  return last_use;
}

std::chrono::nanoseconds Store::Impl::own_part(std::chrono::nanoseconds time) noexcept {
  const ThreadUse before = ThreadUse::last_seen();
  timespec cpu{};
  if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu) != 0) {
    return time;
  }
  const ThreadUse now = ThreadUse::now();
  const auto cpu_now = std::chrono::seconds(cpu.tv_sec) + std::chrono::nanoseconds(cpu.tv_nsec);
  const std::chrono::nanoseconds own = own_time(time, before, now, cpu_now);
  // Where others had the core, too, some of it may be of the time before.
  if (own > (now.preemptions == before.preemptions ? kLongTime : kLongTime + kCpuLag)) {
    engine->impl().clock->note_long_run();
  }
  return own;
}

}  // namespace whorl::engine
