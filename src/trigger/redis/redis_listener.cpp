#include "trigger/redis/redis_listener.hpp"

#include "log/log.hpp"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::trigger {
namespace {

using host::redis::Command;
using host::redis::RedisConnection;
using host::redis::Reply;

constexpr std::string_view kLogTarget = "whorl::trigger";
/// Without a message for so long, the server is asked for a sign of life; without one for as long
/// again, the connection is given up.
constexpr std::chrono::seconds kSilence{10};

}  // namespace

RedisListener::RedisListener(
    host::net_policy::Network& network, RedisSource source, GuestShards& shards
)
    : Subscription(network, source.address), source_(std::move(source)), shards_(shards) {}

Result<> RedisListener::serve(host::Caller caller) {
  WHORL_TRY(const auto connection, connect(caller));
  // The confirmations come among the messages; a refusal is an error there.
  WHORL_CHECKED(say(caller, *connection, "SUBSCRIBE"));
  log::info(kLogTarget, "listening to {}", place());
  note_connected();
  bool is_leaving = false;
  while (true) {
    if (loop().is_draining && !std::exchange(is_leaving, true)) {
      WHORL_CHECKED(say(caller, *connection, "UNSUBSCRIBE"));
    }
    WHORL_TRY(auto reply, next(caller, *connection, is_leaving));
    if (!reply) {
      continue;
    }
    WHORL_TRY(const bool is_last, on_reply(caller, *std::move(reply)));
    if (is_last && is_leaving) {
      break;
    }
  }
  while (!has_drained()) {
    WHORL_CHECKED(wait(caller, nullptr, async::Deadline::never()));
  }
  return {};
}

Result<> RedisListener::say(
    host::Caller caller, RedisConnection& connection, std::string_view command
) {
  std::vector<std::string_view> words{command};
  for (const auto& [channel, target] : source_.channels) {
    words.push_back(channel);
  }
  return connection.send(caller, Command(words), async::Deadline::after(kPatience));
}

Result<std::optional<Reply>> RedisListener::next(
    host::Caller caller, RedisConnection& connection, bool is_leaving
) {
  const std::array<std::string_view, 1> ping{"PING"};
  auto silent_at = async::Deadline::after(kSilence);
  bool is_asked = false;
  while (is_leaving || !loop().is_draining) {
    WHORL_TRY(auto reply, connection.try_receive());
    if (reply) {
      return reply;
    }
    if (silent_at.is_expired()) {
      if (std::exchange(is_asked, true)) {
        return fail(ErrorKind::DeadlineExceeded, "the server did not answer in time");
      }
      WHORL_CHECKED(connection.send(caller, Command(ping), async::Deadline::after(kPatience)));
      silent_at = async::Deadline::after(kSilence);
    }
    WHORL_CHECKED(wait(caller, &connection, silent_at));
  }
  return std::optional<Reply>();
}

Result<bool> RedisListener::on_reply(host::Caller caller, Reply reply) {
  WHORL_CHECKED(host::redis::check_reply(reply));
  if (reply.items.size() != 3) {
    return false;
  }
  if (reply.items[0].text != "message") {
    return reply.items[0].text == "unsubscribe" && reply.items[2].integer == 0;
  }
  const std::string channel = std::move(reply.items[1].text);
  const auto target = source_.channels.find(channel);
  if (target == source_.channels.end()) {
    return false;
  }
  const ByteView payload = as_bytes(reply.items[2].text);
  const auto message = std::make_shared<const Bytes>(payload.begin(), payload.end());
  while (source_.is_ordered && progress_->in_flight != 0) {
    WHORL_CHECKED(wait(caller, nullptr, async::Deadline::never()));
  }
  for (const auto& service : target->second.services) {
    while (progress_->in_flight >= kMaxInFlight) {
      WHORL_CHECKED(wait(caller, nullptr, async::Deadline::never()));
    }
    deliver(service, message, channel);
  }
  return false;
}

void RedisListener::deliver(
    std::shared_ptr<runtime::ServiceSlot> service,
    runtime::Message message,
    const std::string& channel
) {
  ++progress_->in_flight;
  auto done = [loop = shared_loop(), progress = progress_](Outcome) {
    loop->waiting.shard().post([progress, weak = std::weak_ptr(loop)] {
      --progress->in_flight;
      if (const auto alive = weak.lock()) {
        alive->changed.notify();
      }
    });
  };
  deliver_message(shards_, std::move(service), std::move(message), channel, std::move(done));
}

}  // namespace whorl::trigger
