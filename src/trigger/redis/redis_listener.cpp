#include "trigger/redis/redis_listener.hpp"

#include "async/timer.hpp"
#include "http/exchange.hpp"
#include "log/log.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace whorl::trigger {
namespace {

using host::redis::Command;
using host::redis::Reply;

constexpr std::string_view kLogTarget = "whorl::trigger";
constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{1000};
constexpr std::chrono::seconds kConnect{10};
/// Without a message for so long, the server is asked for a sign of life; without one for as long
/// again, the connection is given up.
constexpr std::chrono::seconds kSilence{10};
/// Before a message is offered again that no instance was free for.
constexpr std::chrono::milliseconds kBusyPause{10};
constexpr std::uint16_t kBusy = 503;

/// One message on its way through one component. Keeps itself alive until it was handled.
class Delivery final : public std::enable_shared_from_this<Delivery> {
 public:
  Delivery(
      runtime::ShardRuntime& runtime,
      std::shared_ptr<runtime::ServiceSlot> service,
      runtime::Message message,
      std::string channel,
      std::move_only_function<void()> done
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
        finish();
      } else {
        service_->when_settled(runtime_.shard(), [self = self_] { self->start(); });
      }
      return;
    }
    http::Request request;
    request.method = "MESSAGE";
    request.path_and_query = channel_;
    request.body = http::BodyPipe::empty();
    exchange_ = std::make_shared<http::Exchange>(std::move(request));
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
    if (exchange_ != nullptr && exchange_->has_response() &&
        exchange_->response().status == kBusy) {
      exchange_.reset();
      timer_.event().add(on_change_);
      timer_.start(async::Deadline::after(kBusyPause));
    } else if (exchange_ == nullptr) {
      start();
    } else {
      finish();
    }
  }
  void finish() {
    const auto keep = std::exchange(self_, nullptr);
    done_();
  }

  runtime::ShardRuntime& runtime_;
  std::shared_ptr<runtime::ServiceSlot> service_;
  runtime::Message message_;
  std::string channel_;
  std::move_only_function<void()> done_;
  std::shared_ptr<http::Exchange> exchange_;
  std::shared_ptr<Delivery> self_;
  async::Timer timer_;
  Listener on_change_{*this};
};

}  // namespace

RedisListener::RedisListener(
    host::net_policy::Network& network, RedisSource source, GuestShards& shards
)
    : network_(network), source_(std::move(source)), shards_(shards) {}

RedisListener::~RedisListener() {
  stop();
}

Result<> RedisListener::start() {
  return thread_.submit([this](async::BlockingPool::Fate fate) {
    if (fate == async::BlockingPool::Fate::Run) {
      run();
    }
  });
}

void RedisListener::stop() {
  if (!is_stopping_.exchange(true)) {
    progress_->waiting.cancel();
    thread_.stop();
  }
}

void RedisListener::run() {
  const host::Caller caller = progress_->waiting.caller();
  const std::string place = source_.address.url.to_destination();
  auto pause = kFirstPause;
  while (!is_stopping_) {
    auto connection = subscribe(caller);
    Result<> ended;
    if (connection) {
      log::info(kLogTarget, "listening to {}", place);
      pause = kFirstPause;
      ended = listen(caller, **connection);
    } else {
      ended = connection.take_error();
    }
    if (is_stopping_) {
      return;
    }
    log::error(
        kLogTarget,
        "{} {}: {}; trying again",
        connection ? "disconnected from" : "Redis trigger failed to connect to",
        place,
        ended ? "" : ended.error().to_line()
    );
    static_cast<void>(async::park_until(caller.shard, caller.fiber, async::Deadline::after(pause)));
    pause = std::min(pause * 2, kLongestPause);
  }
}

Result<RedisListener::Connection> RedisListener::subscribe(host::Caller caller) {
  const auto deadline = async::Deadline::after(kConnect);
  WHORL_TRY(
      auto connection,
      host::redis::RedisConnection::open(caller, network_, source_.address, deadline)
  );
  for (const auto& [channel, target] : source_.channels) {
    const std::array<std::string_view, 2> words{"SUBSCRIBE", channel};
    WHORL_CHECKED(connection->send(caller, Command(words), deadline));
  }
  // The confirmations come among the messages; a refusal is an error there.
  return connection;
}

Result<> RedisListener::listen(host::Caller caller, host::redis::RedisConnection& connection) {
  const std::array<std::string_view, 1> ping{"PING"};
  bool is_asked = false;
  while (true) {
    const auto deadline = async::Deadline::after(kSilence);
    auto reply = connection.receive(caller, deadline);
    if (reply) {
      is_asked = false;
      WHORL_CHECKED(on_reply(caller, *std::move(reply)));
      continue;
    }
    if (reply.error().kind() != ErrorKind::DeadlineExceeded || std::exchange(is_asked, true)) {
      return reply.take_error();
    }
    WHORL_CHECKED(connection.send(caller, Command(ping), async::Deadline::after(kSilence)));
  }
}

Result<> RedisListener::on_reply(host::Caller caller, Reply reply) {
  WHORL_CHECKED(host::redis::check_reply(reply));
  if (reply.items.size() != 3 || reply.items[0].text != "message") {
    return {};
  }
  const std::string channel = std::move(reply.items[1].text);
  const auto target = source_.channels.find(channel);
  if (target == source_.channels.end()) {
    return {};
  }
  const ByteView payload = as_bytes(reply.items[2].text);
  const auto message = std::make_shared<const Bytes>(payload.begin(), payload.end());
  for (const auto& service : target->second.services) {
    while (progress_->in_flight >= kMaxInFlight) {
      WHORL_CHECKED(async::wait_on(caller.fiber, progress_->changed));
    }
    deliver(service, message, channel);
  }
  return {};
}

void RedisListener::deliver(
    std::shared_ptr<runtime::ServiceSlot> service,
    runtime::Message message,
    const std::string& channel
) {
  ++progress_->in_flight;
  auto done = [progress = progress_] {
    // Weakly: what is queued there belongs to the loop.
    progress->waiting.shard().post([weak = std::weak_ptr(progress)] {
      if (const auto alive = weak.lock()) {
        --alive->in_flight;
        alive->changed.notify();
      }
    });
  };
  shards_.post([service = std::move(service),
                message = std::move(message),
                channel,
                done = std::move(done)](runtime::ShardRuntime& runtime) mutable {
    std::make_shared<Delivery>(
        runtime, std::move(service), std::move(message), std::move(channel), std::move(done)
    )
        ->start();
  });
}

}  // namespace whorl::trigger
