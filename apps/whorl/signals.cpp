#include "signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace whorl {

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
  return StopSignals(std::move(signals), std::move(wake));
}

StopSignals::Cause StopSignals::wait(std::chrono::milliseconds at_most) {
  return wait_for(at_most.count() < 0 ? 0 : static_cast<int>(at_most.count()));
}

StopSignals::Cause StopSignals::wait() {
  return wait_for(-1);
}

StopSignals::Cause StopSignals::wait_for(int milliseconds) {
  std::array<pollfd, 2> fds = {
      pollfd{signals_.get(), POLLIN, 0},
      pollfd{wake_.get(), POLLIN, 0},
  };
  while (::poll(fds.data(), fds.size(), milliseconds) < 0) {
    if (errno != EINTR) {
      return Cause::TimedOut;
    }
  }
  if (signalfd_siginfo info{}; ::read(signals_.get(), &info, sizeof info) == sizeof info) {
    return Cause::Signal;
  }
  if (std::uint64_t count = 0; ::read(wake_.get(), &count, sizeof count) == sizeof count) {
    return Cause::Notified;
  }
  return Cause::TimedOut;
}

void StopSignals::notify() noexcept {
  const std::uint64_t one = 1;
  // A full counter is as good as one more.
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace whorl
