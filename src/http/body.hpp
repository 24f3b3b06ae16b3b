/// BodyPipe: a message body on its way between two parties of one shard, with backpressure.
///
/// One side writes, the other reads; either may be a fiber or a coroutine. The buffer is bounded,
/// so a slow reader stops the writer. Trailers ride at the end (RFC 9110 §6.5).
///
/// Bytes need not be copied into it: a socket can be read into room that the pipe lends, and a
/// reader may take what is written from where the writer has it. @thread shard
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
#include <utility>

namespace whorl::http {

class BodyPipe {
 public:
  /// Bytes buffered at most by default. With their frame they fit into a segment of the loopback
  /// interface (65,483 bytes): a few bytes beyond would be a packet of their own.
  static constexpr std::size_t kDefaultCapacity = 65'280;
  /// For what a service is asked with and what it answers: more bytes for each of its turns. An
  /// event has one pipe of either, where it may have hundreds of requests of its own.
  static constexpr std::size_t kServedCapacity = 2 * kDefaultCapacity;
  /// From here on it is worth while to spare a copy; what is less is better put together.
  static constexpr std::size_t kWorthSparing = 16 * 1024;

  /// A reader that can use bytes where the writer has them. Of one pipe at a time; whichever of
  /// both is destroyed first, the other forgets it.
  class Taker {
   public:
    Taker(const Taker&) = delete;
    Taker& operator=(const Taker&) = delete;
    /// Offered what is written, kWorthSparing bytes at least, while nothing is buffered. Maybe
    /// inside a fiber, and the bytes may be a guest's memory: takes what it can without waiting,
    /// keeps no view, runs no guest, and calls nothing of the pipe but stop_reading().
    /// @return how many of the first bytes were taken; the others are buffered
    [[nodiscard]] virtual std::size_t take(ByteView data) = 0;

   protected:
    Taker() = default;
    ~Taker() { stop_taking(); }
    /// Nothing more is offered.
    void stop_taking() noexcept {
      if (pipe_ != nullptr) {
        std::exchange(pipe_, nullptr)->taker_ = nullptr;
      }
    }

   private:
    friend class BodyPipe;
    BodyPipe* pipe_ = nullptr;
  };

  explicit BodyPipe(std::size_t capacity = kDefaultCapacity);
  BodyPipe(const BodyPipe&) = delete;
  BodyPipe& operator=(const BodyPipe&) = delete;
  ~BodyPipe();

  /// A body that has already ended, without bytes.
  [[nodiscard]] static LocalPtr<BodyPipe> empty();

  // --- writing side ----------------------------------------------------------------------------
  /// How many bytes write() would take now; 0 when full, ended or not read any more.
  [[nodiscard]] std::size_t writable_bytes() const noexcept;
  /// Half of it is free, or it was never full: to read now is worth a call to the kernel, and a
  /// body that fits is read to its end whether or not somebody wants it yet.
  [[nodiscard]] bool has_much_room() const noexcept {
    return writable_bytes() != 0 && (unread() <= capacity_ / 2 || total_written_ < capacity_);
  }
  /// Takes as much as fits and says how much.
  std::size_t write(ByteView data);
  /// Lends room behind what is buffered, to be written to before anything else is done with the
  /// pipe: a call later stop_reading() may have freed it. commit() follows, at any time, and what
  /// was written stays there until then. Meanwhile nobody calls write().
  /// @param most  and at most writable_bytes(), of which there are some
  /// @return      empty without memory; then nothing is lent
  [[nodiscard]] MutableByteView lend(std::size_t most) noexcept;
  /// Ends the loan: so many bytes were written to its room.
  void commit(std::size_t count) noexcept;
  /// Ends the body well. Nothing may be written afterwards.
  void finish(std::unique_ptr<Fields> trailers = nullptr);
  /// Ends the body badly: the reader learns that it is cut (Disconnected, InvalidInput, …).
  void fail(ErrorKind why);
  /// The reader went away: what is written is for nobody.
  [[nodiscard]] bool reader_gone() const noexcept { return reader_gone_; }
  /// It went since it has had all it wanted: for the writer nothing is amiss.
  [[nodiscard]] bool is_satisfied() const noexcept { return is_satisfied_; }
  /// The reader asked for bytes at least once (100-continue waits for that, RFC 9110 §10.1.1).
  [[nodiscard]] bool is_demanded() const noexcept { return demanded_; }
  /// Fires when room appears, which need not be much yet, when the reader goes away,
  /// and on the first demand().
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
  /// The same for a reader that has had all it wanted, though the writer may not have ended it: as
  /// many bytes as were announced, or the first of those that answer a HEAD.
  void finish_reading();
  /// Offers what is written to `taker` first, in place of any other. Until stop_reading().
  void set_taker(Taker& taker) noexcept;
  /// Fires when bytes or the end arrive; not for bytes that were taken.
  [[nodiscard]] async::Event& readable_event() noexcept { return readable_event_; }

  /// Bytes that passed through so far.
  [[nodiscard]] std::uint64_t total_written() const noexcept { return total_written_; }

 private:
  [[nodiscard]] std::size_t unread() const noexcept { return end_ - begin_; }
  void make_room(std::size_t count);
  void drop_taker() noexcept;

  std::unique_ptr<std::uint8_t[]> memory_;
  std::size_t size_ = 0;   ///< of memory_
  std::size_t begin_ = 0;  ///< first unread byte in memory_
  std::size_t end_ = 0;    ///< behind the last one
  std::size_t capacity_;
  Taker* taker_ = nullptr;
  std::uint64_t total_written_ = 0;
  std::unique_ptr<Fields> trailers_;
  std::optional<ErrorKind> failure_;
  bool finished_ = false;
  bool reader_gone_ = false;
  bool is_satisfied_ = false;
  bool demanded_ = false;
  bool lent_ = false;  ///< the room behind end_
  async::Event readable_event_;
  async::Event writable_event_;
};

}  // namespace whorl::http
