// The one translation unit that compiles Boost.Asio's non-template parts
// (BOOST_ASIO_SEPARATE_COMPILATION in cmake/WhorlOptions.cmake).
#include <sys/epoll.h>

namespace {

/// What Asio's reactor watches for bytes it watches for their end, too. That end is told with the
/// bytes then, and who reads them needs no second read to learn of it (net/stream.cpp).
int watch_with_ends(int set, int operation, int descriptor, epoll_event* event) noexcept {
  if (event != nullptr && (event->events & EPOLLIN) != 0) {
    event->events |= EPOLLRDHUP;
  }
  return ::epoll_ctl(set, operation, descriptor, event);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): Asio has no other place to say it
#define epoll_ctl watch_with_ends
#include <boost/asio/impl/src.hpp>
#undef epoll_ctl
