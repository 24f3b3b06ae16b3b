/// Http2ClientStream: one request of ours on an HTTP/2 connection, and its answer. Private to the
/// client.
///
/// Shared by the run of the request, which waits and gives up, and the session, which moves its
/// bytes. @thread shard
#pragma once

#include "async/deadline.hpp"
#include "async/event.hpp"
#include "base/local_ptr.hpp"
#include "http/client_exchange.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::http {

class Http2ClientSession;
struct Http2ClientStream;

/// Says that something happened to a stream's bodies.
class Http2ClientSignal final : public async::Waiter {
 public:
  Http2ClientSignal(Http2ClientSession& session, Http2ClientStream& stream) noexcept
      : session_(session), stream_(stream) {}
  void on_event() noexcept override;
  void listen(async::Event& event) noexcept {
    if (!is_linked()) {
      event.add(*this);
    }
  }
  void stop() noexcept { unlink(); }

 private:
  Http2ClientSession& session_;
  Http2ClientStream& stream_;
};

struct Http2ClientStream {
  Http2ClientStream(Http2ClientSession& session, std::shared_ptr<ClientExchange> of) noexcept
      : exchange(std::move(of)), request_signal(session, *this), response_signal(session, *this) {}

  /// Takes a field of the answer's head or of its trailers.
  /// @return words for a log when it is too much
  [[nodiscard]] std::optional<std::string_view> take_field(
      std::string_view name, std::string_view value
  );
  /// Bytes of the answer's body that may be received again.
  [[nodiscard]] std::uint64_t take_consumed() noexcept;

  std::int32_t id = 0;
  std::size_t index = 0;  ///< place in the session's list
  std::shared_ptr<ClientExchange> exchange;

  // The request.
  LocalPtr<BodyPipe> body;                 ///< null: there is none
  std::optional<std::uint64_t> remaining;  ///< bytes that its length still promises
  bool is_parked = false;                  ///< the codec waits for bytes of its body
  bool has_sent_head = false;
  bool has_taken_body = false;  ///< it can't be sent a second time
  bool is_sent = false;         ///< to its end

  // The answer.
  Response head;         ///< until it is complete
  unsigned interim = 0;  ///< answers 1xx before it
  bool has_head = false;
  std::size_t head_bytes = 0;
  LocalPtr<BodyPipe> response;        ///< null until the head was delivered
  std::unique_ptr<Fields> trailers;   ///< while they arrive
  std::uint64_t received = 0;         ///< bytes of the body
  std::uint64_t consumed = 0;         ///< those of them that were read, and said to be
  async::Clock::time_point moved_at;  ///< when the last of it came

  // The end.
  bool is_closed = false;    ///< nothing happens any more
  bool is_refused = false;   ///< the server has done nothing for it
  bool is_lost = false;      ///< with its connection
  bool needs_http1 = false;  ///< the server asks for HTTP/1.1
  std::optional<ClientError> failure;
  /// Fires when the head was delivered, and when it is closed.
  async::Event changed;

  Http2ClientSignal request_signal;
  Http2ClientSignal response_signal;
  bool is_dirty = false;
};

}  // namespace whorl::http
