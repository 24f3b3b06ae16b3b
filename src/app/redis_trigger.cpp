#include "app/redis_trigger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>

namespace whorl::app {
namespace {

constexpr std::string_view kType = "redis";

/// The texts of a table, none but these.
Result<void> read_texts(
    const Value& value, std::span<const std::pair<std::string_view, std::string*>> keys
) {
  const Value::Table* table = value.as_table();
  if (table == nullptr) {
    return fail(ErrorKind::InvalidInput, "invalid type: {}, expected a map", value.describe());
  }
  for (const Member& member : *table) {
    const auto key =
        std::ranges::find(keys, member.name, [](const auto& pair) { return pair.first; });
    if (key == keys.end()) {
      return fail(ErrorKind::InvalidInput, "unknown field `{}` of a redis trigger", member.name);
    }
    const std::string* text = member.value.as_string();
    if (text == nullptr) {
      return fail(
          ErrorKind::InvalidInput,
          "invalid type for `{}`: {}, expected a string",
          member.name,
          member.value.describe()
      );
    }
    *key->second = *text;
  }
  return {};
}

Result<RedisTrigger> read_trigger(const Trigger& trigger, const std::string& address) {
  RedisTrigger out;
  out.id = trigger.id;
  const std::pair<std::string_view, std::string*> keys[] = {
      {"component", &out.component}, {"channel", &out.channel}, {"address", &out.address}
  };
  WHORL_CHECKED(read_texts(trigger.config, keys));
  out.address = out.address.empty() ? address : out.address;
  for (const auto& [name, text] : keys) {
    if (text->empty()) {
      return fail(ErrorKind::InvalidInput, "missing field `{}`", name)
          .with_help(
              name == "address" ? "set it in [application.trigger.redis], or in the trigger" : ""
          );
    }
  }
  return out;
}

}  // namespace

Result<std::vector<RedisTrigger>> redis_triggers(const LockedApp& app) {
  std::string address;
  if (const Value* globals = app.trigger_globals.find(kType)) {
    // A lock file repeats the type.
    std::string type;
    const std::pair<std::string_view, std::string*> keys[] = {
        {"address", &address}, {"type", &type}
    };
    WHORL_CHECKED(read_texts(*globals, keys).context("settings of redis triggers"));
  }
  std::vector<RedisTrigger> out;
  for (const Trigger& trigger : app.triggers) {
    if (trigger.type != kType) {
      continue;
    }
    WHORL_TRY(
        RedisTrigger read,
        read_trigger(trigger, address).context("redis trigger \"{}\"", trigger.id)
    );
    if (app.find_component(read.component) == nullptr) {
      return fail(ErrorKind::NotFound, "no such component \"{}\"", read.component);
    }
    out.push_back(std::move(read));
  }
  return out;
}

}  // namespace whorl::app
