#include "trigger/redis/delivery.hpp"

#include "async/timer.hpp"
#include "http/exchange.hpp"
#include "telemetry/recorder.hpp"
#include "telemetry/recorder_table.hpp"

#include <chrono>
#include <utility>

namespace whorl::trigger {
namespace {

/// Before a message is offered again that no instance was free for.
constexpr std::chrono::milliseconds kBusyPause{10};
constexpr std::uint16_t kHandled = 200;
constexpr std::uint16_t kBusy = 503;

/// Keeps itself alive until the message was handled.
class Delivery final : public std::enable_shared_from_this<Delivery> {
 public:
  Delivery(
      runtime::ShardRuntime& runtime,
      std::shared_ptr<runtime::ServiceSlot> service,
      runtime::Message message,
      std::string channel,
      std::move_only_function<void(Outcome)> done
  )
      : runtime_(runtime),
        service_(std::move(service)),
        message_(std::move(message)),
        channel_(std::move(channel)),
        done_(std::move(done)),
        timer_(runtime.shard()) {}
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  void start() {
    self_ = shared_from_this();
    const auto* service = service_->get();
    if (service == nullptr) {
      if (service_->state() == runtime::ServiceSlot::State::Failed) {
        finish(Outcome::Failed);
      } else {
        service_->when_settled(runtime_.shard(), [self = self_] { self->start(); });
      }
      return;
    }
    http::Request request;
    request.method = "MESSAGE";
    request.path_and_query = channel_;
    request.body = http::BodyPipe::empty();
    exchange_ = make_local<http::Exchange>(std::move(request));
    if (telemetry::Recorder* recorder = telemetry::recorder_here()) {
      exchange_->set_record(recorder->begin_message(channel_));
    }
    exchange_->response_event().add(on_change_);
    runtime_.deliver(*service, exchange_, message_);
  }

 private:
  class Listener final : public async::Waiter {
   public:
    explicit Listener(Delivery& delivery) noexcept : delivery_(delivery) {}
    void on_event() noexcept override {
      delivery_.runtime_.shard().post([self = delivery_.self_] { self->go_on(); });
    }

   private:
    Delivery& delivery_;
  };

  void go_on() {
    if (exchange_ == nullptr) {
      start();
      return;
    }
    const int status = exchange_->has_response() ? exchange_->response().status : 0;
    if (status == kBusy) {
      exchange_.reset();
      timer_.event().add(on_change_);
      timer_.start(async::Deadline::after(kBusyPause));
    } else {
      finish(status == kHandled ? Outcome::Handled : Outcome::Failed);
    }
  }
  void finish(Outcome outcome) {
    const auto keep = std::exchange(self_, nullptr);
    done_(outcome);
  }

  runtime::ShardRuntime& runtime_;
  std::shared_ptr<runtime::ServiceSlot> service_;
  runtime::Message message_;
  std::string channel_;
  std::move_only_function<void(Outcome)> done_;
  LocalPtr<http::Exchange> exchange_;
  std::shared_ptr<Delivery> self_;
  async::Timer timer_;
  Listener on_change_{*this};
};

}  // namespace

void deliver_message(
    GuestShards& shards,
    std::shared_ptr<runtime::ServiceSlot> service,
    runtime::Message message,
    std::string channel,
    std::move_only_function<void(Outcome)> done
) {
  shards.post([service = std::move(service),
               message = std::move(message),
               channel = std::move(channel),
               done = std::move(done)](runtime::ShardRuntime& runtime) mutable {
    std::make_shared<Delivery>(
        runtime, std::move(service), std::move(message), std::move(channel), std::move(done)
    )
        ->start();
  });
}

}  // namespace whorl::trigger
