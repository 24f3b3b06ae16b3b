/// BodyPipe: a message body on its way between two parties of one shard, with backpressure.
///
/// One side writes, the other reads; either may be a fiber or a coroutine. The buffer is bounded,
/// so a slow reader stops the writer. Trailers ride at the end (RFC 9110 §6.5). @thread shard
#pragma once

#include "async/event.hpp"
#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/local_ptr.hpp"
#include "http/fields.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace whorl::http {

class BodyPipe {
 public:
  /// Bytes buffered at most by default.
  static constexpr std::size_t kDefaultCapacity = 64 * 1024;

  explicit BodyPipe(std::size_t capacity = kDefaultCapacity);
  BodyPipe(const BodyPipe&) = delete;
  BodyPipe& operator=(const BodyPipe&) = delete;
  ~BodyPipe();

  /// A body that has already ended, without bytes.
  [[nodiscard]] static LocalPtr<BodyPipe> empty();

  // --- writing side ----------------------------------------------------------------------------
  /// How many bytes write() would take now; 0 when full, ended or not read any more.
  [[nodiscard]] std::size_t writable_bytes() const noexcept;
  /// Takes as much as fits and says how much.
  std::size_t write(ByteView data);
  /// Ends the body well. Nothing may be written afterwards.
  void finish(std::unique_ptr<Fields> trailers = nullptr);
  /// Ends the body badly: the reader learns that it is cut (Disconnected, InvalidInput, …).
  void fail(ErrorKind why);
  /// The reader went away: what is written is for nobody.
  [[nodiscard]] bool reader_gone() const noexcept { return reader_gone_; }
  /// The reader asked for bytes at least once (100-continue waits for that, RFC 9110 §10.1.1).
  [[nodiscard]] bool is_demanded() const noexcept { return demanded_; }
  /// Fires when room appears, when the reader goes away, and on the first demand().
  [[nodiscard]] async::Event& writable_event() noexcept { return writable_event_; }

  // --- reading side ----------------------------------------------------------------------------
  /// Bytes that can be read now, without waiting. Valid until the next call on this object.
  [[nodiscard]] ByteView readable() const noexcept [[clang::lifetimebound]];
  /// Drops bytes from the front of readable().
  void consume(std::size_t count);
  /// Says that the reader wants bytes.
  void demand();
  /// Ended well and everything was read.
  [[nodiscard]] bool at_end() const noexcept;
  /// Ended badly; bytes written before can still be read.
  [[nodiscard]] std::optional<ErrorKind> failure() const noexcept { return failure_; }
  /// The writer has ended it, well or badly; bytes may still be buffered.
  [[nodiscard]] bool is_ended() const noexcept { return finished_ || failure_.has_value(); }
  /// Trailers, once at_end(); null if there were none. Can be taken once.
  [[nodiscard]] std::unique_ptr<Fields> take_trailers();
  [[nodiscard]] bool has_trailers() const noexcept { return trailers_ != nullptr; }
  /// The reader will read no more: buffered bytes are dropped.
  void stop_reading();
  /// Fires when bytes or the end arrive.
  [[nodiscard]] async::Event& readable_event() noexcept { return readable_event_; }

  /// Bytes that passed through so far.
  [[nodiscard]] std::uint64_t total_written() const noexcept { return total_written_; }

 private:
  Bytes buffer_;
  std::size_t begin_ = 0;  ///< first unread byte of buffer_
  std::size_t capacity_;
  std::uint64_t total_written_ = 0;
  std::unique_ptr<Fields> trailers_;
  std::optional<ErrorKind> failure_;
  bool finished_ = false;
  bool reader_gone_ = false;
  bool demanded_ = false;
  async::Event readable_event_;
  async::Event writable_event_;
};

}  // namespace whorl::http
