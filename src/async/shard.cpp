#include "async/shard.hpp"

#include "base/block_cache.hpp"
#include "base/check.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstdio>
#include <system_error>
#include <thread>

namespace whorl::async {
namespace {

// The only thread-local of the program: which loop this thread runs.
thread_local constinit Shard* current_shard = nullptr;

/// Marks the calling thread as running a shard's loop.
class CurrentShard {
 public:
  explicit CurrentShard(Shard* shard) noexcept : before_(std::exchange(current_shard, shard)) {}
  CurrentShard(const CurrentShard&) = delete;
  CurrentShard& operator=(const CurrentShard&) = delete;
  ~CurrentShard() { current_shard = before_; }

 private:
  Shard* before_;
};

void report_bug(const char* what) noexcept {
  std::fprintf(stderr, "whorl: bug: %s\n", what);
}

}  // namespace

struct Shard::Impl {
  // One thread runs the loop and touches what waits on it, so that the reactor needs no locks;
  // posting from other threads stays allowed.
  boost::asio::io_context io{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  // What is waited for may come from another thread, and is not counted as work before: a loop
  // without work stops itself, and one who looks into it and then waits would never come to wait.
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> never_idle =
      boost::asio::make_work_guard(io);
};

Shard::Shard(unsigned index) : index_(index), impl_(std::make_unique<Impl>()) {}

Shard::~Shard() = default;

boost::asio::io_context& Shard::io() noexcept {
  return impl_->io;
}

void Shard::post(std::move_only_function<void()> work) {
  boost::asio::post(impl_->io, std::move(work));
}

void Shard::run() {
  const CurrentShard mark(this);
  const BlockCache::Use keep_blocks;
  while (!impl_->io.stopped()) {
    try {
      impl_->io.run();
    } catch (const InvariantBroken& bug) {
      report_bug(bug.what());
    } catch (const std::exception& escaped) {
      report_bug(escaped.what());
    }
  }
}

bool Shard::poll() {
  const CurrentShard mark(this);
  impl_->io.restart();
  return impl_->io.poll() != 0;
}

void Shard::stop() noexcept {
  impl_->io.stop();
}

Shard* Shard::current() noexcept {
  return current_shard;
}

struct ShardSet::Threads {
  std::vector<std::thread> list;
};

unsigned ShardSet::default_count() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) {
    return std::max(1U, std::thread::hardware_concurrency());
  }
  return std::max(1U, static_cast<unsigned>(CPU_COUNT(&set)));
}

ShardSet::ShardSet(unsigned count) : threads_(std::make_unique<Threads>()) {
  WHORL_CHECK(count > 0, "a set without shards");
  for (unsigned index = 0; index < count; ++index) {
    shards_.push_back(std::make_unique<Shard>(index));
  }
}

ShardSet::~ShardSet() {
  stop();
  join();
}

Result<> ShardSet::start() {
  WHORL_CHECK(threads_->list.empty(), "shards are started once");
  for (auto& shard : shards_) {
    try {
      threads_->list.emplace_back([&shard = *shard] {
        // By the thread itself: the name of another one is a file that is opened and written.
        const std::string name = fmt::format("whorl-{}", shard.index());
        ::prctl(PR_SET_NAME, name.c_str(), 0, 0, 0);
        shard.run();
      });
    } catch (const std::system_error& refused) {
      stop();
      join();
      return fail(ErrorKind::Unavailable, "cannot start a thread: {}", refused.what());
    }
  }
  return {};
}

void ShardSet::stop() noexcept {
  for (auto& shard : shards_) {
    shard->stop();
  }
}

void ShardSet::join() {
  for (auto& thread : threads_->list) {
    thread.join();
  }
  threads_->list.clear();
}

}  // namespace whorl::async
