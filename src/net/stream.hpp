/// Stream: a byte stream of a client or server connection, plain or encrypted.
///
/// Reads are started and complete later into a buffer of the caller; writes are tried at once. In
/// the common case, a small request and a small response, that costs one read and one write.
/// @thread shard
#pragma once

#include "async/shard.hpp"
#include "base/bytes.hpp"
#include "base/local_ptr.hpp"
#include "base/result.hpp"
#include "fs/file.hpp"

#include <cstddef>
#include <memory>
#include <span>

namespace whorl::net {

/// How a started read ended.
enum class ReadEnd : std::uint8_t {
  Bytes,      ///< some bytes are in the buffer; none after start_wait_readable()
  Closed,     ///< the peer sends no more
  Failed,     ///< the connection is broken
  Cancelled,  ///< cancel_read() or close()
};

/// Who is told. Never called from inside a call to the Stream, always from the loop, but for
/// lend_room() and return_room().
class StreamSink {
 public:
  virtual void on_read(ReadEnd end, std::size_t count) = 0;
  virtual void on_writable() = 0;
  /// Room for a read that was started without any: asked for at the moment when there is something
  /// to read, also from inside start_read_lent(). on_read() or return_room() follows.
  /// @return empty without memory: the read has failed
  [[nodiscard]] virtual MutableByteView lend_room() noexcept { return {}; }
  /// Nothing came into the room, and the read may ask again.
  virtual void return_room() noexcept {}

 protected:
  ~StreamSink() = default;
};

class Stream {
 public:
  /// What a tried write or read came to.
  struct Attempt {
    enum class Outcome : std::uint8_t { Done, WouldBlock, Failed } outcome;
    std::size_t count = 0;  ///< bytes taken, with Done
  };

  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  /// Starts reading into `buffer`, which stays where it is until on_read(). One read at a time.
  /// @param sink  kept until on_read() was called
  virtual void start_read(MutableByteView buffer, LocalPtr<StreamSink> sink) = 0;
  /// Like start_read(), into room that the sink lends when there is something to read: who waits
  /// needs no buffer.
  virtual void start_read_lent(LocalPtr<StreamSink> sink) = 0;
  /// Like start_read() without a buffer: on_read(Bytes, 0) when there is something to read.
  virtual void start_wait_readable(LocalPtr<StreamSink> sink) = 0;
  /// Lets a started read end soon: with Cancelled, or as it would have ended.
  virtual void cancel_read() = 0;

  /// Writes what the connection takes now, of all parts in order.
  [[nodiscard]] virtual Attempt try_write(std::span<const ByteView> parts) = 0;
  /// try_write() is a call to the kernel and no more: also for who runs on a fiber's stack.
  [[nodiscard]] virtual bool writes_in_place() const noexcept { return false; }
  /// on_writable() when try_write() is worth another try, or has failed. One wait at a time.
  virtual void start_wait_writable(LocalPtr<StreamSink> sink) = 0;

  /// Says that nothing more will be written.
  virtual void shutdown_write() = 0;
  /// Closes at once; what was started ends with Cancelled.
  virtual void close() = 0;

 protected:
  Stream() = default;
};

/// A TCP connection. @param socket  connected and non-blocking
[[nodiscard]] std::unique_ptr<Stream> make_tcp_stream(async::Shard& shard, fs::Fd socket);

}  // namespace whorl::net
