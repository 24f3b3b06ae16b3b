#include "host/key_value/backends/redis_store.hpp"

#include "component/utf8.hpp"
#include "log/log.hpp"
#include "log/rate_limit.hpp"

#include <fmt/format.h>

#include <array>
#include <initializer_list>
#include <unordered_set>
#include <utility>

namespace whorl::host::key_value {
namespace {

using redis::Command;
using redis::Reply;

/// Keys that a server looks at in one step of a listing: it serves nobody else meanwhile.
constexpr std::string_view kScanStep = "1000";

constinit log::RateLimit trouble_reports{10, std::chrono::seconds(1)};

Bytes to_bytes(std::string_view text) {
  return {as_bytes(text).begin(), as_bytes(text).end()};
}

Error unexpected() {
  return fail(ErrorKind::Corrupt, "the server's answer is of another type than expected");
}

Result<Value> to_value(const Reply& reply) {
  if (reply.kind == Reply::Kind::Nil) {
    return Value();
  }
  return reply.kind == Reply::Kind::Bulk ? Result<Value>(to_bytes(reply.text)) : unexpected();
}

Command command(std::initializer_list<std::string_view> words) {
  return Command({words.begin(), words.size()});
}

class RedisStore final : public Store {
 public:
  std::string_view backend() const noexcept override { return "redis"; }
  RedisStore(std::shared_ptr<redis::RedisClient> client, redis::RedisAddress address) noexcept
      : client_(std::move(client)), address_(std::move(address)) {}

  Result<Value> get(Caller caller, std::string_view key) override {
    WHORL_TRY(const Reply reply, run(caller, command({"GET", key})));
    return to_value(reply);
  }
  Result<> set(Caller caller, std::string_view key, ByteView value) override {
    WHORL_CHECKED(run(caller, command({"SET", key, as_text(value)})));
    return {};
  }
  Result<> remove(Caller caller, std::string_view key) override {
    WHORL_CHECKED(run(caller, command({"DEL", key})));
    return {};
  }
  Result<bool> exists(Caller caller, std::string_view key) override {
    WHORL_TRY(const Reply reply, run(caller, command({"EXISTS", key})));
    return reply.integer != 0;
  }
  Result<std::vector<std::string>> keys(Caller caller) override;
  Result<FoundPairs> get_many(Caller caller, std::span<const std::string_view> keys) override;
  Result<> set_many(Caller caller, std::span<const PairView> pairs) override;
  Result<> remove_many(Caller caller, std::span<const std::string_view> keys) override;
  Result<std::int64_t> increment(Caller caller, std::string_view key, std::int64_t delta) override;
  Result<bool> compare_and_set(
      Caller caller, std::string_view key, const Value& expected, ByteView value
  ) override;

 private:
  [[nodiscard]] Result<Reply> run(Caller caller, const Command& command) {
    auto reply = client_->run(caller, address_, command);
    if (!reply) {
      return report(reply.take_error());
    }
    return reply;
  }
  /// The operator is told which store; guests are not told where it is.
  [[nodiscard]] Error report(Error error) const {
    if (error.kind() != ErrorKind::InvalidInput && error.kind() != ErrorKind::Cancelled) {
      log::log_limited(
          trouble_reports,
          log::Level::Error,
          "whorl::key_value",
          "key-value store {}: {}",
          address_.url.to_destination(),
          error.to_line()
      );
    }
    return error;
  }

  std::shared_ptr<redis::RedisClient> client_;
  redis::RedisAddress address_;
};

Result<std::vector<std::string>> RedisStore::keys(Caller caller) {
  // In steps: the one command that lists all stops the server for as long as it takes. A step may
  // repeat what another one had.
  std::unordered_set<std::string> found;
  std::uint64_t bytes = 0;
  std::string cursor = "0";
  do {
    WHORL_TRY(Reply reply, run(caller, command({"SCAN", cursor, "COUNT", kScanStep})));
    if (reply.items.size() != 2) {
      return unexpected();
    }
    cursor = std::move(reply.items[0].text);
    for (Reply& item : reply.items[1].items) {
      if (!component::is_valid_utf8(item.text)) {
        continue;  // no guest could name it
      }
      bytes += item.text.size() + sizeof(std::string);
      if (bytes > kMaxAnswerBytes) {
        return fail(
            ErrorKind::ResourceLimit, "query result exceeds limit of {} bytes", kMaxAnswerBytes
        );
      }
      found.insert(std::move(item.text));
    }
  } while (cursor != "0");
  std::vector<std::string> all;
  all.reserve(found.size());
  while (!found.empty()) {
    all.push_back(std::move(found.extract(found.begin()).value()));
  }
  return all;
}

Result<FoundPairs> RedisStore::get_many(Caller caller, std::span<const std::string_view> keys) {
  const std::vector<std::string> names(keys.begin(), keys.end());
  std::vector<std::string_view> words{"MGET"};
  words.insert(words.end(), keys.begin(), keys.end());
  WHORL_TRY(const Reply reply, run(caller, Command(words)));
  if (reply.items.size() != names.size()) {
    return unexpected();
  }
  FoundPairs found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    WHORL_TRY(Value value, to_value(reply.items[i]));
    if (value) {
      found.emplace_back(names[i], std::move(value));
    }
  }
  return found;
}

Result<> RedisStore::set_many(Caller caller, std::span<const PairView> pairs) {
  if (pairs.empty()) {
    return {};
  }
  std::vector<std::string_view> words{"MSET"};
  for (const auto& [key, value] : pairs) {
    words.push_back(key);
    words.push_back(as_text(value));
  }
  WHORL_CHECKED(run(caller, Command(words)));
  return {};
}

Result<> RedisStore::remove_many(Caller caller, std::span<const std::string_view> keys) {
  if (keys.empty()) {
    return {};
  }
  std::vector<std::string_view> words{"DEL"};
  words.insert(words.end(), keys.begin(), keys.end());
  WHORL_CHECKED(run(caller, Command(words)));
  return {};
}

Result<std::int64_t> RedisStore::increment(
    Caller caller, std::string_view key, std::int64_t delta
) {
  // A number in Redis is its decimal text, here as in Spin.
  WHORL_TRY(const Reply reply, run(caller, command({"INCRBY", key, fmt::format("{}", delta)})));
  return reply.integer;
}

Result<bool> RedisStore::compare_and_set(
    Caller caller, std::string_view key, const Value& expected, ByteView value
) {
  const Command watch = command({"WATCH", key});
  const Command get = command({"GET", key});
  const Command set = command({"SET", key, as_text(value)});
  // Until it is executed, others may change the key: then nothing is set.
  auto held = client_->lease(caller, address_);
  if (!held) {
    return report(held.take_error());
  }
  const auto say = [&](const Command& what) -> Result<Reply> {
    auto reply = client_->run_on(caller, *held, what);
    if (!reply) {
      return report(reply.take_error());
    }
    WHORL_CHECKED(redis::check_reply(*reply));
    return reply;
  };
  WHORL_CHECKED(say(watch));
  WHORL_TRY(const Reply now, say(get));
  WHORL_TRY(const Value seen, to_value(now));
  if (seen != expected) {
    WHORL_CHECKED(say(command({"UNWATCH"})));
    client_->give_back(caller, address_, *std::move(held));
    return false;
  }
  WHORL_CHECKED(say(command({"MULTI"})));
  WHORL_CHECKED(say(set));
  WHORL_TRY(const Reply done, say(command({"EXEC"})));
  client_->give_back(caller, address_, *std::move(held));
  return done.kind != Reply::Kind::Nil;
}

}  // namespace

Result<std::shared_ptr<Store>> make_redis_store(
    std::shared_ptr<redis::RedisClient> client, std::string_view url
) {
  WHORL_TRY(auto address, redis::parse_redis_address(url));
  return std::shared_ptr<Store>(std::make_shared<RedisStore>(std::move(client), std::move(address))
  );
}

}  // namespace whorl::host::key_value
