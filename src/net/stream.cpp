// TCP streams, directly on the reactor of Asio.
//
// Asio's own socket makes one system call more for most requests: having read, it tries again
// before it waits, since it cannot tell that the first read took everything. Here a read of TCP
// that did not fill its room took everything, unless the reactor has heard of an end of the stream
// or of something out of the ordinary (ADR 18). The price is the use of Asio's internals, pinned by
// the assertion below.
#include "net/stream.hpp"

#include "base/check.hpp"

#include <boost/asio/detail/epoll_reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/version.hpp>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

static_assert(BOOST_VERSION / 100 == 1081, "look at Asio's reactor again before changing Boost");

namespace whorl::net {
namespace {

using boost::asio::detail::reactor_op;
using boost::system::error_code;
using Reactor = boost::asio::detail::epoll_reactor;

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

/// What epoll has told of a descriptor, with its last event.
class Heard final : boost::asio::detail::operation {
 public:
  /// Forgets what it told of the descriptor that had the place before.
  static void nothing(Reactor::per_descriptor_data place) noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-cstyle-cast): it is one by private inheritance
    ((boost::asio::detail::operation*)place)->*(&Heard::task_result_) = 0;
  }
  /// @return EPOLLIN and others, perhaps not up to date: what came since is still to be told
  static std::uint32_t of(Reactor::per_descriptor_data place) noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-cstyle-cast): it is one by private inheritance
    return ((const boost::asio::detail::operation*)place)->*(&Heard::task_result_);
  }
};

/// Whether an event says no more than that there are bytes. Urgent ones end a read early.
bool is_plain(std::uint32_t events) noexcept {
  return (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) == 0;
}

/// Other sockets may end a read early for reasons of their own, such as descriptors that are sent.
bool is_tcp(int fd) noexcept {
  int protocol = 0;
  socklen_t size = sizeof protocol;
  return ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
         protocol == IPPROTO_TCP;
}

/// recv(2), never interrupted. Not through recv(), which is made for being cancelled: two locked
/// operations more.
ssize_t receive_plainly(int fd, MutableByteView room) noexcept {
  ssize_t count = 0;
  do {
    count = ::syscall(SYS_recvfrom, fd, room.data(), room.size(), 0, nullptr, nullptr);
  } while (count < 0 && errno == EINTR);
  return count;
}

/// Where the bytes of a read go.
enum class Into : std::uint8_t {
  Nowhere,  ///< it only waits for some
  Buffer,
  Lent,  ///< what the sink lends when there are some
};

/// What the reactor keeps in its queue while a read or a wait for one is under way.
class ReadOperation final : public reactor_op {
 public:
  ReadOperation() : reactor_op(error_code(), &perform_read, &complete) {}

  /// @param place  where the reactor keeps what it knows of the descriptor
  /// @param ends_short  whether a read that does not fill its room took everything
  void use(int fd, Reactor::per_descriptor_data place, bool ends_short) noexcept {
    fd_ = fd;
    place_ = place;
    ends_short_ = ends_short;
  }

  /// @param buffer  with Into::Buffer
  /// @param keeper  of this object, until the operation has ended
  void prepare(
      Into into, MutableByteView buffer, LocalPtr<StreamSink> sink, LocalPtr<const void> keeper
  ) {
    into_ = into;
    buffer_ = buffer;
    sink_ = std::move(sink);
    keeper_ = std::move(keeper);
    ec_ = error_code();
    bytes_transferred_ = 0;
  }

 private:
  static status perform_read(reactor_op* base) {
    auto& self = static_cast<ReadOperation&>(*base);
    switch (self.into_) {
      case Into::Nowhere:
        return done;
      case Into::Buffer:
        return self.read_into(self.buffer_);
      case Into::Lent:
        break;
    }
    const MutableByteView room = self.sink_->lend_room();
    if (room.empty()) {
      self.ec_ = boost::asio::error::no_memory;
      return done_and_exhausted;
    }
    const status result = self.read_into(room);
    if (self.bytes_transferred_ == 0) {
      self.sink_->return_room();
    }
    return result;
  }

  status read_into(MutableByteView room) {
    const ssize_t count = receive_plainly(fd_, room);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return not_done;
    }
    if (count <= 0) {
      ec_ = count == 0 ? error_code(boost::asio::error::eof)
                       : error_code(errno, boost::system::system_category());
      return done_and_exhausted;
    }
    bytes_transferred_ = static_cast<std::size_t>(count);
    // What comes from here on is told with an event of its own. Where it is not certain that this
    // was all, the next read tries at once, as Asio's socket does.
    const bool took_all = ends_short_ && bytes_transferred_ < room.size();
    return took_all && is_plain(Heard::of(place_)) ? done_and_exhausted : done;
  }

  /// @param owner  null when the loop is destroyed: then nobody is called
  static void complete(
      void* owner, boost::asio::detail::operation* base, const error_code&, std::size_t
  ) {
    auto& self = *static_cast<ReadOperation*>(base);
    const LocalPtr<const void> keeper = std::move(self.keeper_);
    const LocalPtr<StreamSink> sink = std::move(self.sink_);
    if (owner != nullptr) {
      sink->on_read(to_read_end(self.ec_), self.bytes_transferred_);
    }
  }

  int fd_ = -1;
  Reactor::per_descriptor_data place_ = nullptr;
  bool ends_short_ = false;
  Into into_ = Into::Nowhere;
  MutableByteView buffer_;
  LocalPtr<StreamSink> sink_;
  LocalPtr<const void> keeper_;
};

class WriteWait final : public reactor_op {
 public:
  WriteWait() : reactor_op(error_code(), &perform_wait, &complete) {}

  void prepare(LocalPtr<StreamSink> sink, LocalPtr<const void> keeper) {
    sink_ = std::move(sink);
    keeper_ = std::move(keeper);
    ec_ = error_code();
  }

 private:
  static status perform_wait(reactor_op*) { return done; }
  static void complete(
      void* owner, boost::asio::detail::operation* base, const error_code&, std::size_t
  ) {
    auto& self = *static_cast<WriteWait*>(base);
    const LocalPtr<const void> keeper = std::move(self.keeper_);
    const LocalPtr<StreamSink> sink = std::move(self.sink_);
    if (owner != nullptr) {
      sink->on_writable();
    }
  }

  LocalPtr<StreamSink> sink_;
  LocalPtr<const void> keeper_;
};

/// A stream's operations; one in flight may outlive the stream.
struct Operations {
  ReadOperation read;
  WriteWait write;
};

class TcpStream final : public Stream {
 public:
  TcpStream(async::Shard& shard, fs::Fd fd)
      : reactor_(boost::asio::use_service<Reactor>(shard.io())), fd_(std::move(fd)) {
    reactor_.init_task();
    const bool tcp = is_tcp(fd_.get());
    if (reactor_.register_descriptor(fd_.get(), state_) != 0) {
      fd_ = fs::Fd();  // every read and write fails from here on
    }
    Heard::nothing(state_);
    operations_->read.use(fd_.get(), state_, tcp);
  }
  ~TcpStream() override { close(); }

  void start_read(MutableByteView buffer, LocalPtr<StreamSink> sink) override {
    WHORL_DCHECK(!buffer.empty(), "a read needs room");
    start(Into::Buffer, buffer, std::move(sink), true);
  }

  void start_read_lent(LocalPtr<StreamSink> sink) override {
    start(Into::Lent, {}, std::move(sink), true);
  }

  void start_wait_readable(LocalPtr<StreamSink> sink) override {
    start(Into::Nowhere, {}, std::move(sink), false);
  }

  void cancel_read() override { reactor_.cancel_ops(fd_.get(), state_); }

  Attempt try_write(std::span<const ByteView> parts) override {
    std::size_t total = 0;
    for (const ByteView part : parts) {
      total += part.size();
    }
    return total <= kCopied ? write_copy(parts, total) : write_parts(parts);
  }

  bool writes_in_place() const noexcept override { return true; }

  void start_wait_writable(LocalPtr<StreamSink> sink) override {
    operations_->write.prepare(std::move(sink), operations_);
    reactor_.start_op(Reactor::write_op, fd_.get(), state_, &operations_->write, false, false);
  }

  void shutdown_write() override { ::shutdown(fd_.get(), SHUT_WR); }

  void close() override {
    if (fd_.is_open()) {
      reactor_.deregister_descriptor(fd_.get(), state_, true);
      fd_ = fs::Fd();
      reactor_.cleanup_descriptor_data(state_);
    }
  }

 private:
  /// @param try_now  false asks the kernel anew whether there is something to read
  void start(Into into, MutableByteView buffer, LocalPtr<StreamSink> sink, bool try_now) {
    operations_->read.prepare(into, buffer, std::move(sink), operations_);
    reactor_.start_op(Reactor::read_op, fd_.get(), state_, &operations_->read, false, try_now);
  }

  /// A copy of a few bytes costs less than a list of parts does in the kernel.
  Attempt write_copy(std::span<const ByteView> parts, std::size_t total) {
    std::array<std::uint8_t, kCopied> copy;
    std::uint8_t* at = copy.data();
    for (const ByteView part : parts) {
      at = std::copy(part.begin(), part.end(), at);
    }
    // Not through send(), which is made for being cancelled: two locked operations more.
    return attempt([&] {
      return ::syscall(SYS_sendto, fd_.get(), copy.data(), total, MSG_NOSIGNAL, nullptr, 0);
    });
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
    return attempt([&] { return ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL); });
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

  Reactor& reactor_;
  Reactor::per_descriptor_data state_ = nullptr;
  fs::Fd fd_;
  LocalPtr<Operations> operations_ = make_local<Operations>();
};

}  // namespace

std::unique_ptr<Stream> make_tcp_stream(async::Shard& shard, fs::Fd socket) {
  return std::make_unique<TcpStream>(shard, std::move(socket));
}

}  // namespace whorl::net
