#include "log/terminal.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace whorl::log {
namespace {

constexpr unsigned kDefaultWidth = 100;

bool is_c0_control(unsigned char byte) {
  return byte < 0x20 || byte == 0x7F;
}

/// U+0080…U+009F are two bytes in UTF-8: C2 80 … C2 9F.
bool is_c1_at(std::string_view text, std::size_t i) {
  if (static_cast<unsigned char>(text[i]) != 0xC2 || i + 1 >= text.size()) {
    return false;
  }
  const auto second = static_cast<unsigned char>(text[i + 1]);
  return second >= 0x80 && second <= 0x9F;
}

}  // namespace

bool is_terminal(int fd) noexcept {
  return ::isatty(fd) == 1;
}

bool wants_colour(int fd) noexcept {
  const char* no_colour = std::getenv("NO_COLOR");
  return (no_colour == nullptr || *no_colour == '\0') && is_terminal(fd);
}

unsigned terminal_width(int fd) noexcept {
  winsize size{};
  if (is_terminal(fd) && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return size.ws_col;
  }
  return kDefaultWidth;
}

bool write_all(int fd, ByteView data) noexcept {
  while (!data.empty()) {
    const ssize_t count = ::write(fd, data.data(), data.size());
    if (count > 0) {
      data = data.subspan(static_cast<std::size_t>(count));
    } else if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      // Another program may have made a shared descriptor non-blocking.
      pollfd waiter{.fd = fd, .events = POLLOUT, .revents = 0};
      if (::poll(&waiter, 1, -1) < 0 && errno != EINTR) {
        return false;
      }
    } else if (count == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool write_all(int fd, std::string_view text) noexcept {
  return write_all(fd, as_bytes(text));
}

std::string escape_controls(std::string_view text, LineBreaks breaks) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool kept = breaks == LineBreaks::Keep && (byte == '\n' || byte == '\t');
    if (is_c0_control(byte) && !kept) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", byte);
    } else if (is_c1_at(text, i)) {
      ++i;
      const auto second = static_cast<unsigned char>(text[i]);
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", second);
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace whorl::log
