#include "trigger/redis/stream_group.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace whorl::trigger {
namespace {

using host::redis::Command;
using host::redis::Reply;

constexpr std::chrono::seconds kAnswer{10};
/// Of what is pending, looked at in one turn.
constexpr std::string_view kSome = "100";

}  // namespace

Result<Reply> StreamGroup::say(const std::vector<std::string_view>& words) {
  WHORL_TRY(
      Reply reply, connection_.command(caller_, Command(words), async::Deadline::after(kAnswer))
  );
  WHORL_CHECKED(host::redis::check_reply(reply));
  return reply;
}

Result<> StreamGroup::tell(const std::vector<std::string_view>& words) {
  WHORL_TRY(const Reply reply, say(words));
  return {};
}

Result<> StreamGroup::create() {
  const app::RedisStream& stream = source_.stream;
  const std::vector<std::string_view> words{
      "XGROUP", "CREATE", stream.name, stream.group, "0", "MKSTREAM"
  };
  auto made = tell(words);
  const bool was_there = !made && made.error().to_line().starts_with("BUSYGROUP");
  return was_there ? Result<>() : std::move(made);
}

Command StreamGroup::read_command(std::size_t count, std::chrono::milliseconds wait) const {
  const std::string count_text = fmt::format("{}", count);
  const std::string wait_text = fmt::format("{}", wait.count());
  const std::vector<std::string_view> words{
      "XREADGROUP",
      "GROUP",
      source_.stream.group,
      consumer_,
      "COUNT",
      count_text,
      "BLOCK",
      wait_text,
      "STREAMS",
      source_.stream.name,
      ">",
  };
  return Command(words);
}

Result<> StreamGroup::acknowledge(Ids ids) {
  std::vector<std::string_view> words{"XACK", source_.stream.name, source_.stream.group};
  words.insert(words.end(), ids.begin(), ids.end());
  return ids.empty() ? Result<>() : tell(words);
}

Result<> StreamGroup::renew(Ids ids) {
  std::vector<std::string_view> words{
      "XCLAIM", source_.stream.name, source_.stream.group, consumer_, "0"
  };
  words.insert(words.end(), ids.begin(), ids.end());
  words.emplace_back("JUSTID");
  return ids.empty() ? Result<>() : tell(words);
}

Result<bool> StreamGroup::count(const std::string& id, std::uint64_t deliveries) {
  const std::string number = fmt::format("{}", deliveries);
  WHORL_TRY(
      const Reply reply,
      say(
          {"XCLAIM",
           source_.stream.name,
           source_.stream.group,
           consumer_,
           "0",
           id,
           "RETRYCOUNT",
           number,
           "JUSTID"}
      )
  );
  return !reply.items.empty();
}

Result<std::vector<PendingEntry>> StreamGroup::pending(std::vector<std::string_view> filter) {
  std::vector<std::string_view> words{"XPENDING", source_.stream.name, source_.stream.group};
  words.insert(words.end(), filter.begin(), filter.end());
  WHORL_TRY(Reply reply, say(words));
  return read_pending(std::move(reply));
}

Result<std::vector<PendingEntry>> StreamGroup::own_pending() {
  return pending({"-", "+", kSome, consumer_});
}

Result<std::vector<PendingEntry>> StreamGroup::abandoned() {
  const std::string idle =
      fmt::format("{}", std::chrono::milliseconds(source_.stream.lease).count());
  return pending({"IDLE", idle, "-", "+", kSome});
}

Result<bool> StreamGroup::has_pending() {
  WHORL_TRY(const auto any, pending({"-", "+", "1"}));
  return !any.empty();
}

Result<std::optional<StreamEntry>> StreamGroup::claim(
    const std::string& id, std::chrono::milliseconds min_idle
) {
  const std::string idle = fmt::format("{}", min_idle.count());
  WHORL_TRY(
      Reply reply, say({"XCLAIM", source_.stream.name, source_.stream.group, consumer_, idle, id})
  );
  WHORL_TRY(auto entries, read_entries(std::move(reply)));
  return entries.empty() ? std::nullopt : std::optional(std::move(entries.front()));
}

Result<bool> StreamGroup::claim_unread(const std::string& id, std::chrono::milliseconds min_idle) {
  const std::string idle = fmt::format("{}", min_idle.count());
  WHORL_TRY(
      const Reply reply,
      say({"XCLAIM", source_.stream.name, source_.stream.group, consumer_, idle, id, "JUSTID"})
  );
  return !reply.items.empty();
}

Result<std::optional<StreamEntry>> StreamGroup::look_up(const std::string& id) {
  WHORL_TRY(Reply reply, say({"XRANGE", source_.stream.name, id, id}));
  WHORL_TRY(auto entries, read_entries(std::move(reply)));
  return entries.empty() ? std::nullopt : std::optional(std::move(entries.front()));
}

Result<> StreamGroup::bury(const StreamEntry& entry, std::uint64_t attempts) {
  const app::RedisStream& stream = source_.stream;
  if (stream.dead_letter.empty()) {
    return {};
  }
  const std::string number = fmt::format("{}", attempts);
  std::vector<std::string_view> words{"XADD", stream.dead_letter, "*"};
  for (const auto& [name, value] : entry.fields) {
    words.push_back(name);
    words.push_back(value);
  }
  const std::string_view origin[] = {
      "whorl-stream",
      stream.name,
      "whorl-group",
      stream.group,
      "whorl-id",
      entry.id,
      "whorl-attempts",
      number,
  };
  words.insert(words.end(), std::begin(origin), std::end(origin));
  return tell(words);
}

Result<> StreamGroup::leave() {
  WHORL_TRY(const auto own, own_pending());
  if (!own.empty()) {
    return {};
  }
  return tell({"XGROUP", "DELCONSUMER", source_.stream.name, source_.stream.group, consumer_});
}

}  // namespace whorl::trigger
