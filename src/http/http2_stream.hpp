/// Http2Stream: one request of an HTTP/2 connection and its answer. Private to the server.
/// @thread shard
#pragma once

#include "async/event.hpp"
#include "base/local_ptr.hpp"
#include "http/exchange.hpp"
#include "http/pace.hpp"
#include "http/server_connection.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace whorl::http {

class Http2Session;
struct Http2Stream;
struct ServerOptions;

/// Says that something happened to a stream.
class Http2Signal final : public async::Waiter {
 public:
  Http2Signal(Http2Session& session, Http2Stream& stream) noexcept
      : session_(session), stream_(stream) {}
  void on_event() noexcept override;
  void listen(async::Event& event) noexcept {
    if (!is_linked()) {
      event.add(*this);
    }
  }
  void stop() noexcept { unlink(); }

 private:
  Http2Session& session_;
  Http2Stream& stream_;
};

/// State between the calls of the session, which reads and changes it; the functions here are what
/// can be said about a stream by itself.
struct Http2Stream {
  explicit Http2Stream(Http2Session& session) noexcept
      : response_signal(session, *this),
        response_body_signal(session, *this),
        request_body_signal(session, *this) {}

  /// Takes a field of the head, pseudo fields included, or of the trailers.
  void take_field(std::string_view name, std::string_view value, const ServerOptions& options);
  /// The head is complete: judges what only all of it shows.
  void finish_head(const ServerOptions& options);
  /// Bytes of the request's body that may be received again.
  [[nodiscard]] std::uint64_t take_consumed() noexcept;
  /// What the client is waited for, if for anything.
  enum class Wait : std::uint8_t { None, Body, Write };
  [[nodiscard]] Wait waits_for() const noexcept;

  std::int32_t id = 0;
  std::size_t index = 0;  ///< place in the session's list
  LocalPtr<Exchange> exchange;

  // The request.
  LocalPtr<BodyPipe> request_body;   ///< null until the head is complete
  std::unique_ptr<Fields> trailers;  ///< while they arrive
  std::optional<std::uint64_t> request_length;
  std::uint64_t received = 0;  ///< bytes of the body
  std::uint64_t consumed = 0;  ///< those of them that were read or dropped, and said to be
  std::uint64_t dropped = 0;   ///< bytes that came when nobody read
  std::size_t head_bytes = 0;  ///< of the fields
  std::uint16_t refusal = 0;   ///< the status to answer with instead of asking the handler
  bool head_is_complete = false;
  bool request_ended = false;
  bool expects_continue = false;
  bool is_late = false;  ///< the body was cut since it came too slowly

  // The response.
  LocalPtr<BodyPipe> response_body;        ///< null until it has begun
  std::optional<std::uint64_t> remaining;  ///< bytes that its length still promises
  bool is_head_request = false;
  bool has_begun = false;   ///< the response was given to the codec
  bool is_parked = false;   ///< the codec waits for bytes of its body
  bool is_sent = false;     ///< to its end
  std::uint64_t taken = 0;  ///< bytes of its body that were sent

  Http2Signal response_signal;
  Http2Signal response_body_signal;
  Http2Signal request_body_signal;

  Pace pace;           ///< of the request's body, then of the response's
  Tick deadline = 0;   ///< of what waits_for() says; 0: none
  bool moved = false;  ///< bytes moved since the deadline was set
  bool is_dirty = false;
  bool is_ready = false;  ///< for the handler, which has not seen it
};

}  // namespace whorl::http
