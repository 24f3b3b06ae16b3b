/// StreamListener: gives the entries of a Redis stream to a component and acknowledges those that
/// were handled: every entry is handled at least once.
///
/// It is one consumer of a group, on two connections: one waits for entries, the other says what
/// became of them. An entry whose component failed is tried again, later and later; one that was
/// tried as often as it may goes to the stream for those. What a consumer that died had is taken
/// over when it has given no sign for as long as the lease; what is being handled here is kept by
/// giving such signs. A stream that is ordered has one entry under way, in all of its group.
/// @spec docs/adr/0048
#pragma once

#include "async/deadline.hpp"
#include "runtime/message.hpp"
#include "trigger/redis/delivery.hpp"
#include "trigger/redis/redis_app.hpp"
#include "trigger/redis/stream_group.hpp"
#include "trigger/redis/subscription.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace whorl::trigger {

class StreamListener final : public Subscription {
 public:
  /// Entries that are being handled at once, at most.
  static constexpr std::size_t kMaxInFlight = 256;

  /// @param network, shards  outlive the listener
  StreamListener(host::net_policy::Network& network, RedisStreamSource source, GuestShards& shards);
  ~StreamListener() override { stop(); }

 protected:
  [[nodiscard]] Result<> serve(host::Caller caller) override;
  [[nodiscard]] bool has_drained() const override { return held_->empty(); }

 private:
  enum class Phase : std::uint8_t {
    Running,  ///< with the component
    Handled,  ///< to be acknowledged
    Failed,   ///< to be tried again, or given up
    Resting,  ///< until it is tried again, or given up again
  };
  /// An entry that this consumer has.
  struct Held {
    runtime::Message message;
    std::uint64_t attempts = 0;  ///< those that have begun
    Phase phase = Phase::Running;
    async::Deadline rests_until{};
  };
  /// By id. Of the thread; completions hold it weakly.
  using AllHeld = std::map<std::string, Held>;
  /// The connection that waits for entries.
  struct Reader {
    Connection connection;
    std::optional<async::Deadline> due{};  ///< of the answer, while entries are asked for
  };

  /// Everything but reading that is due now.
  [[nodiscard]] Result<> attend(StreamGroup& group);
  [[nodiscard]] Result<> acknowledge(StreamGroup& group);
  [[nodiscard]] Result<> settle_failed(StreamGroup& group);
  [[nodiscard]] Result<> settle_failed(StreamGroup& group, const std::string& id);
  [[nodiscard]] Result<> try_again(StreamGroup& group);
  /// Gives signs of life, and looks for those who give none.
  [[nodiscard]] Result<> look_around(StreamGroup& group);
  /// Takes over entries of others, or our own that got lost on their way.
  [[nodiscard]] Result<> take(
      StreamGroup& group,
      const std::vector<PendingEntry>& entries,
      std::chrono::milliseconds min_idle
  );
  [[nodiscard]] Result<> take(
      StreamGroup& group, const PendingEntry& entry, std::chrono::milliseconds min_idle
  );
  /// Asks for entries if there is room, and takes those that have come.
  /// @return whether any have
  [[nodiscard]] Result<bool> read(StreamGroup& group, Reader& reader, host::Caller caller);
  [[nodiscard]] Result<bool> may_read(StreamGroup& group);
  /// Gives an entry to the component; one without a message is given up.
  [[nodiscard]] Result<> begin(StreamGroup& group, StreamEntry entry, std::uint64_t attempts);
  void run(const std::string& id, const Held& held);
  /// To the stream for those that failed. @return false when it could not be kept there
  [[nodiscard]] Result<bool> give_up(
      StreamGroup& group, const std::string& id, std::uint64_t attempts, std::string_view why
  );
  /// When attend() has something to do again.
  [[nodiscard]] async::Deadline next_time() const;
  [[nodiscard]] std::vector<std::string> ids_in(Phase phase) const;

  RedisStreamSource source_;
  GuestShards& shards_;
  std::string consumer_;
  std::string name_;  ///< the stream with its server, for logs
  std::shared_ptr<AllHeld> held_ = std::make_shared<AllHeld>();
  std::set<std::string> unreadable_;  ///< longer than an answer may be
  std::size_t batch_;                 ///< entries asked for at once
  async::Deadline next_look_;
  async::Deadline no_reading_until_;  ///< ordered: others have something under way
};

}  // namespace whorl::trigger
