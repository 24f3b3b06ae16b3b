#include "net/channel.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace whorl::net {
namespace {

// Parts of one message: head, body, tail, and some to spare.
constexpr std::size_t kMaxParts = 8;

class PlainChannel final : public Channel {
 public:
  explicit PlainChannel(std::unique_ptr<WatchedSocket> socket) noexcept
      : Channel(std::move(socket)) {}

  Tried try_handshake() override { return {Tried::Outcome::Done}; }

  Tried try_read(MutableByteView into) override {
    const ssize_t count = retried([&] { return ::recv(fd(), into.data(), into.size(), 0); });
    if (count > 0) {
      return {Tried::Outcome::Done, static_cast<std::size_t>(count)};
    }
    return count == 0 ? Tried{Tried::Outcome::Closed} : failed(Tried::Outcome::WantRead);
  }

  Tried try_write(std::span<const ByteView> parts) override {
    std::array<iovec, kMaxParts> vectors;
    msghdr message{};
    message.msg_iov = vectors.data();
    for (const ByteView part : parts) {
      if (!part.empty() && message.msg_iovlen < kMaxParts) {
        vectors[message.msg_iovlen++] = {const_cast<std::uint8_t*>(part.data()), part.size()};
      }
    }
    const ssize_t count = retried([&] { return ::sendmsg(fd(), &message, MSG_NOSIGNAL); });
    return count >= 0 ? Tried{Tried::Outcome::Done, static_cast<std::size_t>(count)}
                      : failed(Tried::Outcome::WantWrite);
  }

  bool is_quiet() override {
    char byte = 0;
    const ssize_t count = retried([&] { return ::recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT); });
    return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  void shutdown() noexcept override {}

 private:
  template <class Call>
  static ssize_t retried(Call call) {
    ssize_t count = 0;
    do {
      count = call();
    } while (count < 0 && errno == EINTR);
    return count;
  }

  Tried failed(Tried::Outcome if_blocked) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return {if_blocked};
    }
    failure_text_ = std::system_category().message(errno);
    return {Tried::Outcome::Failed};
  }
};

}  // namespace

std::unique_ptr<Channel> make_plain_channel(std::unique_ptr<WatchedSocket> socket) {
  return std::make_unique<PlainChannel>(std::move(socket));
}

}  // namespace whorl::net
