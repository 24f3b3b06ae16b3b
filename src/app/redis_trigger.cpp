#include "app/redis_trigger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

namespace whorl::app {
namespace {

constexpr std::string_view kType = "redis";

/// A number and what it may be.
struct Number {
  std::optional<std::int64_t>* to;
  std::int64_t most;
};

/// A key of a table, and where its value goes.
struct Key {
  std::string_view name;
  std::variant<std::string*, std::optional<std::string>*, bool*, Number> to;
};

Error wrong_type(const Member& member, std::string_view expected) {
  return fail(
      ErrorKind::InvalidInput,
      "invalid type for `{}`: {}, expected {}",
      member.name,
      member.value.describe(),
      expected
  );
}

Result<void> read_number(const Member& member, const Number& number) {
  const std::int64_t* value = member.value.as_integer();
  if (value == nullptr) {
    return wrong_type(member, "an integer");
  }
  if (*value < 1 || *value > number.most) {
    return fail(
        ErrorKind::InvalidInput,
        "`{}` is to be from 1 to {}, not {}",
        member.name,
        number.most,
        *value
    );
  }
  *number.to = *value;
  return {};
}

Result<void> read_value(const Member& member, const Key& key) {
  if (const auto* number = std::get_if<Number>(&key.to)) {
    return read_number(member, *number);
  }
  if (bool* const* flag = std::get_if<bool*>(&key.to)) {
    const bool* value = member.value.as_bool();
    if (value == nullptr) {
      return wrong_type(member, "a boolean");
    }
    **flag = *value;
    return {};
  }
  const std::string* text = member.value.as_string();
  if (text == nullptr) {
    return wrong_type(member, "a string");
  }
  if (const auto* maybe = std::get_if<std::optional<std::string>*>(&key.to)) {
    **maybe = *text;
  } else {
    *std::get<std::string*>(key.to) = *text;
  }
  return {};
}

/// The values of a table, none but these.
Result<void> read_table(const Value& value, std::span<const Key> keys) {
  const Value::Table* table = value.as_table();
  if (table == nullptr) {
    return fail(ErrorKind::InvalidInput, "invalid type: {}, expected a map", value.describe());
  }
  for (const Member& member : *table) {
    const auto key = std::ranges::find(keys, member.name, &Key::name);
    if (key == keys.end()) {
      return fail(ErrorKind::InvalidInput, "unknown field `{}` of a redis trigger", member.name);
    }
    WHORL_CHECKED(read_value(member, *key));
  }
  return {};
}

/// What only a trigger with a stream may say.
struct StreamKeys {
  std::optional<std::string> name;
  std::optional<std::string> group;
  std::optional<std::string> field;
  std::optional<std::string> dead_letter;
  std::optional<std::int64_t> max_attempts;
  std::optional<std::int64_t> lease_seconds;

  [[nodiscard]] bool has_settings() const noexcept {
    return group || field || dead_letter || max_attempts || lease_seconds;
  }
};

Result<RedisStream> make_stream(
    const StreamKeys& keys, const RedisTrigger& trigger, const LockedApp& app
) {
  for (const auto& [name, text] :
       {std::pair("stream", &keys.name), std::pair("group", &keys.group)}) {
    if (*text && (*text)->empty()) {
      return fail(ErrorKind::InvalidInput, "`{}` is empty", name);
    }
  }
  RedisStream out{
      .name = *keys.name,
      .group = keys.group.value_or(fmt::format("{}-{}", app.name, trigger.component)),
      .field = keys.field.value_or(""),
      .dead_letter = keys.dead_letter.value_or(*keys.name + ":dead"),
  };
  if (keys.max_attempts) {
    out.max_attempts = static_cast<unsigned>(*keys.max_attempts);
  }
  if (keys.lease_seconds) {
    out.lease = std::chrono::seconds(*keys.lease_seconds);
  }
  return out;
}

Result<RedisTrigger> read_trigger(
    const Trigger& trigger, const std::string& address, const LockedApp& app
) {
  RedisTrigger out;
  out.id = trigger.id;
  StreamKeys stream;
  const std::array keys{
      Key{"component", &out.component},
      Key{"channel", &out.channel},
      Key{"address", &out.address},
      Key{"ordered", &out.is_ordered},
      Key{"stream", &stream.name},
      Key{"group", &stream.group},
      Key{"field", &stream.field},
      Key{"dead_letter", &stream.dead_letter},
      Key{"max_attempts", Number{&stream.max_attempts, 1000}},
      Key{"lease_seconds", Number{&stream.lease_seconds, 86'400}},
  };
  WHORL_CHECKED(read_table(trigger.config, keys));
  out.address = out.address.empty() ? address : out.address;
  const auto missing = [](std::string_view name) {
    return fail(ErrorKind::InvalidInput, "missing field `{}`", name);
  };
  if (out.component.empty()) {
    return missing("component");
  }
  if (stream.name && !out.channel.empty()) {
    return fail(ErrorKind::InvalidInput, "`channel` and `stream` exclude each other");
  }
  if (!stream.name && stream.has_settings()) {
    return fail(
        ErrorKind::InvalidInput,
        "`group`, `field`, `max_attempts`, `lease_seconds` and `dead_letter` are for a `stream`"
    );
  }
  if (!stream.name && out.channel.empty()) {
    return missing("channel");
  }
  if (out.address.empty()) {
    return missing("address").with_help("set it in [application.trigger.redis], or in the trigger");
  }
  if (stream.name) {
    WHORL_TRY(out.stream, make_stream(stream, out, app));
  }
  return out;
}

}  // namespace

Result<std::vector<RedisTrigger>> redis_triggers(const LockedApp& app) {
  std::string address;
  if (const Value* globals = app.trigger_globals.find(kType)) {
    // A lock file repeats the type.
    std::string type;
    const std::array keys{Key{"address", &address}, Key{"type", &type}};
    WHORL_CHECKED(read_table(*globals, keys).context("settings of redis triggers"));
  }
  std::vector<RedisTrigger> out;
  for (const Trigger& trigger : app.triggers) {
    if (trigger.type != kType) {
      continue;
    }
    WHORL_TRY(
        RedisTrigger read,
        read_trigger(trigger, address, app).context("redis trigger \"{}\"", trigger.id)
    );
    if (app.find_component(read.component) == nullptr) {
      return fail(ErrorKind::NotFound, "no such component \"{}\"", read.component);
    }
    out.push_back(std::move(read));
  }
  return out;
}

}  // namespace whorl::app
