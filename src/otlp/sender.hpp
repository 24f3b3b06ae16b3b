/// Sender: brings one request after the other to an endpoint, and tries again where that helps.
///
/// @spec OTLP/HTTP, OTLP/gRPC: what is tried again and how long is waited; gRPC over HTTP/2.
/// @thread shard
#pragma once

#include "async/shard.hpp"
#include "async/timer.hpp"
#include "base/local_ptr.hpp"
#include "http/client.hpp"
#include "http/client_exchange.hpp"
#include "otlp/settings.hpp"
#include "telemetry/identity.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::otlp {

/// What became of a request.
struct Delivery {
  bool is_delivered = false;
  std::uint64_t rejected = 0;  ///< items of it that the receiver did not take
  std::string why{};           ///< of a failure or rejection; names no secret
};

class Sender {
 public:
  /// Before the first new try; doubled each time, up to the most, and somewhat random.
  static constexpr std::chrono::milliseconds kFirstPause{200};
  static constexpr std::chrono::milliseconds kLongestPause{5'000};
  /// Bytes of an answer that are looked at.
  static constexpr std::size_t kMaxAnswer = 64 * 1024;

  /// @param shard, client  outlive the sender
  /// @param on_end         called when a request was delivered or given up, never inside send()
  Sender(
      async::Shard& shard,
      http::Client& client,
      Endpoint endpoint,
      std::move_only_function<void(Delivery)> on_end
  );
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;
  ~Sender();

  [[nodiscard]] bool is_busy() const noexcept { return step_ != Step::Idle; }
  /// Not while busy. @param last  when it is given up, if that is before the endpoint's timeout
  void send(std::string body, async::Deadline last = async::Deadline::never());
  /// What is being sent is given up then at the latest.
  void limit(async::Deadline last);
  /// The endpoint as messages show it: without query and user information.
  [[nodiscard]] const std::string& shown_url() const noexcept { return shown_url_; }

 private:
  enum class Step : std::uint8_t { Idle, Waiting, Reading, Pausing };

  /// Something changed: go on soon.
  class Wake final : public async::Waiter {
   public:
    explicit Wake(Sender& sender) noexcept : sender_(sender) {}
    void on_event() noexcept override { sender_.wake(); }
    void listen(async::Event& event) noexcept {
      unlink();
      event.add(*this);
    }
    void stop() noexcept { unlink(); }

   private:
    Sender& sender_;
  };

  void wake() noexcept;
  void go_on();
  void attempt();
  void take_outcome();
  void take_response(http::Response response);
  void read_answer();
  void take_answer();
  void take_grpc_answer();
  void fail_call(const http::Fields& fields, std::string_view status);
  void pause(std::chrono::milliseconds asked, std::string why);
  void end(Delivery delivery);
  [[nodiscard]] http::Request make_request() const;

  async::Shard& shard_;
  http::Client& client_;
  Endpoint endpoint_;
  std::string shown_url_;
  std::move_only_function<void(Delivery)> on_end_;
  telemetry::IdSource random_;
  Step step_ = Step::Idle;
  std::string body_;
  std::string answer_;
  std::string last_why_;
  std::chrono::milliseconds next_pause_{kFirstPause};
  async::Deadline deadline_;
  std::shared_ptr<http::ClientExchange> exchange_;
  LocalPtr<http::BodyPipe> response_;
  http::Fields head_;  ///< of an answer to a call: says what came of one that answers nothing
  async::Timer timer_;
  Wake on_exchange_{*this};
  Wake on_body_{*this};
  Wake on_timer_{*this};
  bool is_woken_ = false;
};

}  // namespace whorl::otlp
