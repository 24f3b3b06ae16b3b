/// RedisApp: what an application with Redis triggers listens to: servers, channels, streams,
/// components. @thread any (immutable, once made)
#pragma once

#include "app/redis_trigger.hpp"
#include "base/result.hpp"
#include "host/redis/redis_address.hpp"
#include "host/variables/app_variables.hpp"
#include "runtime/prepare.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace whorl::trigger {

/// Who is given the messages of a channel, in the manifest's order.
struct RedisChannel {
  std::vector<std::string> components;
  std::vector<std::shared_ptr<runtime::ServiceSlot>> services;  ///< one per component
};

/// One connection's worth: a server, and what is subscribed to there.
struct RedisSource {
  host::redis::RedisAddress address;
  std::map<std::string, RedisChannel, std::less<>> channels;
  /// One message after the other. Such a source has one channel: nobody else waits for it.
  bool is_ordered = false;
};

/// A stream, and the component that is given its entries.
struct RedisStreamSource {
  host::redis::RedisAddress address;
  app::RedisStream stream;  ///< its templates filled in
  bool is_ordered = false;
  std::string component;
  std::shared_ptr<runtime::ServiceSlot> service;
};

struct RedisApp {
  std::vector<RedisSource> sources;
  std::vector<RedisStreamSource> streams;

  [[nodiscard]] bool is_empty() const noexcept { return sources.empty() && streams.empty(); }
  /// What runs for it, one for each trigger.
  [[nodiscard]] std::vector<std::shared_ptr<runtime::ServiceSlot>> services() const;
};

/// The components that some Redis trigger names, each once.
[[nodiscard]] std::vector<std::string> redis_components(
    const std::vector<app::RedisTrigger>& triggers
);

/// Fills in templates and groups triggers by server.
/// @param variables  null: texts are taken as they are
/// @return errors: InvalidInput for an address that is none, in words that hold nothing of it
[[nodiscard]] Result<RedisApp> make_redis_app(
    const std::vector<app::RedisTrigger>& triggers,
    const host::variables::AppVariables* variables,
    const runtime::Services& services
);

/// The start-up lines, with their ends; addresses without credentials.
[[nodiscard]] std::string active_channels(const RedisApp& app);

}  // namespace whorl::trigger
