#include "host/redis/redis_connection.hpp"

#include "telemetry/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace whorl::host::redis {
namespace {

using Names = std::span<const std::string_view>;

// What a server remembers of a connection, or answers otherwise than once per command. What is not
// here and should be is found out by RedisConnection::is_usable().
constexpr std::array<std::string_view, 25> kStateful{
    "AUTH",        "HELLO",        "SELECT",       "MULTI",      "EXEC",    "DISCARD", "WATCH",
    "UNWATCH",     "SUBSCRIBE",    "PSUBSCRIBE",   "SSUBSCRIBE", "MONITOR", "CLIENT",  "READONLY",
    "READWRITE",   "ASKING",       "QUIT",         "RESET",      "SYNC",    "PSYNC",   "REPLCONF",
    "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "SCRIPT",
};
constexpr std::array<std::string_view, 13> kBlocking{
    "BLPOP",
    "BRPOP",
    "BRPOPLPUSH",
    "BLMOVE",
    "BLMPOP",
    "BZPOPMIN",
    "BZPOPMAX",
    "BZMPOP",
    "XREAD",
    "XREADGROUP",
    "WAIT",
    "WAITAOF",
    "DEBUG",
};

/// Commands have no case.
bool is_one_of(std::string_view command, Names names) {
  const auto upper = [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  };
  return std::ranges::any_of(names, [&](std::string_view name) {
    return std::ranges::equal(command, name, {}, upper);
  });
}

Result<> expect_ok(
    Caller caller, RedisConnection& connection, Words words, async::Deadline deadline
) {
  WHORL_TRY(const Reply reply, connection.command(caller, Command(words), deadline));
  return check_reply(reply);
}

Result<> greet(
    Caller caller,
    RedisConnection& connection,
    const RedisAddress& address,
    async::Deadline deadline
) {
  if (address.url.password) {
    std::vector<std::string_view> words{"AUTH"};
    if (!address.url.user.empty()) {
      words.push_back(address.url.user);
    }
    words.push_back(*address.url.password);
    WHORL_CHECKED(expect_ok(caller, connection, words, deadline));
  }
  if (address.database != 0) {
    const std::string number = fmt::format("{}", address.database);
    const std::array<std::string_view, 2> words{"SELECT", number};
    WHORL_CHECKED(expect_ok(caller, connection, words, deadline));
  }
  return {};
}

}  // namespace

Result<> check_reply(const Reply& reply) {
  if (reply.kind != Reply::Kind::Error) {
    return {};
  }
  // A server may say any bytes.
  const std::string clean = telemetry::to_utf8(reply.text);
  const std::string_view text = clean;
  const std::string_view code = text.substr(0, text.find(' '));
  const std::string_view rest = text.substr(std::min(code.size() + 1, text.size()));
  const bool is_identity = code == "NOAUTH" || code == "WRONGPASS" || code == "NOPERM";
  const ErrorKind kind = is_identity ? ErrorKind::Unauthenticated : ErrorKind::InvalidInput;
  if (code == "ERR") {
    return fail(kind, "An error was signalled by the server - ResponseError: {}", rest);
  }
  return fail(kind, "{}: {}", code, rest);
}

Command::Command(Words words)
    : changes_connection_(is_one_of(words.front(), kStateful)),
      may_block_(is_one_of(words.front(), kBlocking)) {
  std::uint64_t bytes = 0;
  for (const std::string_view word : words) {
    bytes += word.size();
  }
  is_too_long_ = bytes > kMaxBytes;
  if (!is_too_long_) {
    wire::resp::append_command(bytes_, words);
  }
}

RedisConnection::RedisConnection(std::unique_ptr<net::Channel> channel)
    : channel_(std::move(channel)), buffer_(kBufferBytes) {}

RedisConnection::~RedisConnection() {
  channel_->shutdown();
}

Result<std::unique_ptr<RedisConnection>> RedisConnection::open(
    Caller caller,
    net_policy::Network& network,
    const RedisAddress& address,
    async::Deadline deadline
) {
  const auto security = address.is_tls ? net_policy::Security::Tls : net_policy::Security::Plain;
  WHORL_TRY(
      auto channel, network.connect(caller, address.url.host, address.url.port, security, deadline)
  );
  auto made = std::make_unique<RedisConnection>(std::move(channel));
  WHORL_CHECKED(greet(caller, *made, address, deadline));
  return made;
}

Result<> RedisConnection::send(Caller caller, const Command& command, async::Deadline deadline) {
  if (command.is_too_long()) {
    return fail(
        ErrorKind::ResourceLimit, "the command is longer than {} bytes", Command::kMaxBytes
    );
  }
  return net_policy::send_all(caller, *channel_, command.bytes(), deadline);
}

Result<Reply> RedisConnection::receive(Caller caller, async::Deadline deadline) {
  while (true) {
    WHORL_TRY(
        const std::size_t taken, reader_.read(ByteView(buffer_).subspan(begin_, end_ - begin_))
    );
    begin_ += taken;
    if (reader_.is_done()) {
      return reader_.take();
    }
    begin_ = end_ = 0;
    WHORL_TRY(end_, net_policy::receive(caller, *channel_, buffer_, deadline));
    if (end_ == 0) {
      return fail(ErrorKind::Disconnected, "the server closed the connection");
    }
  }
}

Result<std::optional<Reply>> RedisConnection::try_receive() {
  while (true) {
    WHORL_TRY(
        const std::size_t taken, reader_.read(ByteView(buffer_).subspan(begin_, end_ - begin_))
    );
    begin_ += taken;
    if (reader_.is_done()) {
      return reader_.take();
    }
    begin_ = end_ = 0;
    const net::Tried tried = channel_->try_read(buffer_);
    switch (tried.outcome) {
      case net::Tried::Outcome::Done:
        end_ = tried.count;
        break;
      case net::Tried::Outcome::Closed:
        return fail(ErrorKind::Disconnected, "the server closed the connection");
      case net::Tried::Outcome::Failed:
        return fail(ErrorKind::Disconnected, "the connection to the server is broken");
      default:
        channel_->watch(tried.outcome);
        return std::optional<Reply>();
    }
  }
}

Result<Reply> RedisConnection::command(
    Caller caller, const Command& command, async::Deadline deadline
) {
  WHORL_CHECKED(send(caller, command, deadline));
  return receive(caller, deadline);
}

bool RedisConnection::is_usable() const {
  return begin_ == end_ && reader_.is_at_start() && channel_->is_quiet();
}

}  // namespace whorl::host::redis
