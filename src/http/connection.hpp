/// Connection: one client's connection, from its first byte to its end. Private to the server.
///
/// A coroutine (run()) goes from request to request. Whatever happens, bytes, room, an answer, a
/// deadline, wakes it, and it does what can be done now: reading the body and writing the response
/// go on side by side without a task each. @thread shard
#pragma once

#include "async/event.hpp"
#include "base/local_ptr.hpp"
#include "http/exchange.hpp"
#include "http/request_reader.hpp"
#include "http/response_writer.hpp"
#include "http/routine.hpp"
#include "http/server_core.hpp"
#include "net/stream.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace whorl::http {

class Connection final : public ServerConnection,
                         public net::StreamSink,
                         public BodyPipe::Taker,
                         public EnableLocalFromThis<Connection> {
 public:
  Connection(ServerCore& core, std::unique_ptr<net::Stream> stream, std::string client_address);
  ~Connection() override;

  // ServerConnection
  void start() override;
  void sweep(Tick now) override;
  [[nodiscard]] bool is_idle() const noexcept override {
    return phase_ == Phase::Head && !has_started_ && !closing_;
  }
  [[nodiscard]] Tick idle_since() const noexcept override { return since_; }
  void close_idle() override;
  void on_drain() override;
  void abandon() override;  ///< from outside the coroutine only

  // net::StreamSink
  void on_read(net::ReadEnd end, std::size_t count) override;
  void on_writable() override;
  MutableByteView lend_room() noexcept override;
  void return_room() noexcept override;

  // BodyPipe::Taker, of the response's body
  std::size_t take(ByteView data) override;

 private:
  enum class Phase : std::uint8_t { Head, Exchange, Refusal, Linger };
  enum class HeadStep : std::uint8_t { Wait, Complete, Refused, Close, Http2 };
  /// What a deadline is for.
  enum class Wait : std::uint8_t { None, Idle, Header, Body, Write, Linger, Grace };

  /// Wakes the connection when an event fires.
  class Signal final : public async::Waiter {
   public:
    explicit Signal(Connection& connection) noexcept : connection_(connection) {}
    void on_event() noexcept override { connection_.wake(); }
    void listen(async::Event& event) noexcept {
      if (!is_linked()) {
        event.add(*this);
      }
    }
    void stop() noexcept { unlink(); }

   private:
    Connection& connection_;
  };

  /// co_await suspend(): until woken. One that was woken already still lets others run first.
  struct Suspend {
    Connection& connection;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {
      connection.suspended_ = true;
      if (connection.woken_) {
        connection.post_resume();
      }
    }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] Suspend suspend() noexcept { return {*this}; }

  Routine run();
  void wake() noexcept;
  void post_resume() noexcept;
  void resume_if_woken();

  HeadStep read_head();
  HeadStep wait_for_head();
  void refuse(const wire::http1::Refusal& refusal);
  void start_exchange();
  bool advance_exchange();
  bool advance_after_response();
  void begin_response();
  void send_continue();
  void flush();
  void wait_in_exchange();
  void client_gone();
  bool end_exchange();
  bool advance_linger();
  void close();

  void start_read();
  void set_deadline(Wait wait);
  [[nodiscard]] bool keeps_pace() noexcept;
  [[nodiscard]] bool may_linger() noexcept;

  ServerCore* core_;  ///< null once abandoned
  std::unique_ptr<net::Stream> stream_;
  std::string client_address_;
  Routine routine_;
  RequestReader reader_;
  ResponseWriter writer_;
  ResponseContext context_;
  LocalPtr<Exchange> exchange_;
  Signal response_signal_{*this};
  Signal response_body_signal_{*this};
  Signal request_body_signal_{*this};

  Pace pace_;               ///< of the request's body, then of the response
  std::uint64_t sent_ = 0;  ///< bytes of the response
  Tick deadline_ = 0;       ///< 0: none
  Tick since_ = 0;          ///< when the present phase began
  Phase phase_ = Phase::Head;
  Wait wait_ = Wait::None;
  bool woken_ = false;
  bool suspended_ = false;
  bool reading_ = false;  ///< a read is in flight
  bool waits_writable_ = false;
  bool eof_ = false;      ///< the client sends no more
  bool broken_ = false;   ///< nothing can be sent or received any more
  bool closing_ = false;  ///< to be closed when idle
  bool timed_out_ = false;
  bool too_slow_ = false;     ///< it timed out since it moves too little
  bool is_late_ = false;      ///< the request's body was cut for that
  bool has_started_ = false;  ///< some of a request's head has arrived
  bool is_first_ = true;      ///< no request was served yet
  bool expects_continue_ = false;
  bool progress_ = false;  ///< bytes moved since the deadline was set
  bool keep_alive_ = false;
  bool client_keeps_ = false;  ///< the client did not say that this request is its last
};

}  // namespace whorl::http
