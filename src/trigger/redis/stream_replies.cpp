#include "trigger/redis/stream_replies.hpp"

#include <algorithm>

namespace whorl::trigger {
namespace {

using host::redis::Reply;

constexpr std::string_view kDefaultField = "payload";

Error corrupt() {
  return fail(ErrorKind::Corrupt, "the server's answer is none about a stream");
}

Result<StreamEntry> read_entry(Reply& reply) {
  if (reply.items.size() != 2 || reply.items[0].kind != Reply::Kind::Bulk ||
      reply.items[1].items.size() % 2 != 0) {
    return corrupt();
  }
  StreamEntry entry{.id = std::move(reply.items[0].text), .fields = {}};
  auto& words = reply.items[1].items;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    entry.fields.emplace_back(std::move(words[i].text), std::move(words[i + 1].text));
  }
  return entry;
}

}  // namespace

Result<std::vector<StreamEntry>> read_entries(Reply reply) {
  WHORL_CHECKED(host::redis::check_reply(reply));
  if (reply.kind != Reply::Kind::Array) {
    return corrupt();
  }
  std::vector<StreamEntry> entries;
  for (Reply& item : reply.items) {
    // Older servers show a deleted entry as nothing, or as one without fields.
    const bool is_deleted = item.kind == Reply::Kind::Nil ||
                            (item.items.size() == 2 && item.items[1].kind == Reply::Kind::Nil);
    if (!is_deleted) {
      WHORL_TRY(auto entry, read_entry(item));
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

Result<std::vector<StreamEntry>> read_group_entries(Reply reply) {
  WHORL_CHECKED(host::redis::check_reply(reply));
  if (reply.kind == Reply::Kind::Nil) {
    return std::vector<StreamEntry>();
  }
  if (reply.items.size() != 1 || reply.items[0].items.size() != 2) {
    return corrupt();
  }
  return read_entries(std::move(reply.items[0].items[1]));
}

Result<std::vector<PendingEntry>> read_pending(Reply reply) {
  WHORL_CHECKED(host::redis::check_reply(reply));
  if (reply.kind != Reply::Kind::Array) {
    return corrupt();
  }
  std::vector<PendingEntry> entries;
  for (Reply& item : reply.items) {
    if (item.items.size() != 4 || item.items[3].integer < 0) {
      return corrupt();
    }
    entries.push_back(
        {.id = std::move(item.items[0].text),
         .consumer = std::move(item.items[1].text),
         .deliveries = static_cast<std::uint64_t>(item.items[3].integer)}
    );
  }
  return entries;
}

const std::string* message_of(const StreamEntry& entry, std::string_view field) {
  const auto found = std::ranges::find(
      entry.fields,
      field.empty() ? kDefaultField : field,
      [](const auto& pair) -> std::string_view { return pair.first; }
  );
  if (found != entry.fields.end()) {
    return &found->second;
  }
  return field.empty() && entry.fields.size() == 1 ? &entry.fields.front().second : nullptr;
}

}  // namespace whorl::trigger
