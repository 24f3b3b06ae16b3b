#include "trigger/redis/redis_app.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
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

/// An ordered channel has a connection of its own.
RedisSource& source_for(
    RedisApp& app, host::redis::RedisAddress address, const std::string& channel, bool is_ordered
) {
  const auto found = std::ranges::find_if(app.sources, [&](const RedisSource& source) {
    return source.address == address && source.is_ordered == is_ordered &&
           (!is_ordered || source.channels.contains(channel));
  });
  if (found != app.sources.end()) {
    return *found;
  }
  app.sources.push_back({.address = std::move(address), .channels = {}, .is_ordered = is_ordered});
  return app.sources.back();
}

Result<app::RedisStream> resolve_stream(
    const app::RedisStream& stream, const host::variables::AppVariables* variables
) {
  app::RedisStream out = stream;
  WHORL_TRY(out.name, resolve(stream.name, "stream", variables));
  WHORL_TRY(out.group, resolve(stream.group, "group", variables));
  WHORL_TRY(out.dead_letter, resolve(stream.dead_letter, "dead_letter", variables));
  return out;
}

/// One heading for each server, and its lines.
using Listing =
    std::vector<std::pair<std::string, std::map<std::string, std::vector<std::string>>>>;

void list(
    Listing& listing,
    const host::redis::RedisAddress& address,
    const std::string& name,
    const std::vector<std::string>& components
) {
  const std::string place = address.url.to_destination();
  auto entry = std::ranges::find(listing, place, [](const auto& each) { return each.first; });
  if (entry == listing.end()) {
    listing.emplace_back(place, std::map<std::string, std::vector<std::string>>());
    entry = std::prev(listing.end());
  }
  auto& all = entry->second[name];
  all.insert(all.end(), components.begin(), components.end());
}

std::string to_text(const Listing& listing, std::string_view what) {
  std::string text;
  for (const auto& [place, lines] : listing) {
    text += fmt::format("Active {} on {}:\n", what, place);
    for (const auto& [name, components] : lines) {
      text += fmt::format("\t{}/{}: [{}]\n", place, name, fmt::join(components, ","));
    }
  }
  return text;
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

std::vector<std::shared_ptr<runtime::ServiceSlot>> RedisApp::services() const {
  std::vector<std::shared_ptr<runtime::ServiceSlot>> all;
  for (const RedisSource& source : sources) {
    for (const auto& [name, channel] : source.channels) {
      all.insert(all.end(), channel.services.begin(), channel.services.end());
    }
  }
  for (const RedisStreamSource& stream : streams) {
    all.push_back(stream.service);
  }
  return all;
}

Result<RedisApp> make_redis_app(
    const std::vector<app::RedisTrigger>& triggers,
    const host::variables::AppVariables* variables,
    const runtime::Services& services
) {
  RedisApp app;
  for (const app::RedisTrigger& trigger : triggers) {
    WHORL_TRY(const std::string text, resolve(trigger.address, "address", variables));
    WHORL_TRY(
        auto address,
        host::redis::parse_redis_address(text).context("redis trigger \"{}\"", trigger.id)
    );
    const auto service = services.find(trigger.component);
    if (service == services.end()) {
      return fail(ErrorKind::NotFound, "no such component \"{}\"", trigger.component);
    }
    if (trigger.stream) {
      WHORL_TRY(auto stream, resolve_stream(*trigger.stream, variables));
      app.streams.push_back(
          {std::move(address),
           std::move(stream),
           trigger.is_ordered,
           trigger.component,
           service->second}
      );
      continue;
    }
    WHORL_TRY(const std::string channel, resolve(trigger.channel, "channel", variables));
    RedisChannel& target =
        source_for(app, std::move(address), channel, trigger.is_ordered).channels[channel];
    target.components.push_back(trigger.component);
    target.services.push_back(service->second);
  }
  return app;
}

std::string active_channels(const RedisApp& app) {
  Listing channels;
  Listing streams;
  for (const RedisSource& source : app.sources) {
    for (const auto& [channel, target] : source.channels) {
      list(channels, source.address, channel, target.components);
    }
  }
  for (const RedisStreamSource& source : app.streams) {
    list(streams, source.address, source.stream.name, {source.component});
  }
  return to_text(channels, "Channels") + to_text(streams, "Streams");
}

}  // namespace whorl::trigger
