/// ResponseWriter: turns a response into the bytes to send, without copying its body.
///
/// Does no I/O: the connection sends parts() and reports with sent(). Field names go out in lower
/// case; fields that belong to the connection are left out; framing and date are added.
/// @thread shard
/// @spec RFC 9112 §6 (framing), §9.3 (persistence), RFC 9110 §6.4.1 (no content)
#pragma once

#include "base/local_ptr.hpp"
#include "http/message.hpp"
#include "wire/http1/request.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace whorl::http {

/// What of the request decides about the form of its response.
struct ResponseContext {
  wire::http1::Version version = wire::http1::Version::Http11;
  bool is_head = false;          ///< answered without content
  bool keep_alive = true;        ///< the connection may stay
  bool asks_keep_alive = false;  ///< the client said keep-alive
};

class ResponseWriter {
 public:
  /// Head or chunk line, a part of the body, what ends the chunk or body.
  using Parts = std::array<ByteView, 3>;

  /// Queues `100 Continue`, before begin().
  void queue_continue();
  /// Queues the head and takes over the body. A response with an impossible status is replaced by
  /// an empty 500. @param date  for the field; copied
  void begin(Response& response, const ResponseContext& context, std::string_view date);
  [[nodiscard]] bool has_begun() const noexcept { return state_ != State::Idle; }
  /// The whole response was sent.
  [[nodiscard]] bool is_done() const noexcept { return state_ == State::Done && !has_pending(); }
  /// The body ended badly or too early: the connection must be closed.
  [[nodiscard]] bool is_cut() const noexcept { return state_ == State::Cut && !has_pending(); }
  /// After begin(): the connection may serve another request.
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
  /// The body; null before begin() and when it is finished with.
  [[nodiscard]] const LocalPtr<BodyPipe>& body() const noexcept { return body_; }

  /// What is to be sent next, empty if there is nothing now. Valid until the next call on this
  /// object or the body.
  [[nodiscard]] Parts parts();
  void sent(std::size_t count);
  /// Like parts(), with `data` as what comes next of the body, whose pipe is empty. Empty if
  /// something else is to be sent before, or nothing of it.
  [[nodiscard]] Parts parts_with(ByteView data);
  /// After parts_with(), in place of sent(). What was not sent of its part of the data is at the
  /// front of the body from now on.
  /// @return how much of the data was sent
  std::size_t sent_with(std::size_t count);

  /// Gets ready for the next response; holds no memory until then.
  void reset();

 private:
  enum class State : std::uint8_t { Idle, Streaming, Done, Cut };
  enum class Framing : std::uint8_t { NoContent, Length, Chunked, UntilClose };

  [[nodiscard]] bool has_pending() const noexcept {
    return head_sent_ < head_.size() || part_ > 0 || tail_sent_ < tail_.size();
  }
  bool append_fields(const Response& response);
  void choose_framing(const Response& response, const ResponseContext& context);
  void append_connection(const ResponseContext& context);
  void pull();
  void pull_chunk(std::size_t available);
  void begin_chunk(std::size_t size);
  std::size_t take_sent(std::size_t& count);
  void after_sent(std::size_t rest);
  void append_last_chunk(std::string& out);
  void end(State state);

  std::string head_;  ///< head, 100 Continue, chunk lines
  std::string tail_;
  std::size_t head_sent_ = 0;
  std::size_t tail_sent_ = 0;
  std::size_t part_ = 0;         ///< bytes at the front of the body to send between head and tail
  std::uint64_t remaining_ = 0;  ///< with Framing::Length: bytes not yet taken from the body
  std::optional<std::uint64_t> guest_length_;
  LocalPtr<BodyPipe> body_;
  State state_ = State::Idle;
  Framing framing_ = Framing::NoContent;
  bool keep_alive_ = false;
};

}  // namespace whorl::http
