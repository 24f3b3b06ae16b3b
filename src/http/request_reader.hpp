/// RequestReader: takes requests out of a connection's bytes and feeds their bodies to a pipe.
///
/// Does no I/O: the connection reads into what lend() gives and calls read_head() or pump(). That
/// is buffer(), or, for the data of a long body, room of the body's pipe itself.
/// @thread shard
#pragma once

#include "base/local_ptr.hpp"
#include "http/message.hpp"
#include "http/read_buffer.hpp"
#include "wire/http1/body.hpp"
#include "wire/http1/request.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace whorl::http {

struct ServerOptions;

class RequestReader {
 public:
  /// @param buffers  outlives what is in buffer()
  explicit RequestReader(BufferPool& buffers) noexcept : buffer_(&buffers) {}

  enum class HeadState : std::uint8_t { NeedMore, Complete, Refused };
  enum class BodyState : std::uint8_t {
    Open,    ///< waits for bytes, or for room in the pipe
    Ended,   ///< complete: what follows in the buffer is the next request
    Failed,  ///< malformed, cut, too long, or too much to drain: nothing can follow
  };

  [[nodiscard]] ReadBuffer& buffer() noexcept { return buffer_; }
  /// Some of a head has arrived.
  [[nodiscard]] bool has_started() const noexcept { return scanner_.has_started(); }

  /// Room for a read, from now until commit().
  /// @return empty without memory
  [[nodiscard]] MutableByteView lend() noexcept;
  /// So many bytes came into it.
  void commit(const ServerOptions& options, std::size_t count);
  /// Nothing came.
  void return_room() noexcept;

  /// Looks for a head in the buffer. @param head  filled when Complete; views into the buffer
  HeadState read_head(const ServerOptions& options, wire::http1::RequestHead& head);
  /// After Refused.
  [[nodiscard]] const wire::http1::Refusal& refusal() const noexcept { return refusal_; }

  /// Turns a complete head into a request, without the client's address and the fields, and drops
  /// it from the buffer.
  void take_request(
      const ServerOptions& options, const wire::http1::RequestHead& head, Request& request
  );

  /// Moves body bytes from the buffer to the pipe, or drops them when nobody reads them.
  /// @param at_end  the client sends nothing after what is in the buffer
  /// @return whether anything moved
  bool pump(const ServerOptions& options, bool at_end);
  /// Bytes of the request's body so far.
  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
  [[nodiscard]] BodyState body_state() const noexcept { return body_state_; }
  /// The pipe of the present request; null between requests.
  [[nodiscard]] const LocalPtr<BodyPipe>& body() const noexcept { return body_; }
  /// Some of the body has arrived.
  [[nodiscard]] bool has_body_bytes() const noexcept { return received_ > 0 || !buffer_.empty(); }
  /// Ends the body badly, if it has not ended.
  void fail_body(ErrorKind why);
  /// The pipe has room enough for a read to be worth while, or nobody reads it.
  [[nodiscard]] bool wants_bytes() const noexcept;
  /// Gets ready for the next request.
  void finish_request();

 private:
  /// How much to read at a time.
  [[nodiscard]] std::size_t wanted_capacity() const noexcept;
  [[nodiscard]] std::size_t room_in_body() const noexcept;
  [[nodiscard]] bool count_data(std::size_t count, const ServerOptions& options);
  HeadState scan_head(
      std::string_view text, const ServerOptions& options, wire::http1::RequestHead& head
  );
  void take_data(std::string_view data, const ServerOptions& options);
  void end_body();

  ReadBuffer buffer_;
  wire::http1::HeadScanner scanner_;
  std::size_t head_end_ = 0;  ///< of a complete head, in the buffer
  wire::http1::Refusal refusal_;
  wire::http1::BodyDecoder decoder_;
  LocalPtr<BodyPipe> body_;
  std::uint64_t received_ = 0;
  std::uint64_t drained_ = 0;
  BodyState body_state_ = BodyState::Ended;
  bool lends_body_ = false;  ///< room of the pipe's, not of buffer_
};

}  // namespace whorl::http
