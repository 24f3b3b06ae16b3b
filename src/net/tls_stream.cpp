#include "net/tls_stream.hpp"

#include "async/awaitable.hpp"
#include "base/check.hpp"
#include "net/socket_bio.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

namespace whorl::net {
namespace {

using Ssl = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using Descriptor = boost::asio::posix::basic_stream_descriptor<async::Executor>;
using boost::system::error_code;

// What one record holds at most (RFC 8446 §5.1).
constexpr std::size_t kRecordBytes = 16 * 1024;
// Small parts are put together into one record of up to so many bytes.
constexpr std::size_t kTogether = 8 * 1024;

/// What waits on the loop keeps this, not the stream, alive.
struct TlsState final : std::enable_shared_from_this<TlsState> {
  TlsState(async::Shard& on, fs::Fd fd) : shard(on), socket(on.io(), fd.release()) {}

  enum class Outcome : std::uint8_t { Done, WantRead, WantWrite, Closed, Failed };
  Outcome judge(int returned);
  /// Bytes that OpenSSL has taken from the socket already don't make it readable again. Those of
  /// half a record are of no use: trying again and again would keep the shard busy.
  [[nodiscard]] bool has_something() const noexcept {
    return !starved && SSL_has_pending(ssl.get()) == 1;
  }

  void wait(Descriptor::wait_type what, std::move_only_function<void(bool aborted)> then);
  void post_read();
  void wait_for_bytes(Descriptor::wait_type what);
  void try_read();
  void finish_read(ReadEnd end, std::size_t count);

  async::Shard& shard;
  Descriptor socket;
  Ssl ssl;
  std::shared_ptr<const void> owner;
  std::shared_ptr<StreamSink> reader;  ///< while a read is started
  MutableByteView buffer;              ///< where it goes; empty: into what the reader lends
  bool cancelled = false;              ///< the started read is to end
  bool broken = false;                 ///< nothing can be sent any more, not even a goodbye
  bool shut = false;                   ///< the goodbye was said
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

void TlsState::wait(Descriptor::wait_type what, std::move_only_function<void(bool aborted)> then) {
  socket.async_wait(
      what,
      [self = shared_from_this(), then = std::move(then)](const error_code& code) mutable {
        then(code == boost::asio::error::operation_aborted || !self->socket.is_open());
      }
  );
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

void TlsState::wait_for_bytes(Descriptor::wait_type what) {
  wait(what, [this](bool aborted) {
    cancelled |= aborted;
    if (reader != nullptr) {
      try_read();
    }
  });
}

void TlsState::try_read() {
  if (cancelled || !socket.is_open()) {
    finish_read(ReadEnd::Cancelled, 0);
    return;
  }
  ERR_clear_error();
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
      wait_for_bytes(Descriptor::wait_read);
      break;
    case Outcome::WantWrite:
      wait_for_bytes(Descriptor::wait_write);
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
  explicit TlsStream(std::shared_ptr<TlsState> state) noexcept : state_(std::move(state)) {}
  ~TlsStream() override { close(); }

  Step try_handshake() override {
    ERR_clear_error();
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
    const int fd = state_->socket.native_handle();
    // The buffer of a new socket has room for it.
    (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(fd, SHUT_WR);
    // What has arrived unread would turn the end into a reset.
    std::array<char, 4096> ignored;
    while (::recv(fd, ignored.data(), ignored.size(), MSG_DONTWAIT) == ssize_t{ignored.size()}) {
    }
  }

  const std::string& failure_text() const noexcept override { return state_->failure_text; }

  void start_read(MutableByteView buffer, std::shared_ptr<StreamSink> sink) override {
    WHORL_DCHECK(!buffer.empty(), "a read needs room");
    start(buffer, std::move(sink));
  }

  void start_read_lent(std::shared_ptr<StreamSink> sink) override { start({}, std::move(sink)); }

  void start_wait_readable(std::shared_ptr<StreamSink> sink) override {
    if (state_->has_something()) {
      state_->shard.post([sink = std::move(sink)] { sink->on_read(ReadEnd::Bytes, 0); });
      return;
    }
    state_->wait(Descriptor::wait_read, [sink = std::move(sink)](bool aborted) {
      sink->on_read(aborted ? ReadEnd::Cancelled : ReadEnd::Bytes, 0);
    });
  }

  void cancel_read() override {
    state_->cancelled = state_->reader != nullptr;
    error_code ignored;
    state_->socket.cancel(ignored);
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

  void start_wait_writable(std::shared_ptr<StreamSink> sink) override {
    state_->wait(Descriptor::wait_write, [sink = std::move(sink)](bool) { sink->on_writable(); });
  }

  void shutdown_write() override {
    say_goodbye();
    ::shutdown(state_->socket.native_handle(), SHUT_WR);
  }

  void close() override {
    if (!state_->socket.is_open()) {
      return;
    }
    say_goodbye();
    error_code ignored;
    state_->socket.close(ignored);
  }

 private:
  void start(MutableByteView buffer, std::shared_ptr<StreamSink> sink) {
    state_->reader = std::move(sink);
    state_->buffer = buffer;
    if (state_->has_something()) {
      state_->post_read();
    } else {
      state_->wait_for_bytes(Descriptor::wait_read);
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
    ERR_clear_error();
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

  std::shared_ptr<TlsState> state_;
};

}  // namespace

std::unique_ptr<TlsServerStream> make_tls_stream(
    async::Shard& shard, fs::Fd socket, ssl_ctx_st* context, std::shared_ptr<const void> owner
) {
  ERR_clear_error();
  const int fd = socket.get();
  auto state = std::make_shared<TlsState>(shard, std::move(socket));
  state->ssl = Ssl(SSL_new(context));
  BIO* bio = state->ssl == nullptr ? nullptr : make_socket_bio(fd);
  if (bio == nullptr) {
    ERR_clear_error();
    return nullptr;
  }
  SSL_set_bio(state->ssl.get(), bio, bio);
  SSL_set_accept_state(state->ssl.get());
  state->owner = std::move(owner);
  return std::make_unique<TlsStream>(std::move(state));
}

}  // namespace whorl::net
