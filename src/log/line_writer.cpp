#include "log/line_writer.hpp"

#include "log/terminal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace whorl::log {
namespace {

constexpr int kLookAgainMs = 50;

/// The bytes of whole lines, as many as go out together.
std::string_view next_part(std::string_view text) {
  std::string_view part = text.substr(0, PIPE_BUF);
  if (part.size() < text.size()) {
    if (const auto line = part.rfind('\n'); line != std::string_view::npos) {
      part = part.substr(0, line + 1);
    }
  }
  return part;
}

}  // namespace

void LineWriter::open(int fd) {
  const std::lock_guard lock(mutex_);
  fd_ = fd;
  own_ = fs::Fd();
  waiting_.clear();
  unreported_ = 0;
  is_waiting_ = false;
  judge();
}

void LineWriter::judge() {
  struct stat what{};
  kind_ = Kind::Polled;
  if (::fstat(fd_, &what) != 0) {
    return;
  }
  if (S_ISREG(what.st_mode)) {
    kind_ = Kind::Direct;
  } else if (S_ISSOCK(what.st_mode)) {
    kind_ = Kind::Socket;
  } else if (S_ISFIFO(what.st_mode) || ::isatty(fd_) == 1) {
    // O_NONBLOCK belongs to the open file, which others share with us: this one is ours alone.
    const std::string path = fmt::format("/proc/self/fd/{}", fd_);
    own_ = fs::Fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    kind_ = own_.is_open() ? Kind::Own : Kind::Polled;
  }
}

/// @return how much was taken; everything when nobody will ever read it
std::size_t LineWriter::try_write(std::string_view text) {
  std::size_t taken = 0;
  while (taken < text.size()) {
    const std::string_view rest = text.substr(taken);
    ssize_t count = 0;
    if (kind_ == Kind::Direct) {
      count = ::write(fd_, rest.data(), rest.size());
    } else if (kind_ == Kind::Own) {
      count = ::write(own_.get(), rest.data(), rest.size());
    } else if (kind_ == Kind::Socket) {
      count = ::send(fd_, rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
      pollfd entry{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (::poll(&entry, 1, 0) != 1) {
        return taken;
      }
      // What is writable takes so much without waiting.
      const std::string_view part = next_part(rest);
      count = ::write(fd_, part.data(), part.size());
    }
    if (count > 0) {
      taken += static_cast<std::size_t>(count);
    } else if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return taken;
    } else if (count == 0 || errno != EINTR) {
      return text.size();
    }
  }
  return taken;
}

bool LineWriter::pump() {
  while (!waiting_.empty()) {
    waiting_.erase(0, try_write(waiting_));
    if (!waiting_.empty()) {
      break;
    }
    if (unreported_ > 0) {
      waiting_ = notice_(std::exchange(unreported_, 0));
    }
  }
  is_waiting_ = !waiting_.empty();
  return waiting_.empty();
}

void LineWriter::write(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (pump()) {
    line.remove_prefix(try_write(line));
  }
  if (line.empty()) {
    return;
  }
  // After a loss, first everything that waits: one notice for all that is lost until then.
  if (unreported_ > 0 || waiting_.size() + line.size() > kMaxWaiting) {
    ++unreported_;
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  waiting_.append(line);
  is_waiting_ = true;
}

bool LineWriter::flush() {
  if (!is_waiting_.load(std::memory_order_relaxed)) {
    return true;
  }
  const std::lock_guard lock(mutex_);
  return pump();
}

bool LineWriter::finish(std::chrono::milliseconds patience) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!flush()) {
    if (std::chrono::steady_clock::now() >= give_up) {
      return false;
    }
    pollfd entry{.fd = fd_, .events = POLLOUT, .revents = 0};
    (void)::poll(&entry, 1, kLookAgainMs);
  }
  return true;
}

}  // namespace whorl::log
