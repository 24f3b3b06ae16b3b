#include "host/redis/redis_functions.hpp"

#include "component/utf8.hpp"
#include "host/net_policy/grants.hpp"

#include <fmt/format.h>

#include <array>

namespace whorl::host::redis {
namespace {

/// Marks answers of another type.
constexpr std::string_view kTypeError = "Response was of incompatible type - TypeError";

/// Spans of commands are called like what is sent.
constexpr SpanSite kCommand{.name = "spin_outbound_redis", .system = "redis"};

Error wrong_type() {
  return Error(ErrorKind::Corrupt, std::string(kTypeError));
}

Bytes to_bytes(std::string_view text) {
  return {as_bytes(text).begin(), as_bytes(text).end()};
}

Result<std::int64_t> to_number(const Reply& reply) {
  if (reply.kind != Reply::Kind::Integer) {
    return wrong_type();
  }
  return reply.integer;
}

void flatten(Reply reply, std::vector<std::pair<PartTag, Part>>& out) {
  switch (reply.kind) {
    case Reply::Kind::Nil:
      out.emplace_back(PartTag::Nil, std::monostate());
      break;
    case Reply::Kind::Status:
    case Reply::Kind::Error:  // of a command in a transaction
      out.emplace_back(PartTag::Status, std::move(reply.text));
      break;
    case Reply::Kind::Integer:
      out.emplace_back(PartTag::Int64, reply.integer);
      break;
    case Reply::Kind::Bulk:
      out.emplace_back(PartTag::Binary, to_bytes(reply.text));
      break;
    case Reply::Kind::Array:
      for (Reply& item : reply.items) {
        flatten(std::move(item), out);
      }
      break;
  }
}

}  // namespace

bool is_type_error(const Error& error) noexcept {
  return error.message() == kTypeError;
}

Result<std::shared_ptr<RedisSession>> open_session(
    const RedisAccess& access, std::string_view address
) {
  auto parsed = parse_redis_address(address);
  if (!parsed || !net_policy::check_grant(access.grants, parsed->url)) {
    return fail(ErrorKind::PermissionDenied, "the address is not one that was granted");
  }
  return std::make_shared<RedisSession>(*access.client, *std::move(parsed));
}

Result<> publish(Caller caller, RedisSession& session, std::string_view channel, ByteView payload) {
  const std::array<std::string_view, 3> words{"PUBLISH", channel, as_text(payload)};
  HostSpan span(kCommand);
  WHORL_CHECKED(span.named("PUBLISH").set("channel", channel).note(session.run(caller, words)));
  return {};
}

Result<std::optional<Bytes>> get(Caller caller, RedisSession& session, std::string_view key) {
  const std::array<std::string_view, 2> words{"GET", key};
  HostSpan span(kCommand);
  WHORL_TRY(const Reply reply, span.named("GET").set("key", key).note(session.run(caller, words)));
  switch (reply.kind) {
    case Reply::Kind::Nil:
      return std::optional<Bytes>();
    case Reply::Kind::Status:
    case Reply::Kind::Bulk:
      return std::optional(to_bytes(reply.text));
    default:
      return wrong_type();
  }
}

Result<> set(Caller caller, RedisSession& session, std::string_view key, ByteView value) {
  const std::array<std::string_view, 3> words{"SET", key, as_text(value)};
  HostSpan span(kCommand);
  WHORL_CHECKED(span.named("SET").set("key", key).note(session.run(caller, words)));
  return {};
}

Result<std::int64_t> increment(Caller caller, RedisSession& session, std::string_view key) {
  const std::array<std::string_view, 3> words{"INCRBY", key, "1"};
  HostSpan span(kCommand);
  WHORL_TRY(
      const Reply reply, span.named("INCRBY").set("key", key).note(session.run(caller, words))
  );
  return span.note(to_number(reply));
}

Result<std::int64_t> count(
    Caller caller,
    RedisSession& session,
    std::string_view command,
    std::optional<std::string_view> first,
    const std::vector<std::string_view>& names
) {
  std::vector<std::string_view> words{command};
  if (first) {
    words.push_back(*first);
  }
  words.insert(words.end(), names.begin(), names.end());
  HostSpan span(kCommand);
  first ? span.set("key", *first) : span.set("keys", names);
  WHORL_TRY(const Reply reply, span.named(command).note(session.run(caller, words)));
  return span.note(to_number(reply));
}

Result<std::vector<std::string>> members(
    Caller caller, RedisSession& session, std::string_view key
) {
  const std::array<std::string_view, 2> words{"SMEMBERS", key};
  HostSpan span(kCommand);
  WHORL_TRY(Reply reply, span.named("SMEMBERS").set("key", key).note(session.run(caller, words)));
  if (reply.kind != Reply::Kind::Array) {
    return wrong_type();
  }
  std::vector<std::string> out;
  out.reserve(reply.items.size());
  for (Reply& item : reply.items) {
    // The interface has texts here, and a set may hold any bytes.
    if (item.kind != Reply::Kind::Bulk || !component::is_valid_utf8(item.text)) {
      return wrong_type();
    }
    out.push_back(std::move(item.text));
  }
  return out;
}

Result<std::vector<std::pair<PartTag, Part>>> execute(
    Caller caller,
    RedisSession& session,
    std::string_view command,
    const std::vector<Argument>& arguments
) {
  std::vector<std::string> numbers;
  numbers.reserve(arguments.size());  // views into it stay
  std::vector<std::string_view> words{command};
  for (const Argument& argument : arguments) {
    if (const auto* number = std::get_if<std::int64_t>(&argument)) {
      words.push_back(numbers.emplace_back(fmt::format("{}", *number)));
    } else if (const auto* bytes = std::get_if<Bytes>(&argument)) {
      words.push_back(as_text(*bytes));
    }
  }
  HostSpan span(kCommand);
  WHORL_TRY(
      Reply reply, span.named(command).set("command", command).note(session.run(caller, words))
  );
  std::vector<std::pair<PartTag, Part>> out;
  flatten(std::move(reply), out);
  for (const auto& [tag, part] : out) {
    if (tag == PartTag::Status && !component::is_valid_utf8(std::get<std::string>(part))) {
      return wrong_type();
    }
  }
  return out;
}

}  // namespace whorl::host::redis
