#include "watch/watch_loop.hpp"

#include "log/terminal.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace whorl::watch {

WatchLoop::WatchLoop(WatchOptions options, WatchedFiles files, fs::Fd events, fs::Fd timer)
    : options_(std::move(options)),
      files_(std::move(files)),
      events_(std::move(events)),
      timer_(std::move(timer)) {}

Result<std::unique_ptr<WatchLoop>> WatchLoop::start(WatchOptions options) {
  WHORL_TRY(auto files, WatchedFiles::create());
  fs::Fd events(::epoll_create1(EPOLL_CLOEXEC));
  fs::Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!events.is_open() || !timer.is_open()) {
    return fs::errno_error(errno).context("cannot watch files");
  }
  auto loop = std::make_unique<WatchLoop>(
      std::move(options), std::move(files), std::move(events), std::move(timer)
  );
  WHORL_CHECKED(loop->add_event(loop->files_.descriptor()));
  WHORL_CHECKED(loop->add_event(loop->timer_.get()));
  WHORL_CHECKED(loop->read_manifest());
  loop->set_rules();
  // Everything begins as if all had changed just now.
  loop->pending_.artifacts = true;
  if (loop->options_.builds) {
    for (const build::ComponentBuild& component : loop->info_.components) {
      loop->pending_.components.insert(component.id);
    }
  }
  loop->arm_timer(std::chrono::nanoseconds(1));
  return loop;
}

Result<void> WatchLoop::add_event(int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  if (::epoll_ctl(events_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
    return fs::errno_error(errno).context("cannot watch files");
  }
  return {};
}

Result<void> WatchLoop::read_manifest() {
  WHORL_TRY(info_, build::read_build_info(options_.manifest_path, options_.profile));
  return {};
}

void WatchLoop::set_rules() {
  auto rules = make_rules(info_, {.sources = options_.builds, .assets = options_.assets});
  if (!rules) {
    problems_.push_back(rules.take_error());
    return;
  }
  if (auto watched = files_.set_rules(*std::move(rules)); !watched) {
    problems_.push_back(watched.take_error());
  }
}

std::vector<std::string> WatchLoop::unwatched() const {
  std::vector<std::string> out;
  for (const build::ComponentBuild& component : info_.components) {
    if (options_.builds && !component.commands.empty() && component.watch.empty()) {
      out.push_back(component.id);
    }
  }
  return out;
}

void WatchLoop::arm_timer(std::chrono::nanoseconds delay) {
  constexpr std::int64_t kPerSecond = 1'000'000'000;
  itimerspec when{};
  when.it_value.tv_sec = delay.count() / kPerSecond;
  // Zero would disarm it.
  when.it_value.tv_nsec = std::max<std::int64_t>(delay.count() % kPerSecond, 1);
  ::timerfd_settime(timer_.get(), 0, &when, nullptr);
}

bool WatchLoop::timer_fired() {
  std::uint64_t count = 0;
  return ::read(timer_.get(), &count, sizeof count) == sizeof count;
}

bool WatchLoop::is_due() {
  if (run_) {
    run_->on_ready();
  }
  // Files first: what a build wrote before it ended is told of already.
  ChangedFiles changed = files_.take();
  if (run_) {
    // The build itself makes these; they are loaded when it is done.
    changed.artifacts = false;
  }
  if (changed.any()) {
    pending_.merge(changed);
    arm_timer(options_.debounce);
  }
  if (timer_fired()) {
    act();
  }
  if (run_ && run_->is_done()) {
    finish_build();
  }
  return std::exchange(is_due_, false);
}

void WatchLoop::act() {
  if (pending_.manifest) {
    reread_manifest();
  }
  const ChangedFiles changes = std::exchange(pending_, {});
  load_after_build_ |= changes.manifest || changes.artifacts;
  if (options_.builds && !changes.components.empty()) {
    unbuilt_.insert(changes.components.begin(), changes.components.end());
    start_build();
  } else if (!run_ && load_after_build_) {
    // A changed manifest is a build to Spin, though there may be nothing to build.
    load_after_build_ = changes.manifest && !passes_checks();
    is_due_ = !load_after_build_;
  }
}

bool WatchLoop::passes_checks() {
  if (!options_.builds || options_.steps == nullptr) {
    return true;
  }
  if (auto checked = options_.steps->check(); !checked) {
    problems_.push_back(checked.take_error());
    return false;
  }
  return true;
}

/// What is built in another way than before must be built; the rest is only loaded.
void WatchLoop::reread_manifest() {
  build::BuildInfo before = std::exchange(info_, {});
  if (auto read = read_manifest(); !read) {
    problems_.push_back(read.take_error());
    info_ = std::move(before);
    pending_.manifest = false;
    return;
  }
  set_rules();
  for (const build::ComponentBuild& component : info_.components) {
    const auto old = std::ranges::find(before.components, component.id, &build::ComponentBuild::id);
    const bool is_same = old != before.components.end() && old->commands == component.commands &&
                         old->workdir == component.workdir && old->source == component.source;
    if (!is_same) {
      pending_.components.insert(component.id);
    }
  }
}

void WatchLoop::start_build() {
  run_.reset();
  const std::vector<std::string> ids(unbuilt_.begin(), unbuilt_.end());
  std::vector<std::string> known;
  for (const build::ComponentBuild& component : info_.components) {
    if (unbuilt_.contains(component.id)) {
      known.push_back(component.id);
    }
  }
  auto components = build::order_builds(info_, known);
  // No ids would mean all.
  if (!components || components->empty() || known.empty()) {
    unbuilt_.clear();
    is_due_ = load_after_build_ && passes_checks();
    load_after_build_ = load_after_build_ && !is_due_;
    return;
  }
  if (options_.steps != nullptr) {
    options_.steps->prepare(info_, *components);
  }
  run_ = std::make_unique<build::BuildRun>(
      info_, *std::move(components), build::BuildOptions{.group = fs::ProcessGroup::Own}
  );
  auto started = run_->start();
  if (started) {
    started = add_event(run_->event_fd());
  }
  if (!started) {
    problems_.push_back(started.take_error());
    run_.reset();
  }
}

void WatchLoop::finish_build() {
  const auto run = std::move(run_);
  if (run->failure() != nullptr) {
    problems_.push_back(run->failure()->clone());
    return;
  }
  log::write_all(1, "Finished building all Spin components\n");
  static_cast<void>(build::write_last_profile(info_.folder(), options_.profile));
  unbuilt_.clear();
  is_due_ = passes_checks();
  load_after_build_ = !is_due_;
  // The artifacts that were just written are about to be loaded.
  ChangedFiles since = files_.take();
  since.artifacts = false;
  if (since.any()) {
    pending_.merge(since);
    arm_timer(options_.debounce);
  }
}

}  // namespace whorl::watch
