/// RequestWriter: turns a request into the bytes to send, without copying its body.
///
/// Does no I/O: the client sends parts() and reports with sent(). The host field comes first, then
/// the request's own fields in lower case; those that belong to the connection are left out, and
/// framing is added. @thread shard
/// @spec RFC 9112 §3 (request line), §3.2 (Host), §6 (framing)
#pragma once

#include "base/local_ptr.hpp"
#include "http/message.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace whorl::http {

class RequestWriter {
 public:
  /// Head or chunk line, a part of the body, what ends the chunk or body.
  using Parts = std::array<ByteView, 3>;

  /// Whether method, target and authority can stand in a request line. CONNECT is none of ours.
  [[nodiscard]] static bool is_requestable(const Request& request);
  /// Queues the head of a request that is_requestable(). May be called again to send the same
  /// request once more, as long as has_taken_body() is false.
  void begin(const Request& request);
  /// Bytes of the body were given out: they cannot be sent a second time.
  [[nodiscard]] bool has_taken_body() const noexcept { return taken_body_; }
  /// The whole request was sent.
  [[nodiscard]] bool is_done() const noexcept { return state_ == State::Done && !has_pending(); }
  /// The body ended badly, or not with the length that was announced.
  [[nodiscard]] bool is_cut() const noexcept { return state_ == State::Cut && !has_pending(); }

  /// What is to be sent next, empty if there is nothing now. Valid until the next call on this
  /// object or the body.
  [[nodiscard]] Parts parts();
  void sent(std::size_t count);

 private:
  enum class State : std::uint8_t { Streaming, Done, Cut };
  enum class Framing : std::uint8_t { None, Length, Chunked };

  [[nodiscard]] bool has_pending() const noexcept {
    return head_sent_ < head_.size() || part_ > 0 || tail_sent_ < tail_.size();
  }
  void append_fields(const Request& request);
  void choose_framing(const Request& request);
  void pull();
  void append_last_chunk(std::string& out);

  std::string head_;  ///< head and chunk lines
  std::string tail_;
  std::size_t head_sent_ = 0;
  std::size_t tail_sent_ = 0;
  std::size_t part_ = 0;         ///< bytes at the front of the body to send between head and tail
  std::uint64_t remaining_ = 0;  ///< with Framing::Length: bytes not yet taken from the body
  std::optional<std::uint64_t> announced_;
  LocalPtr<BodyPipe> body_;
  State state_ = State::Done;
  Framing framing_ = Framing::None;
  bool taken_body_ = false;
};

}  // namespace whorl::http
