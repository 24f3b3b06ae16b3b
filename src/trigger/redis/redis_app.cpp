#include "trigger/redis/redis_app.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace whorl::trigger {
namespace {

Result<std::string> resolve(
    const std::string& text, std::string_view what, const host::variables::AppVariables* variables
) {
  if (variables == nullptr) {
    return text;
  }
  return variables->expand(text).context("failed to resolve redis trigger {}", what);
}

RedisSource& source_for(RedisApp& app, host::redis::RedisAddress address) {
  const auto found = std::ranges::find(app, address, &RedisSource::address);
  if (found != app.end()) {
    return *found;
  }
  app.push_back({.address = std::move(address), .channels = {}});
  return app.back();
}

}  // namespace

std::vector<std::string> redis_components(const std::vector<app::RedisTrigger>& triggers) {
  std::vector<std::string> ids;
  for (const app::RedisTrigger& trigger : triggers) {
    if (std::ranges::find(ids, trigger.component) == ids.end()) {
      ids.push_back(trigger.component);
    }
  }
  return ids;
}

Result<RedisApp> make_redis_app(
    const std::vector<app::RedisTrigger>& triggers,
    const host::variables::AppVariables* variables,
    const runtime::Services& services
) {
  RedisApp app;
  for (const app::RedisTrigger& trigger : triggers) {
    WHORL_TRY(const std::string text, resolve(trigger.address, "address", variables));
    WHORL_TRY(const std::string channel, resolve(trigger.channel, "channel", variables));
    WHORL_TRY(
        auto address,
        host::redis::parse_redis_address(text).context("redis trigger \"{}\"", trigger.id)
    );
    const auto service = services.find(trigger.component);
    if (service == services.end()) {
      return fail(ErrorKind::NotFound, "no such component \"{}\"", trigger.component);
    }
    RedisChannel& target = source_for(app, std::move(address)).channels[channel];
    target.components.push_back(trigger.component);
    target.services.push_back(service->second);
  }
  return app;
}

std::string active_channels(const RedisApp& app) {
  std::string text;
  for (const RedisSource& source : app) {
    const std::string place = source.address.url.to_destination();
    text += fmt::format("Active Channels on {}:\n", place);
    for (const auto& [channel, target] : source.channels) {
      text += fmt::format("\t{}/{}: [{}]\n", place, channel, fmt::join(target.components, ","));
    }
  }
  return text;
}

}  // namespace whorl::trigger
