/// Http2ClientSession: our requests on one HTTP/2 connection, without its I/O.
///
/// The frames and HPACK are nghttp2's; here is what they mean: answers for exchanges, bodies with
/// backpressure both ways, and what a server may make us hold or do. The window of a stream is the
/// room in the pipe of its answer. That of the connection is given back as bytes arrive: a guest
/// that does not read its answer must not stop those of others.
///
/// A hostile server. Frames that ask for work and bring nothing are paid from an allowance that
/// time and useful work fill; a head, its number of parts, interim answers and trailers are
/// bounded; nothing may be pushed. Who uses the allowance up is told ENHANCE_YOUR_CALM and left.
///
/// Private to the client. @thread shard
/// @spec RFC 9113, RFC 7541
#pragma once

#include "base/bytes.hpp"
#include "http/http2_allowance.hpp"
#include "http/http2_client_stream.hpp"
#include "http/http2_output.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct nghttp2_session;

namespace whorl::http {

template <class Session, class Stream>
struct Http2Hooks;

class Http2ClientSession {
 public:
  /// Whose session it is.
  class Owner {
   public:
    /// advance() is to be called soon, from the loop.
    virtual void on_session_wake() noexcept = 0;
    /// The server wants HTTP/1.1 for everything (HTTP_1_1_REQUIRED in its goodbye).
    virtual void on_http1_required() noexcept {}

   protected:
    ~Owner() = default;
  };

  /// Bytes of an answer that wait for their reader at most.
  static constexpr std::uint32_t kStreamWindow = 256 * 1024;

  /// @param owner  outlives the session
  explicit Http2ClientSession(Owner& owner);
  Http2ClientSession(const Http2ClientSession&) = delete;
  Http2ClientSession& operator=(const Http2ClientSession&) = delete;
  ~Http2ClientSession();

  // --- requests --------------------------------------------------------------------------------
  /// Takes requests, if not now: the server has not said goodbye.
  [[nodiscard]] bool is_open() const noexcept;
  /// Takes one now: the server allows one more at a time.
  [[nodiscard]] bool has_room() const noexcept;
  /// Fires when there may be room, and when is_open() becomes false.
  [[nodiscard]] async::Event& room_event() noexcept { return room_event_; }
  /// Starts a request. A stream that could not be started is closed, with a failure.
  [[nodiscard]] std::shared_ptr<Http2ClientStream> open(std::shared_ptr<ClientExchange> exchange);
  /// Nobody wants the answer, or the rest of it.
  void cancel(Http2ClientStream& stream);
  /// How many were started so far.
  [[nodiscard]] std::uint64_t opened() const noexcept { return opened_; }
  /// When a part of an answer came last.
  [[nodiscard]] async::Clock::time_point last_answered() const noexcept { return last_answered_; }
  /// No request is under way.
  [[nodiscard]] bool is_idle() const noexcept { return streams_.empty(); }

  // --- bytes -----------------------------------------------------------------------------------
  void receive(ByteView bytes);
  /// advance() has something to do.
  [[nodiscard]] bool has_work() const noexcept { return !dirty_.empty(); }
  /// Does what events have made possible.
  void advance();
  /// What is to be sent, at least a part of it; empty if there is nothing now. Valid until the next
  /// call on this object.
  [[nodiscard]] ByteView output();
  void sent(std::size_t count) noexcept { out_.sent(count); }
  /// Nothing will be sent or received any more.
  [[nodiscard]] bool is_over() const noexcept;
  /// Says goodbye: takes no more requests, ends when those under way have.
  void end();
  /// The connection is gone: so are its requests. @param why  for those that have no answer yet
  void abandon(std::string_view why);
  /// Words for a log; empty when nothing is known.
  [[nodiscard]] const std::string& failure_text() const noexcept { return failure_text_; }

  /// For Http2ClientSignal.
  void mark_dirty(Http2ClientStream& stream) noexcept;

 private:
  struct Callbacks;
  template <class, class>
  friend struct Http2Hooks;

  [[nodiscard]] nghttp2_session* make_codec();
  [[nodiscard]] std::int32_t submit(Http2ClientStream& stream);
  // What the codec tells.
  void on_frame_begin(std::uint8_t type);
  void on_field(Http2ClientStream& stream, std::string_view name, std::string_view value);
  void on_head_end(Http2ClientStream& stream, bool ends);
  void on_data(Http2ClientStream& stream, ByteView data);
  void on_answer_end(Http2ClientStream& stream);
  void on_not_sent(std::int32_t id, int error);
  void on_close(Http2ClientStream& stream, std::uint32_t code);
  void on_settings() noexcept { room_event_.notify(); }
  void on_goodbye(std::uint32_t code);
  std::ptrdiff_t on_body_wanted(Http2ClientStream& stream, std::size_t most, std::uint32_t& flags);
  int on_body_taken(Http2ClientStream& stream, ByteView frame_head, std::size_t count);

  void deliver(Http2ClientStream& stream, bool ends);
  void step(Http2ClientStream& stream);
  void fail(Http2ClientStream& stream, ClientFailure failure, std::string_view text);
  void reset(Http2ClientStream& stream, std::uint32_t code);
  /// The stream is closed: nobody here touches it again.
  void forget(Http2ClientStream& stream);
  void charge_frame();

  Owner& owner_;
  nghttp2_session* codec_ = nullptr;
  std::vector<std::shared_ptr<Http2ClientStream>> streams_;
  std::vector<Http2ClientStream*> dirty_;
  Http2Output out_;
  Http2Allowance frames_;
  async::Clock::time_point frames_since_;
  async::Clock::time_point last_answered_;
  std::uint64_t opened_ = 0;
  std::string failure_text_;
  async::Event room_event_;
  bool is_dead_ = false;  ///< the codec gave up, or the connection is gone
  bool said_goodbye_ = false;
  bool wants_http1_ = false;  ///< the server does, for everything
};

}  // namespace whorl::http
