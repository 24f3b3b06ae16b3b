/// Channel: a connection that this process made, plain or encrypted, whose operations are tried.
///
/// Reading and writing go on side by side: each is tried, and when it would block the caller asks
/// for a wake-up on the socket and goes on with something else. @thread shard
#pragma once

#include "base/bytes.hpp"
#include "net/watched_socket.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace whorl::net {

/// What a tried operation came to.
struct Tried {
  enum class Outcome : std::uint8_t {
    Done,       ///< `count` bytes, at least one
    WantRead,   ///< try again when the socket is readable
    WantWrite,  ///< try again when it is writable
    Closed,     ///< the peer has ended its side in good order (reading only)
    Failed,     ///< broken, or cut without an orderly end
  } outcome = Outcome::Failed;
  std::size_t count = 0;
};

class Channel {
 public:
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  virtual ~Channel() = default;

  /// Gets ready for bytes: a TLS handshake. Repeated until Done, with no count.
  [[nodiscard]] virtual Tried try_handshake() = 0;
  /// @param into  not empty
  [[nodiscard]] virtual Tried try_read(MutableByteView into) = 0;
  /// Writes what is taken now of all parts, in order. After a WantRead or WantWrite the next try
  /// begins with the same bytes. @param parts  not all empty
  [[nodiscard]] virtual Tried try_write(std::span<const ByteView> parts) = 0;
  /// Nothing was received and the peer has not closed: an idle connection that can be used again.
  [[nodiscard]] virtual bool is_quiet() = 0;
  /// What both sides have agreed to speak (ALPN), after the handshake; empty: nothing was agreed
  /// on.
  [[nodiscard]] virtual std::string_view protocol() const noexcept { return {}; }
  /// Says goodbye, without waiting, before the channel is destroyed.
  virtual void shutdown() noexcept = 0;
  /// Why an operation failed, for a log; empty when nothing is known.
  [[nodiscard]] const std::string& failure_text() const noexcept { return failure_text_; }

  [[nodiscard]] WatchedSocket& socket() noexcept { return *socket_; }
  /// Asks for the wake-up that an outcome calls for.
  void watch(Tried::Outcome outcome) {
    if (outcome == Tried::Outcome::WantRead) {
      socket_->watch_readable();
    } else if (outcome == Tried::Outcome::WantWrite) {
      socket_->watch_writable();
    }
  }

 protected:
  explicit Channel(std::unique_ptr<WatchedSocket> socket) noexcept : socket_(std::move(socket)) {}
  [[nodiscard]] int fd() const noexcept { return socket_->fd(); }

  std::string failure_text_;

 private:
  std::unique_ptr<WatchedSocket> socket_;
};

/// Bytes as they are. @param socket  connected
[[nodiscard]] std::unique_ptr<Channel> make_plain_channel(std::unique_ptr<WatchedSocket> socket);

}  // namespace whorl::net
