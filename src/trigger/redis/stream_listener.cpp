#include "trigger/redis/stream_listener.hpp"

#include "log/log.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace whorl::trigger {
namespace {

constexpr std::string_view kLogTarget = "whorl::trigger";
/// The server keeps a question for entries for so long. A drain waits for it, at most.
constexpr std::chrono::milliseconds kBlock{500};
/// Entries asked for at once: their answer has a limit of bytes.
constexpr std::size_t kBatch = 64;
/// Rests between attempts: doubled each time.
constexpr std::chrono::milliseconds kFirstRest{100};
constexpr std::chrono::milliseconds kLongestRest{10'000};
/// Ordered: how often is looked whether another consumer is done.
constexpr std::chrono::milliseconds kOrderPoll{50};

std::chrono::milliseconds rest_after(std::uint64_t attempts) {
  const auto shift = std::min<std::uint64_t>(attempts > 0 ? attempts - 1 : 0, 16);
  return std::min(kFirstRest * (std::int64_t{1} << shift), kLongestRest);
}

/// A name that no other consumer has, and that tells people where it runs.
std::string make_consumer_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) {
    host[0] = '\0';
  }
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) {
    number = static_cast<std::uint64_t>(async::Clock::now().time_since_epoch().count());
  }
  return fmt::format("{}-{}-{:016x}", host.data(), ::getpid(), number);
}

}  // namespace

StreamListener::StreamListener(
    host::net_policy::Network& network, RedisStreamSource source, GuestShards& shards
)
    : Subscription(network, source.address),
      source_(std::move(source)),
      shards_(shards),
      consumer_(make_consumer_name()),
      name_(fmt::format("{}/{}", place(), source_.stream.name)),
      batch_(kBatch) {}

Result<> StreamListener::serve(host::Caller caller) {
  WHORL_TRY(const auto connection, connect(caller));
  Reader reader;
  WHORL_TRY(reader.connection, connect(caller));
  StreamGroup group(caller, *connection, source_, consumer_);
  WHORL_CHECKED(group.create());
  log::info(kLogTarget, "listening to {} as {}", name_, consumer_);
  note_connected();
  WHORL_CHECKED(acknowledge(group));
  // Entries whose answer was lost with the last connection.
  WHORL_TRY(const auto own, group.own_pending());
  WHORL_CHECKED(take(group, own, std::chrono::milliseconds(0)));
  next_look_ = async::Deadline(async::Clock::now());
  while (true) {
    WHORL_CHECKED(attend(group));
    if (loop().is_draining && !reader.due && held_->empty()) {
      static_cast<void>(group.leave());
      return {};
    }
    WHORL_TRY(const bool has_read, read(group, reader, caller));
    if (!has_read) {
      const auto until = reader.due ? next_time().earlier(*reader.due) : next_time();
      WHORL_CHECKED(wait(caller, reader.connection.get(), until));
    }
  }
}

Result<> StreamListener::attend(StreamGroup& group) {
  WHORL_CHECKED(acknowledge(group));
  WHORL_CHECKED(settle_failed(group));
  WHORL_CHECKED(try_again(group));
  return next_look_.is_expired() ? look_around(group) : Result<>();
}

Result<> StreamListener::acknowledge(StreamGroup& group) {
  const auto ids = ids_in(Phase::Handled);
  WHORL_CHECKED(group.acknowledge(ids));
  for (const std::string& id : ids) {
    held_->erase(id);
  }
  return {};
}

Result<> StreamListener::settle_failed(StreamGroup& group) {
  for (const std::string& id : ids_in(Phase::Failed)) {
    WHORL_CHECKED(settle_failed(group, id));
  }
  return {};
}

Result<> StreamListener::settle_failed(StreamGroup& group, const std::string& id) {
  Held& held = held_->at(id);
  if (loop().is_draining) {
    // It stays pending: another consumer tries it.
    held_->erase(id);
    return {};
  }
  if (held.attempts >= source_.stream.max_attempts) {
    WHORL_TRY(const bool is_buried, give_up(group, id, held.attempts, "it failed"));
    if (is_buried) {
      held_->erase(id);
      return {};
    }
  }
  held.phase = Phase::Resting;
  held.rests_until = async::Deadline::after(rest_after(held.attempts));
  return {};
}

Result<> StreamListener::try_again(StreamGroup& group) {
  for (const std::string& id : ids_in(Phase::Resting)) {
    Held& held = held_->at(id);
    if (loop().is_draining) {
      held_->erase(id);
    } else if (held.rests_until.is_expired() && held.attempts >= source_.stream.max_attempts) {
      held.phase = Phase::Failed;
    } else if (held.rests_until.is_expired()) {
      WHORL_TRY(const bool is_pending, group.count(id, held.attempts + 1));
      if (!is_pending) {
        held_->erase(id);
        continue;
      }
      ++held.attempts;
      run(id, held);
    }
  }
  return {};
}

Result<> StreamListener::look_around(StreamGroup& group) {
  next_look_ = async::Deadline::after(source_.stream.lease / 3);
  std::vector<std::string> ids;
  for (const auto& [id, held] : *held_) {
    ids.push_back(id);
  }
  WHORL_CHECKED(group.renew(ids));
  if (loop().is_draining) {
    return {};
  }
  WHORL_TRY(const auto abandoned, group.abandoned());
  return take(group, abandoned, source_.stream.lease);
}

Result<> StreamListener::take(
    StreamGroup& group, const std::vector<PendingEntry>& entries, std::chrono::milliseconds min_idle
) {
  for (const PendingEntry& entry : entries) {
    const std::size_t most = source_.is_ordered ? 1 : kMaxInFlight;
    if (held_->size() >= most || loop().is_draining) {
      break;
    }
    if (!held_->contains(entry.id)) {
      WHORL_CHECKED(take(group, entry, min_idle));
    }
  }
  return {};
}

Result<> StreamListener::take(
    StreamGroup& group, const PendingEntry& entry, std::chrono::milliseconds min_idle
) {
  if (entry.deliveries >= source_.stream.max_attempts || unreadable_.contains(entry.id)) {
    WHORL_TRY(const bool is_ours, group.claim_unread(entry.id, min_idle));
    if (!is_ours) {
      return {};
    }
    // One that cannot be kept stays pending, and its turn comes again.
    WHORL_TRY(
        [[maybe_unused]] const bool is_buried,
        give_up(group, entry.id, entry.deliveries, "nobody has finished it")
    );
    return {};
  }
  auto claimed = group.claim(entry.id, min_idle);
  if (!claimed) {
    if (claimed.error().kind() == ErrorKind::ResourceLimit) {
      unreadable_.insert(entry.id);
    }
    return claimed.take_error();
  }
  return *claimed ? begin(group, **std::move(claimed), entry.deliveries + 1) : Result<>();
}

Result<bool> StreamListener::may_read(StreamGroup& group) {
  if (loop().is_draining || held_->size() >= (source_.is_ordered ? 1 : kMaxInFlight)) {
    return false;
  }
  if (!source_.is_ordered) {
    return true;
  }
  if (!no_reading_until_.is_never() && !no_reading_until_.is_expired()) {
    return false;
  }
  WHORL_TRY(const bool has_pending, group.has_pending());
  no_reading_until_ = has_pending ? async::Deadline::after(kOrderPoll) : async::Deadline::never();
  return !has_pending;
}

Result<bool> StreamListener::read(StreamGroup& group, Reader& reader, host::Caller caller) {
  if (!reader.due) {
    WHORL_TRY(const bool is_time, may_read(group));
    if (!is_time) {
      return false;
    }
    const std::size_t room = source_.is_ordered ? 1 : kMaxInFlight - held_->size();
    const auto patience = async::Deadline::after(kBlock + kPatience);
    WHORL_CHECKED(reader.connection->send(
        caller, group.read_command(std::min(room, batch_), kBlock), patience
    ));
    reader.due = patience;
  }
  auto reply = reader.connection->try_receive();
  if (!reply) {
    // An answer that is too long is asked for again entry by entry.
    batch_ = reply.error().kind() == ErrorKind::ResourceLimit ? 1 : batch_;
    return reply.take_error();
  }
  if (!*reply) {
    return reader.due->is_expired()
               ? fail(ErrorKind::DeadlineExceeded, "the server did not answer in time")
               : Result<bool>(false);
  }
  reader.due.reset();
  WHORL_TRY(auto entries, read_group_entries(**std::move(reply)));
  for (StreamEntry& entry : entries) {
    WHORL_CHECKED(begin(group, std::move(entry), 1));
  }
  return true;
}

Result<> StreamListener::begin(StreamGroup& group, StreamEntry entry, std::uint64_t attempts) {
  const std::string* text = message_of(entry, source_.stream.field);
  if (text == nullptr) {
    WHORL_TRY(
        [[maybe_unused]] const bool is_buried,
        give_up(group, entry.id, attempts, "it has no message")
    );
    return {};
  }
  const ByteView bytes = as_bytes(*text);
  Held held{.message = std::make_shared<const Bytes>(bytes.begin(), bytes.end())};
  held.attempts = attempts;
  const auto [place, is_new] = held_->insert_or_assign(entry.id, std::move(held));
  run(place->first, place->second);
  return {};
}

void StreamListener::run(const std::string& id, const Held& held) {
  held_->at(id).phase = Phase::Running;
  auto done = [loop = shared_loop(), id, weak_held = std::weak_ptr(held_)](Outcome outcome) {
    loop->waiting.shard().post([id, outcome, weak_held, weak = std::weak_ptr(loop)] {
      const auto all = weak_held.lock();
      if (all == nullptr) {
        return;
      }
      if (const auto found = all->find(id); found != all->end()) {
        found->second.phase = outcome == Outcome::Handled ? Phase::Handled : Phase::Failed;
      }
      if (const auto alive = weak.lock()) {
        alive->changed.notify();
      }
    });
  };
  deliver_message(shards_, source_.service, held.message, source_.stream.name, std::move(done));
}

Result<bool> StreamListener::give_up(
    StreamGroup& group, const std::string& id, std::uint64_t attempts, std::string_view why
) {
  std::optional<StreamEntry> entry;
  if (!unreadable_.contains(id)) {
    auto found = group.look_up(id);
    if (!found) {
      if (found.error().kind() == ErrorKind::ResourceLimit) {
        unreadable_.insert(id);
      }
      return found.take_error();
    }
    entry = *std::move(found);
  }
  auto buried = group.bury(entry ? *entry : StreamEntry{.id = id, .fields = {}}, attempts);
  if (!buried && buried.error().kind() != ErrorKind::InvalidInput) {
    return buried.take_error();
  }
  if (!buried) {
    log::error(
        kLogTarget,
        "{}: entry {} cannot be kept in {}: {}",
        name_,
        id,
        source_.stream.dead_letter,
        buried.error().to_line()
    );
    return false;
  }
  const std::array ids{id};
  WHORL_CHECKED(group.acknowledge(ids));
  unreadable_.erase(id);
  log::error(
      kLogTarget,
      "{}: entry {} was given up after {} attempts: {}; {}",
      name_,
      id,
      attempts,
      why,
      source_.stream.dead_letter.empty() ? "it is dropped"
                                         : "it is in " + source_.stream.dead_letter
  );
  return true;
}

async::Deadline StreamListener::next_time() const {
  async::Deadline next = next_look_.earlier(no_reading_until_);
  for (const auto& [id, held] : *held_) {
    next = held.phase == Phase::Resting ? next.earlier(held.rests_until) : next;
  }
  return next;
}

std::vector<std::string> StreamListener::ids_in(Phase phase) const {
  std::vector<std::string> ids;
  for (const auto& [id, held] : *held_) {
    if (held.phase == phase) {
      ids.push_back(id);
    }
  }
  return ids;
}

}  // namespace whorl::trigger
