/// The one lock of the program, known to clang's thread-safety analysis. Shards share nothing, so
/// this is for queues between threads only.
#pragma once

#include <condition_variable>
#include <mutex>

/// Members that may only be touched while a Mutex is held, and functions that need it held.
#define WHORL_GUARDED_BY(mutex) __attribute__((guarded_by(mutex)))
#define WHORL_REQUIRES(mutex) __attribute__((requires_capability(mutex)))

namespace whorl::async {

class __attribute__((capability("mutex"))) Mutex {
 public:
  void lock() __attribute__((acquire_capability())) { mutex_.lock(); }
  void unlock() __attribute__((release_capability())) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex for a scope.
class __attribute__((scoped_lockable)) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) __attribute__((acquire_capability(mutex))) : mutex_(mutex) {
    mutex_.lock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() __attribute__((release_capability())) { mutex_.unlock(); }

 private:
  Mutex& mutex_;
};

}  // namespace whorl::async
