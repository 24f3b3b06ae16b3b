/// RedisConnection: one connection to a Redis server: commands out, replies in, in turns.
/// @thread shard
#pragma once

#include "async/deadline.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"
#include "host/net_policy/network.hpp"
#include "host/redis/redis_address.hpp"
#include "wire/resp/reply.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace whorl::host::redis {

using Reply = wire::resp::Reply;
/// A command's name and arguments.
using Words = std::span<const std::string_view>;

/// A command as it is sent. Owns its bytes: what a guest gave may move or go while this waits.
class Command {
 public:
  /// Bytes of name and arguments; a longer command is refused when it is sent.
  static constexpr std::size_t kMaxBytes = std::size_t{128} << 20;

  /// @param words  not empty
  explicit Command(Words words);
  [[nodiscard]] ByteView bytes() const noexcept { return as_bytes(bytes_); }
  [[nodiscard]] bool is_too_long() const noexcept { return is_too_long_; }
  /// It leaves something behind on its connection: a transaction, another database.
  [[nodiscard]] bool changes_connection() const noexcept { return changes_connection_; }
  /// It may wait on the server for something to happen.
  [[nodiscard]] bool may_block() const noexcept { return may_block_; }

 private:
  std::string bytes_;
  bool is_too_long_ = false;
  bool changes_connection_ = false;
  bool may_block_ = false;
};

class RedisConnection {
 public:
  /// Connects, says who we are, and selects the database.
  /// @return errors: Network::connect()'s; Unauthenticated, InvalidInput: what the server said
  [[nodiscard]] static Result<std::unique_ptr<RedisConnection>> open(
      Caller caller,
      net_policy::Network& network,
      const RedisAddress& address,
      async::Deadline deadline
  );
  /// For open().
  explicit RedisConnection(std::unique_ptr<net::Channel> channel);
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;
  ~RedisConnection();

  /// Sends a command and waits for its reply; one that is an error is a reply too.
  /// @return errors: Disconnected, DeadlineExceeded, Corrupt, ResourceLimit, Unsupported,
  /// Cancelled;
  ///         the connection is of no use any more
  [[nodiscard]] Result<Reply> command(
      Caller caller, const Command& command, async::Deadline deadline
  );
  /// Sends and does not wait.
  [[nodiscard]] Result<> send(Caller caller, const Command& command, async::Deadline deadline);
  /// The next reply, whoever caused it.
  [[nodiscard]] Result<Reply> receive(Caller caller, async::Deadline deadline);
  /// The next reply, if it is there; without one changed() fires when looking again is worth it.
  /// @return errors as command(), but for time
  [[nodiscard]] Result<std::optional<Reply>> try_receive();
  [[nodiscard]] async::Event& changed() noexcept { return channel_->socket().changed(); }

  /// Idle, and the server has said nothing unasked: closed it, above all.
  [[nodiscard]] bool is_usable() const;

 private:
  static constexpr std::size_t kBufferBytes = std::size_t{16} * 1024;

  std::unique_ptr<net::Channel> channel_;
  wire::resp::ReplyReader reader_;
  Bytes buffer_;
  std::size_t begin_ = 0;  ///< what was received and not read yet
  std::size_t end_ = 0;
};

/// What a reply that is an error means, in the words of Spin's client; nothing for another one.
[[nodiscard]] Result<> check_reply(const Reply& reply);

}  // namespace whorl::host::redis
