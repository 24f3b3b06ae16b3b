/// The settings of Redis triggers, read out of a LockedApp. @thread any
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace whorl::app {

/// What a trigger with a `stream` says of it. Whorl's own: Spin's triggers have channels only.
struct RedisStream {
  std::string name;   ///< a template
  std::string group;  ///< a template; of the application and the component where none is given
  /// The field of an entry that holds the message; empty: "payload", or the only one.
  std::string field{};
  unsigned max_attempts = 10;  ///< at least one
  /// Entries that a consumer has had for so long without a sign of life are another's.
  std::chrono::seconds lease{30};
  /// A template: the stream for entries that were tried so often; empty: they are dropped.
  std::string dead_letter{};
};

/// One `[[trigger.redis]]`: a component that is given the messages of a channel, or the entries of
/// a stream.
struct RedisTrigger {
  std::string id;
  std::string component;
  std::string channel;      ///< a template; empty for a stream
  std::string address;      ///< a template; the application's where the trigger names none
  bool is_ordered = false;  ///< one message after the other
  std::optional<RedisStream> stream{};
};

/// Reads all triggers of type "redis", in the manifest's order.
/// @return errors: InvalidInput (wrong shape, unknown keys, no address), NotFound (no such
///         component)
[[nodiscard]] Result<std::vector<RedisTrigger>> redis_triggers(const LockedApp& app);

}  // namespace whorl::app
