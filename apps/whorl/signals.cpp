#include "signals.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdlib>

namespace whorl {
namespace {

/// What poll() takes: rounded up, so that it is not called again and again at the end.
int poll_timeout(async::Deadline deadline) {
  if (deadline.is_never()) {
    return -1;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining()).count();
  return static_cast<int>(std::min<std::int64_t>(left, INT_MAX));
}

bool is_readable(const pollfd& polled) noexcept {
  return (polled.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
}

}  // namespace

Result<StopSignals> StopSignals::install() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    sigaddset(&set, signal);
  }
  if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) {
    return fs::errno_error(errno).context("cannot block signals");
  }
  fs::Fd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  fs::Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!signals.is_open() || !wake.is_open()) {
    return fs::errno_error(errno).context("cannot watch for signals");
  }
  // A hangup from the `up` that started us is never that of a terminal.
  const bool is_supervised = std::getenv("WHORL_SUPERVISED") != nullptr;
  const fs::Fd terminal(::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY));
  return StopSignals(std::move(signals), std::move(wake), terminal.is_open() && !is_supervised);
}

StopSignals::Cause StopSignals::wait(async::Deadline deadline, int readable, int handover) {
  // A negative descriptor is left out by poll().
  std::array<pollfd, 4> fds = {
      pollfd{signals_.get(), POLLIN, 0},
      pollfd{wake_.get(), POLLIN, 0},
      pollfd{readable, POLLIN, 0},
      pollfd{handover, POLLIN, 0},
  };
  while (::poll(fds.data(), fds.size(), poll_timeout(deadline)) < 0) {
    if (errno != EINTR) {
      return Cause::TimedOut;
    }
  }
  if (signalfd_siginfo info{}; ::read(signals_.get(), &info, sizeof info) == sizeof info) {
    return info.ssi_signo == SIGHUP && !has_terminal_ ? Cause::Reload : Cause::Stop;
  }
  if (std::uint64_t count = 0; ::read(wake_.get(), &count, sizeof count) == sizeof count) {
    return Cause::Notified;
  }
  if (is_readable(fds[2])) {
    return Cause::Readable;
  }
  return is_readable(fds[3]) ? Cause::Handover : Cause::TimedOut;
}

void StopSignals::notify() noexcept {
  const std::uint64_t one = 1;
  // A full counter is as good as one more.
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace whorl
