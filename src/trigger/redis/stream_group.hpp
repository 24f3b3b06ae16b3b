/// StreamGroup: the commands by which one consumer takes part in a consumer group of a stream.
///
/// Each waits for its answer. @thread the caller's
#pragma once

#include "base/result.hpp"
#include "host/caller.hpp"
#include "host/redis/redis_connection.hpp"
#include "trigger/redis/redis_app.hpp"
#include "trigger/redis/stream_replies.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::trigger {

class StreamGroup {
 public:
  using Ids = std::span<const std::string>;

  /// @param connection, source, consumer  outlive this object
  StreamGroup(
      host::Caller caller,
      host::redis::RedisConnection& connection,
      const RedisStreamSource& source,
      const std::string& consumer
  ) noexcept
      : caller_(caller), connection_(connection), source_(source), consumer_(consumer) {}

  /// Makes the group where there is none, with the stream; it begins with the stream's first entry.
  [[nodiscard]] Result<> create();
  /// How new entries are asked for.
  [[nodiscard]] host::redis::Command read_command(std::size_t count, std::chrono::milliseconds wait)
      const;
  /// They were handled.
  [[nodiscard]] Result<> acknowledge(Ids ids);
  /// They are being handled: nobody is to take them.
  [[nodiscard]] Result<> renew(Ids ids);
  /// Notes how often an entry has been given to somebody.
  /// @return false when it is not pending any more
  [[nodiscard]] Result<bool> count(const std::string& id, std::uint64_t deliveries);
  /// What this consumer has been given and has not acknowledged; some of it.
  [[nodiscard]] Result<std::vector<PendingEntry>> own_pending();
  /// What nobody has given a sign of for as long as the lease; some of it, the oldest first.
  [[nodiscard]] Result<std::vector<PendingEntry>> abandoned();
  /// Whether any consumer has something that is not acknowledged.
  [[nodiscard]] Result<bool> has_pending();
  /// Makes an entry this consumer's own, counting that as a delivery.
  /// @param min_idle  only when nobody gave a sign of it for so long
  /// @return nothing when it has gone, or somebody was faster
  [[nodiscard]] Result<std::optional<StreamEntry>> claim(
      const std::string& id, std::chrono::milliseconds min_idle
  );
  /// The same without its contents, and not counted. @return whether it is this consumer's now
  [[nodiscard]] Result<bool> claim_unread(
      const std::string& id, std::chrono::milliseconds min_idle
  );
  /// The entry as it lies in the stream; nothing when it was deleted.
  [[nodiscard]] Result<std::optional<StreamEntry>> look_up(const std::string& id);
  /// Adds an entry that was given up to the stream for those, with where it comes from.
  [[nodiscard]] Result<> bury(const StreamEntry& entry, std::uint64_t attempts);
  /// Takes the consumer out of the group, unless it has something pending.
  [[nodiscard]] Result<> leave();

 private:
  [[nodiscard]] Result<host::redis::Reply> say(const std::vector<std::string_view>& words);
  [[nodiscard]] Result<> tell(const std::vector<std::string_view>& words);
  [[nodiscard]] Result<std::vector<PendingEntry>> pending(std::vector<std::string_view> filter);

  host::Caller caller_;
  host::redis::RedisConnection& connection_;
  const RedisStreamSource& source_;
  const std::string& consumer_;
};

}  // namespace whorl::trigger
