#include "build/build_run.hpp"

#include "log/terminal.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace whorl::build {
namespace {

constexpr int kStdout = 1;
/// A line that is longer is passed on in pieces.
constexpr std::size_t kMaxLineBytes = std::size_t{64} * 1024;

void say(std::string_view line) {
  log::write_all(kStdout, fmt::format("{}\n", line));
}

/// How Spin shows the commands of a component in one of its messages.
std::string describe_commands(const ComponentBuild& component) {
  if (!component.is_list) {
    return fmt::format("Single({})", fs::quote_path(component.commands.front()));
  }
  std::string list;
  for (const std::string& command : component.commands) {
    list += (list.empty() ? "" : ", ") + fs::quote_path(command);
  }
  return fmt::format("Multiple([{}])", list);
}

}  // namespace

struct BuildRun::Job {
  enum class State : std::uint8_t { Waiting, Running, Done };

  ComponentBuild component;
  State state = State::Waiting;
  std::size_t step = 0;  ///< of the command that runs
  std::optional<fs::Process> process{};
  fs::Fd output{};        ///< the reading end, while it is open
  std::string pending{};  ///< of a line that has not ended
};

BuildRun::BuildRun(BuildInfo info, std::vector<ComponentBuild> components, BuildOptions options)
    : info_(std::move(info)), options_(options) {
  options_.jobs = options_.output == BuildOutput::Inherited ? 1 : std::max(1U, options_.jobs);
  for (ComponentBuild& component : components) {
    jobs_.push_back(std::make_unique<Job>(Job{.component = std::move(component)}));
  }
}

BuildRun::~BuildRun() {
  cancel();
}

Result<void> BuildRun::start() {
  events_ = fs::Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!events_.is_open()) {
    return fs::errno_error(errno).context("cannot watch build commands");
  }
  start_what_can();
  return {};
}

Result<void> BuildRun::run() {
  WHORL_CHECKED(start());
  while (!is_done()) {
    pollfd waited{events_.get(), POLLIN, 0};
    static_cast<void>(::poll(&waited, 1, -1));
    on_ready();
  }
  if (failure_) {
    return failure_->clone();
  }
  return {};
}

bool BuildRun::is_done() const noexcept {
  const bool is_stopped = is_cancelled_ || failure_.has_value();
  return std::ranges::all_of(jobs_, [&](const auto& job) {
    return job->state == Job::State::Done || (is_stopped && job->state == Job::State::Waiting);
  });
}

void BuildRun::cancel() noexcept {
  is_cancelled_ = true;
  for (auto& job : jobs_) {
    job->process.reset();  // which kills it
    job->output = fs::Fd();
    job->state = Job::State::Done;
  }
}

// The order puts what is needed first; where it could not, needs go in circles and don't count.
bool BuildRun::can_start(std::size_t index) const {
  const Job& job = *jobs_[index];
  return job.state == Job::State::Waiting &&
         std::all_of(jobs_.begin(), jobs_.begin() + index, [&](const auto& other) {
           const auto& needs = job.component.needs;
           return other->state == Job::State::Done ||
                  std::ranges::find(needs, other->component.id) == needs.end();
         });
}

void BuildRun::start_what_can() {
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    const auto running = std::ranges::count_if(jobs_, [](const auto& job) {
      return job->state == Job::State::Running;
    });
    if (failure_ || is_cancelled_ || running >= static_cast<std::ptrdiff_t>(options_.jobs)) {
      return;
    }
    if (!can_start(i)) {
      continue;
    }
    Job& job = *jobs_[i];
    job.state = Job::State::Running;
    if (job.component.commands.size() > 1) {
      say(fmt::format(
          "Building component {} ({} commands)", job.component.id, job.component.commands.size()
      ));
    }
    start_step(job);
  }
}

void BuildRun::start_step(Job& job) {
  const ComponentBuild& component = job.component;
  const std::string& command = component.commands[job.step];
  say(component.commands.size() == 1
          ? fmt::format("Building component {} with `{}`", component.id, command)
          : fmt::format(
                "Running build step {}/{} for component {} with '{}'",
                job.step + 1,
                component.commands.size(),
                component.id,
                command
            ));
  if (component.workdir.starts_with('/')) {
    job.state = Job::State::Done;
    fail_with(fail(
        ErrorKind::InvalidInput, "The workdir specified in the application file must be relative."
    ));
    return;
  }
  if (!component.workdir.empty()) {
    say(fmt::format("Working directory: {}", fs::quote_path(info_.directory_of(component))));
  }
  if (auto launched = launch(job, command); !launched) {
    job.state = Job::State::Done;
    fail_with(fail(
        launched.error().kind(),
        "Cannot spawn build process '{}' for component {}: {}",
        describe_commands(component),
        component.id,
        launched.error().to_line()
    ));
  }
}

Result<void> BuildRun::launch(Job& job, const std::string& command) {
  fs::ProcessOptions options{
      .directory = info_.directory_of(job.component), .output = -1, .group = options_.group
  };
  fs::Pipe pipe;
  if (options_.output == BuildOutput::Labelled) {
    WHORL_TRY(pipe, fs::make_pipe());
    options.output = pipe.write.get();
  }
  WHORL_TRY(job.process, fs::Process::start_shell(command, options));
  WHORL_CHECKED(watch(job.process->descriptor()));
  if (pipe.read.is_open()) {
    WHORL_CHECKED(watch(pipe.read.get()));
    job.output = std::move(pipe.read);
  }
  return {};
}

Result<void> BuildRun::watch(int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  // A descriptor leaves the set when it is closed.
  if (::epoll_ctl(events_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
    return fs::errno_error(errno);
  }
  return {};
}

void BuildRun::on_ready() {
  for (auto& job : jobs_) {
    if (job->state != Job::State::Running) {
      continue;
    }
    read_output(*job);
    if (const auto end = job->process->poll()) {
      // Whatever it wrote before it ended is in the pipe now.
      read_output(*job);
      if (!job->pending.empty()) {
        print(*job, std::exchange(job->pending, {}));
      }
      finish_step(*job, *end);
    }
  }
  start_what_can();
}

void BuildRun::read_output(Job& job) {
  std::array<char, 4096> buffer{};
  while (job.output.is_open()) {
    const auto count = ::read(job.output.get(), buffer.data(), buffer.size());
    if (count < 0) {
      return;  // nothing now
    }
    if (count == 0) {
      job.output = fs::Fd();
      return;
    }
    job.pending.append(buffer.data(), static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (auto end = job.pending.find('\n'); end != std::string::npos;
         end = job.pending.find('\n', begin)) {
      print(job, std::string_view(job.pending).substr(begin, end - begin));
      begin = end + 1;
    }
    job.pending.erase(0, begin);
    if (job.pending.size() > kMaxLineBytes) {
      print(job, std::exchange(job.pending, {}));
    }
  }
}

void BuildRun::print(const Job& job, std::string_view line) const {
  say(fmt::format("[{}] {}", job.component.id, line));
}

void BuildRun::finish_step(Job& job, const fs::ProcessEnd& end) {
  job.process.reset();
  job.output = fs::Fd();
  if (!end.is_success()) {
    job.state = Job::State::Done;
    fail_with(fail(
        ErrorKind::Unavailable,
        "Build command for component {} failed with status {}",
        job.component.id,
        end.to_text()
    ));
    return;
  }
  ++job.step;
  if (job.step == job.component.commands.size()) {
    job.state = Job::State::Done;
  } else if (!failure_ && !is_cancelled_) {
    start_step(job);
  } else {
    job.state = Job::State::Done;
  }
}

void BuildRun::fail_with(Error error) {
  if (failure_) {
    return;
  }
  failure_.emplace(std::move(error));
  for (auto& job : jobs_) {
    if (job->process) {
      job->process->signal(SIGTERM);
    }
  }
}

}  // namespace whorl::build
