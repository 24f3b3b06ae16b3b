#include "net/receive.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace whorl::net {
namespace {

// Of linux/tcp.h since 4.18.
constexpr int kTellWhatIsLeft = 36;  // TCP_INQ, and TCP_CM_INQ

Left what_is_left(msghdr& message) noexcept {
  for (cmsghdr* note = CMSG_FIRSTHDR(&message); note != nullptr;
       note = CMSG_NXTHDR(&message, note)) {
    if (note->cmsg_level == IPPROTO_TCP && note->cmsg_type == kTellWhatIsLeft) {
      int left = 0;
      std::memcpy(&left, CMSG_DATA(note), sizeof left);
      return left == 0 ? Left::Nothing : Left::Something;
    }
  }
  return Left::Unknown;
}

}  // namespace

void tell_what_is_left(int fd) noexcept {
  const int on = 1;
  // Not all sockets have it: tests use others too.
  (void)::setsockopt(fd, IPPROTO_TCP, kTellWhatIsLeft, &on, sizeof on);
}

Received receive(int fd, MutableByteView into) noexcept {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> notes;
  iovec part{into.data(), into.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ssize_t count = 0;
  do {
    message.msg_control = notes.data();
    message.msg_controllen = notes.size();
    // Not through recvmsg(), which is made for being cancelled: two locked operations more.
    count = ::syscall(SYS_recvmsg, fd, &message, 0);
  } while (count < 0 && errno == EINTR);
  return {count, count > 0 ? what_is_left(message) : Left::Unknown};
}

}  // namespace whorl::net
