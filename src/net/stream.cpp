#include "net/stream.hpp"

#include "async/awaitable.hpp"
#include "base/check.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace whorl::net {
namespace {

using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, async::Executor>;
using boost::system::error_code;

// Parts of one message: head, body, tail, and some to spare.
constexpr std::size_t kMaxParts = 8;
// Messages up to this size are put together before they are sent.
constexpr std::size_t kCopied = 2048;

ReadEnd to_read_end(const error_code& code) {
  if (!code) {
    return ReadEnd::Bytes;
  }
  if (code == boost::asio::error::eof) {
    return ReadEnd::Closed;
  }
  return code == boost::asio::error::operation_aborted ? ReadEnd::Cancelled : ReadEnd::Failed;
}

class TcpStream final : public Stream {
 public:
  TcpStream(async::Shard& shard, fs::Fd fd) : socket_(shard.io()) {
    error_code code;
    // The protocol only matters for opening sockets.
    socket_.assign(boost::asio::ip::tcp::v4(), fd.get(), code);
    if (!code) {
      (void)fd.release();
      socket_.native_non_blocking(true, code);
    }
  }

  void start_read(MutableByteView buffer, std::shared_ptr<StreamSink> sink) override {
    WHORL_DCHECK(!buffer.empty(), "a read needs room");
    socket_.async_read_some(
        boost::asio::buffer(buffer.data(), buffer.size()),
        [sink = std::move(sink)](const error_code& code, std::size_t count) {
          sink->on_read(to_read_end(code), count);
        }
    );
  }

  void start_wait_readable(std::shared_ptr<StreamSink> sink) override {
    socket_.async_wait(Socket::wait_read, [sink = std::move(sink)](const error_code& code) {
      sink->on_read(to_read_end(code), 0);
    });
  }

  void cancel_read() override {
    error_code ignored;
    socket_.cancel(ignored);
  }

  Attempt try_write(std::span<const ByteView> parts) override {
    std::size_t total = 0;
    for (const ByteView part : parts) {
      total += part.size();
    }
    return total <= kCopied ? write_copy(parts, total) : write_parts(parts);
  }

  void start_wait_writable(std::shared_ptr<StreamSink> sink) override {
    socket_.async_wait(Socket::wait_write, [sink = std::move(sink)](const error_code&) {
      sink->on_writable();
    });
  }

  void shutdown_write() override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }

  void close() override {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  /// A copy of a few bytes costs less than a list of parts does in the kernel.
  Attempt write_copy(std::span<const ByteView> parts, std::size_t total) {
    std::array<std::uint8_t, kCopied> copy;
    std::uint8_t* at = copy.data();
    for (const ByteView part : parts) {
      at = std::copy(part.begin(), part.end(), at);
    }
    return attempt([&] { return ::send(socket_.native_handle(), copy.data(), total, MSG_NOSIGNAL); }
    );
  }

  Attempt write_parts(std::span<const ByteView> parts) {
    std::array<iovec, kMaxParts> vectors;
    msghdr message{};
    message.msg_iov = vectors.data();
    WHORL_DCHECK(parts.size() <= kMaxParts, "too many parts", parts.size());
    for (const ByteView part : parts) {
      if (!part.empty()) {
        vectors[message.msg_iovlen++] = {const_cast<std::uint8_t*>(part.data()), part.size()};
      }
    }
    return attempt([&] { return ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL); });
  }

  template <class Call>
  static Attempt attempt(Call call) {
    while (true) {
      const ssize_t count = call();
      if (count >= 0) {
        return {Attempt::Outcome::Done, static_cast<std::size_t>(count)};
      }
      if (errno == EAGAIN) {
        return {Attempt::Outcome::WouldBlock};
      }
      if (errno != EINTR) {
        return {Attempt::Outcome::Failed};
      }
    }
  }

  Socket socket_;
};

}  // namespace

std::unique_ptr<Stream> make_tcp_stream(async::Shard& shard, fs::Fd socket) {
  return std::make_unique<TcpStream>(shard, std::move(socket));
}

}  // namespace whorl::net
