/// Http2Session: the requests of one HTTP/2 connection, without its I/O.
///
/// The frames and HPACK are nghttp2's; here is what they mean: exchanges for the handler, bodies
/// with backpressure both ways, and what a client may make us hold, do or wait for. A request's
/// body is received as far as its pipe has room, since the window is given back only as the
/// handler reads; a response's is taken from its pipe as far as the client's window goes.
///
/// Floods. Frames that ask for work and bring nothing (PING, SETTINGS, PRIORITY, WINDOW_UPDATE,
/// RST_STREAM, empty DATA) are paid from an allowance that time and useful work fill; streams that
/// a client resets, or makes us reset, from another. Who uses one up is told ENHANCE_YOUR_CALM and
/// goes. A stream whose request is still being worked on counts although the client reset it.
///
/// Private to the server. @thread shard
/// @spec RFC 9113, RFC 7541; CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2025-8671
#pragma once

#include "base/bytes.hpp"
#include "base/local_ptr.hpp"
#include "http/http2_allowance.hpp"
#include "http/http2_ended_streams.hpp"
#include "http/http2_frame_scanner.hpp"
#include "http/http2_output.hpp"
#include "http/http2_stream.hpp"
#include "http/server_core.hpp"
#include "telemetry/limits.hpp"

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

class Http2Session {
 public:
  /// Whose session it is.
  class Owner {
   public:
    /// advance() is to be called soon, from the loop.
    virtual void on_session_wake() noexcept = 0;

   protected:
    ~Owner() = default;
  };

  /// @param core, owner  outlive the session
  Http2Session(ServerCore& core, Owner& owner, std::string client_address);
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;
  ~Http2Session();

  /// Takes bytes from the client.
  void receive(ByteView bytes);
  /// advance() has something to do.
  [[nodiscard]] bool has_work() const noexcept { return !dirty_.empty() || !ready_.empty(); }
  /// Hands new requests to the handler and does what events have made possible.
  void advance();
  /// What is to be sent, at least a part of it; empty if there is nothing now. Valid until the next
  /// call on this object.
  [[nodiscard]] ByteView output();
  void sent(std::size_t count) noexcept { out_.sent(count); }
  /// Bytes that output() gave and sent() did not report.
  [[nodiscard]] std::size_t unsent() const noexcept { return out_.unsent(); }
  /// Nothing will be sent or received any more.
  [[nodiscard]] bool is_over() const noexcept;

  /// No request is being received, worked on or answered.
  [[nodiscard]] bool is_idle() const noexcept { return streams_.empty(); }
  [[nodiscard]] Tick idle_since() const noexcept { return idle_since_; }
  void sweep(Tick now);
  /// Says goodbye: requests that are on their way are answered still, then it is over.
  void begin_drain();
  /// Says goodbye now.
  void end();
  /// The client is gone: tells the handlers, forgets everything.
  void abandon();
  /// Gives memory back that an idle connection does not need.
  void release_memory() noexcept { out_.release_memory(); }

  /// For Http2Signal.
  void mark_dirty(Http2Stream& stream) noexcept;

 private:
  struct Callbacks;
  template <class, class>
  friend struct Http2Hooks;

  enum class By : std::uint8_t { Client, Us };

  [[nodiscard]] nghttp2_session* make_codec();
  // What the codec tells.
  void on_settings() noexcept { first_deadline_ = 0; }
  void on_data_begin(std::int32_t id);
  void judge_late(std::int32_t id);
  void on_frame_begin(std::uint8_t type, std::int32_t id);
  void on_head_begin(std::int32_t id);
  void on_trailers_begin(Http2Stream* stream) noexcept { receiving_ = stream; }
  void on_field(Http2Stream& stream, std::string_view name, std::string_view value);
  void on_head_end(Http2Stream& stream, bool is_request, bool ends);
  void on_head_over() noexcept { head_since_ = 0; }
  void on_data(Http2Stream& stream, ByteView data);
  void on_request_end(Http2Stream& stream);
  void on_sent_end(Http2Stream& stream);
  void on_client_reset(Http2Stream& stream, std::uint32_t code);
  void on_reset(std::uint32_t code, By by);
  void on_close(Http2Stream& stream);
  std::ptrdiff_t on_body_wanted(Http2Stream& stream, std::size_t most, std::uint32_t& flags);
  int on_body_taken(Http2Stream& stream, ByteView frame_head, std::size_t count);

  void step(Http2Stream& stream);
  void return_window(Http2Stream& stream);
  void begin_response(Http2Stream& stream);
  void submit_continue(Http2Stream& stream);
  void wait_for_events(Http2Stream& stream);
  void after_response(Http2Stream& stream);
  void sweep_stream(Http2Stream& stream, Tick now);
  [[nodiscard]] bool keeps_pace(Http2Stream& stream) noexcept;
  void give_up(Http2Stream& stream, telemetry::Limit why);
  void reset(Http2Stream& stream, std::uint32_t code);
  void charge_frame();
  void break_off(std::uint32_t code);
  void calm_down();
  [[nodiscard]] std::size_t working() const noexcept;
  void remove(Http2Stream& stream);

  ServerCore& core_;
  Owner& owner_;
  std::string client_address_;
  nghttp2_session* codec_ = nullptr;
  bool is_first_ = true;  ///< no request has come yet
  std::vector<std::unique_ptr<Http2Stream>> streams_;
  std::vector<Http2Stream*> dirty_;
  std::vector<Http2Stream*> ready_;
  /// Requests that the client has reset and the handler still holds.
  std::vector<WeakLocalPtr<Exchange>> orphans_;
  Http2Output out_;
  Http2Allowance frames_;
  Http2Allowance resets_;
  std::int32_t last_id_ = -1;         ///< of the newest request
  std::int32_t gap_ = 0;              ///< a number below it that was passed over; 0: none
  Http2Stream* receiving_ = nullptr;  ///< whose fields arrive; null: nobody wants them
  EndedStreams ended_;
  Http2FrameScanner scanner_;
  Tick idle_since_;
  Tick head_since_ = 0;   ///< a head is incomplete since then; 0: none
  Tick first_deadline_;   ///< for the client's first SETTINGS; 0: they came
  Tick drain_since_ = 0;  ///< 0: not draining
  bool is_dead_ = false;  ///< the codec gave up
  bool said_goodbye_ = false;
};

}  // namespace whorl::http
