// TLS streams of clients. As those of TCP (stream.cpp) they sit on Asio's reactor itself: OpenSSL's
// reads say whether they took everything, and then waiting for more costs no call to the kernel.
#include "net/tls_stream.hpp"

#include "base/check.hpp"
#include "net/receive.hpp"
#include "net/socket_bio.hpp"

#include <boost/asio/detail/epoll_reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

namespace whorl::net {
namespace {

using Ssl = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using boost::asio::detail::reactor_op;
using Reactor = boost::asio::detail::epoll_reactor;
using boost::system::error_code;

// What one record holds at most (RFC 8446 §5.1).
constexpr std::size_t kRecordBytes = 16 * 1024;
// Small parts are put together into one record of up to so many bytes.
constexpr std::size_t kTogether = 8 * 1024;

/// SSL_get_error() looks at the queue of this thread, which is to be empty before a call. It nearly
/// always is, and emptying it costs more than a look.
void forget_errors() noexcept {
  if (ERR_peek_error() != 0) {
    ERR_clear_error();
  }
}

struct TlsState;

/// A wait of a stream in the reactor's queue, for one of two events.
class TlsWait final : public reactor_op {
 public:
  /// What is to be called when it is over.
  using Then = void (TlsState::*)(bool aborted);

  explicit TlsWait(Then then) noexcept
      : reactor_op(error_code(), &perform_wait, &complete), then_(then) {}

  [[nodiscard]] bool is_pending() const noexcept { return keeper_ != nullptr; }
  void prepare(LocalPtr<TlsState> keeper) {
    keeper_ = std::move(keeper);
    ec_ = error_code();
  }

 private:
  /// Whether there is more is known after the read that follows.
  static status perform_wait(reactor_op*) { return done_and_exhausted; }
  static void complete(
      void* owner, boost::asio::detail::operation* base, const error_code&, std::size_t
  );

  Then then_;
  LocalPtr<TlsState> keeper_;  ///< while it is in the queue
};

/// What waits on the loop keeps this, not the stream, alive.
struct TlsState final : EnableLocalFromThis<TlsState> {
  TlsState(async::Shard& on, fs::Fd fd)
      : shard(on), reactor(boost::asio::use_service<Reactor>(on.io())), socket(std::move(fd)) {
    reactor.init_task();
    tell_what_is_left(socket.get());
    if (reactor.register_descriptor(socket.get(), place) != 0) {
      socket = fs::Fd();
    }
  }

  enum class Outcome : std::uint8_t { Done, WantRead, WantWrite, Closed, Failed };
  Outcome judge(int returned);
  /// Bytes that OpenSSL has taken from the socket already don't make it readable again. Those of
  /// half a record are of no use: trying again and again would keep the shard busy.
  [[nodiscard]] bool has_something() const noexcept {
    return !starved && SSL_has_pending(ssl.get()) == 1;
  }

  void wait_readable();
  void wait_writable();
  void on_readable(bool aborted);
  void on_writable(bool aborted);
  void post_read();
  void close();
  void try_read();
  void finish_read(ReadEnd end, std::size_t count);

  async::Shard& shard;
  Reactor& reactor;
  Reactor::per_descriptor_data place = nullptr;
  fs::Fd socket;
  TlsWait read_wait{&TlsState::on_readable};
  TlsWait write_wait{&TlsState::on_writable};
  Ssl ssl;
  std::shared_ptr<const void> owner;
  LocalPtr<StreamSink> reader;   ///< while a read is started
  MutableByteView buffer;        ///< where it goes; empty: into what the reader lends
  LocalPtr<StreamSink> watcher;  ///< is told once there is something to read
  LocalPtr<StreamSink> writer;   ///< is told once there is room to write
  bool read_wants_room = false;  ///< the started read goes on when there is
  bool cancelled = false;        ///< the started read is to end
  bool broken = false;           ///< nothing can be sent any more, not even a goodbye
  bool shut = false;             ///< the goodbye was said
  /// OpenSSL can go on only with more bytes from the socket, whatever part of a record it holds.
  bool starved = false;
  bool plain_http = false;  ///< the handshake failed of that
  std::string failure_text;
};

TlsState::Outcome TlsState::judge(int returned) {
  const int code = SSL_get_error(ssl.get(), returned);
  starved = code == SSL_ERROR_WANT_READ;
  switch (code) {
    case SSL_ERROR_WANT_READ:
      return Outcome::WantRead;
    case SSL_ERROR_WANT_WRITE:
      return Outcome::WantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Outcome::Closed;
    default:
      break;
  }
  broken = true;
  plain_http = ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL &&
               ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
  failure_text = ERR_peek_error() == 0 ? "the connection broke" : take_tls_reason();
  return Outcome::Failed;
}

void TlsWait::complete(
    void* owner, boost::asio::detail::operation* base, const error_code&, std::size_t
) {
  auto& self = *static_cast<TlsWait*>(base);
  const LocalPtr<TlsState> state = std::move(self.keeper_);
  if (owner == nullptr) {
    // The loop is destroyed: nobody is called, and who was to be is let go of, since it has us.
    const auto reader = std::exchange(state->reader, nullptr);
    const auto watcher = std::exchange(state->watcher, nullptr);
    const auto writer = std::exchange(state->writer, nullptr);
    return;
  }
  (*state.*
   self.then_)(self.ec_ == boost::asio::error::operation_aborted || !state->socket.is_open());
}

/// Where the last read took everything, the reactor knows when there is more; else it asks anew.
void TlsState::wait_readable() {
  WHORL_DCHECK(!read_wait.is_pending(), "one read at a time");
  read_wait.prepare(shared_from_this());
  const bool drained = is_drained(SSL_get_rbio(ssl.get()));
  reactor.start_op(Reactor::read_op, socket.get(), place, &read_wait, false, drained);
}

void TlsState::wait_writable() {
  if (!write_wait.is_pending()) {
    write_wait.prepare(shared_from_this());
    reactor.start_op(Reactor::write_op, socket.get(), place, &write_wait, false, false);
  }
}

void TlsState::on_readable(bool aborted) {
  if (watcher != nullptr) {
    std::exchange(watcher, nullptr)->on_read(aborted ? ReadEnd::Cancelled : ReadEnd::Bytes, 0);
    return;
  }
  cancelled |= aborted;
  if (reader != nullptr) {
    try_read();
  }
}

void TlsState::on_writable(bool aborted) {
  const bool goes_on = std::exchange(read_wants_room, false);
  if (const auto told = std::exchange(writer, nullptr)) {
    told->on_writable();
  }
  cancelled |= aborted && goes_on;
  if (goes_on && reader != nullptr) {
    try_read();
  }
}

void TlsState::close() {
  reactor.deregister_descriptor(socket.get(), place, true);
  socket = fs::Fd();
  reactor.cleanup_descriptor_data(place);
}

void TlsState::finish_read(ReadEnd end, std::size_t count) {
  cancelled = false;
  buffer = {};
  std::exchange(reader, nullptr)->on_read(end, count);
}

void TlsState::post_read() {
  shard.post([self = shared_from_this()] {
    if (self->reader != nullptr) {
      self->try_read();
    }
  });
}

void TlsState::try_read() {
  if (cancelled || !socket.is_open()) {
    finish_read(ReadEnd::Cancelled, 0);
    return;
  }
  forget_errors();
  const bool lends = buffer.empty();
  const MutableByteView room = lends ? reader->lend_room() : buffer;
  if (room.empty()) {
    finish_read(ReadEnd::Failed, 0);
    return;
  }
  std::size_t count = 0;
  const int done = SSL_read_ex(ssl.get(), room.data(), room.size(), &count);
  if (done == 1) {
    starved = false;
    finish_read(ReadEnd::Bytes, count);
    return;
  }
  if (lends) {
    reader->return_room();
  }
  switch (judge(done)) {
    case Outcome::WantRead:
      wait_readable();
      break;
    case Outcome::WantWrite:
      read_wants_room = true;
      wait_writable();
      break;
    case Outcome::Closed:
      finish_read(ReadEnd::Closed, 0);
      break;
    default:
      finish_read(ReadEnd::Failed, 0);
      break;
  }
}

class TlsStream final : public TlsServerStream {
 public:
  explicit TlsStream(LocalPtr<TlsState> state) noexcept : state_(std::move(state)) {}
  ~TlsStream() override { close(); }

  Step try_handshake() override {
    forget_errors();
    const int done = SSL_accept(state_->ssl.get());
    if (done == 1) {
      state_->starved = false;
      return Step::Done;
    }
    switch (state_->judge(done)) {
      case TlsState::Outcome::WantRead:
        return Step::WantRead;
      case TlsState::Outcome::WantWrite:
        return Step::WantWrite;
      default:
        return Step::Failed;
    }
  }

  std::string_view protocol() const noexcept override {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(state_->ssl.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

  bool is_resumed() const noexcept override { return SSL_session_reused(state_->ssl.get()) == 1; }

  bool is_plain_http() const noexcept override { return state_->plain_http; }

  void answer_plainly(std::string_view text) noexcept override {
    const int fd = state_->socket.get();
    // The buffer of a new socket has room for it.
    (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(fd, SHUT_WR);
    // What has arrived unread would turn the end into a reset.
    std::array<char, 4096> ignored;
    while (::recv(fd, ignored.data(), ignored.size(), MSG_DONTWAIT) == ssize_t{ignored.size()}) {
    }
  }

  const std::string& failure_text() const noexcept override { return state_->failure_text; }

  void start_read(MutableByteView buffer, LocalPtr<StreamSink> sink) override {
    WHORL_DCHECK(!buffer.empty(), "a read needs room");
    start(buffer, std::move(sink));
  }

  void start_read_lent(LocalPtr<StreamSink> sink) override { start({}, std::move(sink)); }

  void start_wait_readable(LocalPtr<StreamSink> sink) override {
    if (state_->has_something()) {
      state_->shard.post([sink = std::move(sink)] { sink->on_read(ReadEnd::Bytes, 0); });
      return;
    }
    state_->watcher = std::move(sink);
    state_->wait_readable();
  }

  void cancel_read() override {
    state_->cancelled = state_->reader != nullptr;
    state_->reactor.cancel_ops(state_->socket.get(), state_->place);
  }

  Attempt try_write(std::span<const ByteView> parts) override {
    std::size_t first = 0;
    std::size_t offset = 0;
    std::size_t written = 0;
    while (true) {
      while (first < parts.size() && offset == parts[first].size()) {
        ++first;
        offset = 0;
      }
      if (first == parts.size()) {
        return {Attempt::Outcome::Done, written};
      }
      const Attempt attempt = write_record(parts.subspan(first), offset);
      if (attempt.outcome != Attempt::Outcome::Done) {
        return written > 0 ? Attempt{Attempt::Outcome::Done, written} : attempt;
      }
      written += attempt.count;
      skip(parts, first, offset, attempt.count);
    }
  }

  void start_wait_writable(LocalPtr<StreamSink> sink) override {
    state_->writer = std::move(sink);
    state_->wait_writable();
  }

  void shutdown_write() override {
    say_goodbye();
    ::shutdown(state_->socket.get(), SHUT_WR);
  }

  void close() override {
    if (!state_->socket.is_open()) {
      return;
    }
    say_goodbye();
    state_->close();
  }

 private:
  void start(MutableByteView buffer, LocalPtr<StreamSink> sink) {
    state_->reader = std::move(sink);
    state_->buffer = buffer;
    if (state_->has_something()) {
      state_->post_read();
    } else {
      state_->wait_readable();
    }
  }

  static void skip(
      std::span<const ByteView> parts, std::size_t& first, std::size_t& offset, std::size_t count
  ) {
    while (count > 0) {
      const std::size_t here = std::min(count, parts[first].size() - offset);
      count -= here;
      offset += here;
      if (offset == parts[first].size()) {
        ++first;
        offset = 0;
      }
    }
  }

  /// One record of what the parts hold. After WouldBlock the next try begins with the same bytes.
  Attempt write_record(std::span<const ByteView> parts, std::size_t offset) {
    const ByteView head = parts[0].subspan(offset);
    if (head.size() >= kTogether || parts.size() == 1) {
      return write(head.first(std::min(head.size(), kRecordBytes)));
    }
    std::array<std::uint8_t, kTogether> together;
    std::size_t size = 0;
    for (const ByteView part : parts) {
      const ByteView rest = size == 0 ? part.subspan(offset) : part;
      const std::size_t count = std::min(rest.size(), together.size() - size);
      std::copy_n(rest.begin(), count, together.begin() + static_cast<std::ptrdiff_t>(size));
      size += count;
    }
    return write(ByteView(together).first(size));
  }

  Attempt write(ByteView data) {
    forget_errors();
    std::size_t count = 0;
    const int done = SSL_write_ex(state_->ssl.get(), data.data(), data.size(), &count);
    if (done == 1) {
      return {Attempt::Outcome::Done, count};
    }
    switch (state_->judge(done)) {
      case TlsState::Outcome::WantRead:
      case TlsState::Outcome::WantWrite:
        return {Attempt::Outcome::WouldBlock};
      default:
        return {Attempt::Outcome::Failed};
    }
  }

  void say_goodbye() {
    if (!state_->broken && !std::exchange(state_->shut, true) &&
        SSL_is_init_finished(state_->ssl.get()) == 1) {
      ERR_clear_error();
      static_cast<void>(SSL_shutdown(state_->ssl.get()));
      ERR_clear_error();
    }
  }

  LocalPtr<TlsState> state_;
};

}  // namespace

std::unique_ptr<TlsServerStream> make_tls_stream(
    async::Shard& shard, fs::Fd socket, ssl_ctx_st* context, std::shared_ptr<const void> owner
) {
  ERR_clear_error();
  const int fd = socket.get();
  auto state = make_local<TlsState>(shard, std::move(socket));
  state->ssl = Ssl(SSL_new(context));
  BIO* bio = state->ssl == nullptr || !state->socket.is_open() ? nullptr : make_socket_bio(fd);
  if (bio == nullptr) {
    ERR_clear_error();
    if (state->socket.is_open()) {
      state->close();
    }
    return nullptr;
  }
  SSL_set_bio(state->ssl.get(), bio, bio);
  SSL_set_accept_state(state->ssl.get());
  state->owner = std::move(owner);
  return std::make_unique<TlsStream>(std::move(state));
}

}  // namespace whorl::net
