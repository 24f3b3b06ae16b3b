// poll_oneoff: waiting for several things at once.
#include "wasi/p1/preview1.hpp"
#include "wasi/p1/stream_readiness.hpp"
#include "wasi/readiness.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace whorl::wasi::p1 {
namespace {

using std::chrono::nanoseconds;

/// More is refused: a table has no more descriptors, and each subscription costs host memory.
constexpr std::uint32_t kMaxSubscriptions = 4096;
constexpr std::uint32_t kAbsolute = 1;

/// One subscription, and what stands behind it.
struct Subscription {
  std::uint64_t user_data = 0;
  std::uint32_t type = 0;
  Errno error = Errno::Success;  ///< of one that cannot be waited for: ready at once
  std::uint64_t bytes = 0;       ///< that can be read
  std::unique_ptr<Readiness> target;
};

/// When a delay from now is over; nothing if that is beyond what the clock can say.
std::optional<Instant> after(Instant now, std::uint64_t delay) noexcept {
  const auto longest = static_cast<std::uint64_t>((Instant::max() - now).count());
  if (delay > longest) {
    return std::nullopt;
  }
  return now + nanoseconds(static_cast<std::int64_t>(delay));
}

/// The delay until a time on a clock that shows `now`.
std::uint64_t until(nanoseconds now, std::uint64_t when) noexcept {
  const auto shown = static_cast<std::uint64_t>(std::max(now, nanoseconds(0)).count());
  return when > shown ? when - shown : 0;
}

/// What can be read of a file, which is always ready.
std::uint64_t bytes_left(files::File& file) {
  const auto at = file.seek(0, files::Whence::Current);
  const auto metadata = file.metadata();
  return at && metadata && metadata->size > *at ? metadata->size - *at : 0;
}

class Subscriptions {
 public:
  Subscriptions(Guest& guest, Timers& timers, Descriptors& descriptors)
      : guest_(guest), timers_(timers), descriptors_(descriptors), now_(timers.now()) {}

  [[nodiscard]] Errno read(Ptr in, std::uint32_t count) {
    items_.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (const Errno error = read_one(in + i * kSubscriptionSize); error != Errno::Success) {
        return error;
      }
    }
    return Errno::Success;
  }

  /// Waits, then writes one event for each subscription that is ready. Room was checked before.
  void wait(Ptr out, Ptr events) {
    std::vector<Readiness*> targets;
    targets.reserve(items_.size());
    for (const Subscription& item : items_) {
      targets.push_back(item.target.get());
    }
    auto ready = wait_for_any(guest_.fiber(), timers_, targets);
    if (!ready) {
      guest_.fail(std::move(ready.error()));
      return;
    }
    guest_.refresh();
    for (const std::uint32_t index : *ready) {
      write_event(out, items_[index]);
      out += kEventSize;
    }
    guest_.write(events, static_cast<std::uint32_t>(ready->size()));
  }

 private:
  [[nodiscard]] Errno read_one(Ptr at) {
    Subscription item;
    item.user_data = guest_.read<std::uint64_t>(at);
    item.type = guest_.read<std::uint8_t>(at + 8);
    if (item.type == eventtype::kClock) {
      read_clock(at + 16, item);
    } else if (item.type == eventtype::kRead || item.type == eventtype::kWrite) {
      read_descriptor(at + 16, item);
    } else {
      return Errno::Invalid;
    }
    if (item.target == nullptr) {
      item.target = std::make_unique<AlwaysReady>();
    }
    items_.push_back(std::move(item));
    return Errno::Success;
  }

  void read_clock(Ptr at, Subscription& item) {
    const auto id = guest_.read<std::uint32_t>(at);
    auto timeout = guest_.read<std::uint64_t>(at + 8);
    const bool absolute = (guest_.read<std::uint16_t>(at + 24) & kAbsolute) != 0;
    if (id != clockid::kRealtime && id != clockid::kMonotonic) {
      item.error = Errno::Invalid;
      return;
    }
    if (absolute) {
      const auto shown =
          id == clockid::kRealtime
              ? std::chrono::duration_cast<nanoseconds>(timers_.wall_now().time_since_epoch())
              : std::chrono::duration_cast<nanoseconds>(now_.time_since_epoch());
      timeout = until(shown, timeout);
    }
    item.target = std::make_unique<Alarm>(timers_, after(now_, timeout));
  }

  void read_descriptor(Ptr at, Subscription& item) {
    Descriptor* found = descriptors_.find(guest_.read<std::uint32_t>(at));
    const auto wanted =
        item.type == eventtype::kRead ? Descriptor::Kind::Input : Descriptor::Kind::Output;
    if (found != nullptr && found->kind == Descriptor::Kind::File) {
      item.bytes = item.type == eventtype::kRead ? bytes_left(*found->file) : 0;
    } else if (found == nullptr || found->kind != wanted) {
      item.error = Errno::BadDescriptor;
    } else if (found->output != nullptr) {
      item.target = std::make_unique<OutputReadiness>(*found->output);
    } else if (found->input != nullptr) {
      item.target = std::make_unique<InputReadiness>(*found->input);
    }
  }

  void write_event(Ptr at, const Subscription& item) {
    guest_.write(at, item.user_data);
    guest_.write(at + 8, static_cast<std::uint64_t>(item.error) | std::uint64_t{item.type} << 16);
    guest_.write(at + 16, item.bytes);
    guest_.write(at + 24, std::uint64_t{0});
  }

  Guest& guest_;
  Timers& timers_;
  Descriptors& descriptors_;
  Instant now_;
  std::vector<Subscription> items_;
};

}  // namespace

Errno Preview1::poll_oneoff(Guest& guest, Ptr in, Ptr out, U32 count, Ptr events) {
  if (count == 0 || count > kMaxSubscriptions) {
    return Errno::Invalid;
  }
  if (!guest.check(in, std::uint64_t{count} * kSubscriptionSize, 8) ||
      !guest.check(out, std::uint64_t{count} * kEventSize, 8) || !guest.check(events, 4, 4)) {
    return Errno::Fault;
  }
  Subscriptions subscriptions(guest, context_.timers, descriptors_);
  if (const Errno error = subscriptions.read(in, count); error != Errno::Success) {
    return error;
  }
  subscriptions.wait(out, events);
  return Errno::Success;
}

}  // namespace whorl::wasi::p1
