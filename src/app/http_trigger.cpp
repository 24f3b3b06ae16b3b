#include "app/http_trigger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <unordered_set>

namespace whorl::app {
namespace {

constexpr std::string_view kType = "http";

/// Spin names the failed step and the reason in one line, and the reason again as its cause.
Error shape_error(
    std::string reason, std::source_location where = std::source_location::current()
) {
  std::string top = "json error: " + reason;
  return Error(ErrorKind::InvalidInput, std::move(reason), where).context(std::move(top));
}

Error type_error(const Value& value, std::string_view expected) {
  return shape_error(fmt::format("invalid type: {}, expected {}", value.describe(), expected));
}

std::string list_of(std::span<const std::string_view> names) {
  std::string out;
  for (const std::string_view name : names) {
    const bool is_first = out.empty();
    out += is_first ? "" : names.size() == 2 ? " or " : ", ";
    out += fmt::format("`{}`", name);
  }
  return names.size() > 2 ? "one of " + out : out;
}

Result<void> refuse_unknown(const Value::Table& table, std::span<const std::string_view> known) {
  for (const Member& member : table) {
    if (std::ranges::find(known, member.name) == known.end()) {
      return shape_error(fmt::format("unknown field `{}`, expected {}", member.name, list_of(known))
      );
    }
  }
  return {};
}

Result<std::string> read_string(const Value& value) {
  if (const std::string* text = value.as_string()) {
    return *text;
  }
  return type_error(value, "a string");
}

Result<std::uint16_t> read_status(const Value& value) {
  const std::int64_t* number = value.as_integer();
  if (number == nullptr) {
    return type_error(value, "u16");
  }
  if (*number < 0 || *number > UINT16_MAX) {
    return shape_error(fmt::format("invalid value: {}, expected u16", value.describe()));
  }
  return static_cast<std::uint16_t>(*number);
}

Result<StaticResponse> read_static_response(const Value& value) {
  const Value::Table* table = value.as_table();
  if (table == nullptr) {
    return type_error(value, "struct StaticResponse");
  }
  StaticResponse response;
  for (const Member& member : *table) {
    if (member.name == "status_code") {
      WHORL_TRY(response.status, read_status(member.value));
    } else if (member.name == "body") {
      WHORL_TRY(response.body, read_string(member.value));
    } else if (member.name == "headers") {
      const Value::Table* headers = member.value.as_table();
      if (headers == nullptr) {
        return type_error(member.value, "a map");
      }
      for (const Member& header : *headers) {
        WHORL_TRY(std::string text, read_string(header.value));
        response.headers.emplace_back(header.name, std::move(text));
      }
    }
  }
  return response;
}

Result<std::optional<WagiExecutor>> read_executor(const Value& value) {
  static constexpr std::array<std::string_view, 3> kExecutors{"http", "spin", "wagi"};
  static constexpr std::array<std::string_view, 2> kWagiKeys{"entrypoint", "argv"};
  const Value::Table* table = value.as_table();
  if (table == nullptr) {
    return type_error(value, "internally tagged enum HttpExecutorType");
  }
  const Value* type = value.find("type");
  if (type == nullptr) {
    return shape_error("missing field `type`");
  }
  WHORL_TRY(const std::string name, read_string(*type));
  if (std::ranges::find(kExecutors, name) == kExecutors.end()) {
    return shape_error(fmt::format("unknown variant `{}`, expected {}", name, list_of(kExecutors)));
  }
  if (name != "wagi") {
    return std::optional<WagiExecutor>();
  }
  Value::Table rest = *table;
  std::erase_if(rest, [](const Member& member) { return member.name == "type"; });
  WHORL_CHECKED(refuse_unknown(rest, kWagiKeys));
  WagiExecutor wagi;
  if (const Value* argv = value.find("argv")) {
    WHORL_TRY(wagi.argv, read_string(*argv));
  }
  if (const Value* entrypoint = value.find("entrypoint")) {
    WHORL_TRY(wagi.entrypoint, read_string(*entrypoint));
  }
  return std::optional(std::move(wagi));
}

/// A pattern, or `{private = true}`. The trigger's other parts have been read.
Result<void> read_route(const Value& value, HttpTrigger& trigger) {
  if (const std::string* pattern = value.as_string()) {
    trigger.route = *pattern;
    return {};
  }
  const Value* flag = value.find("private");
  const bool* is_private = flag == nullptr ? nullptr : flag->as_bool();
  if (is_private == nullptr || value.as_table()->size() != 1) {
    return shape_error("data did not match any variant of untagged enum HttpTriggerRouteConfig");
  }
  if (!*is_private) {
    return fail(
        ErrorKind::InvalidInput,
        "route must be a string pattern or '{{ private = true }}': '{}' has {{ private = false }}",
        trigger.listing_id()
    );
  }
  trigger.visibility = HttpTrigger::Visibility::Private;
  return {};
}

Result<HttpTrigger> read_trigger(const Trigger& trigger) {
  static constexpr std::array<std::string_view, 4> kKeys{
      "component", "static_response", "route", "executor"
  };
  HttpTrigger out;
  out.id = trigger.id;
  const Value::Table* table = trigger.config.as_table();
  if (table == nullptr) {
    return type_error(trigger.config, "a map");
  }
  WHORL_CHECKED(refuse_unknown(*table, kKeys));
  for (const Member& member : *table) {
    if (member.name == "component") {
      WHORL_TRY(out.component, read_string(member.value));
    } else if (member.name == "static_response") {
      WHORL_TRY(out.static_response, read_static_response(member.value));
    } else if (member.name == "executor") {
      WHORL_TRY(out.wagi, read_executor(member.value));
    }
  }
  const Value* route = trigger.config.find("route");
  if (route == nullptr) {
    return shape_error("missing field `route`");
  }
  WHORL_CHECKED(read_route(*route, out));
  return out;
}

using Ids = std::unordered_set<std::string_view>;

Result<void> check_target(const HttpTrigger& trigger, const Ids& components) {
  const bool has_component = !trigger.component.empty();
  if (has_component == trigger.static_response.has_value()) {
    return fail(
        ErrorKind::InvalidInput,
        "Triggers must specify either component or static_response - {} has {}",
        trigger.id,
        has_component ? "both" : "neither"
    );
  }
  if (has_component && !components.contains(trigger.component)) {
    return fail(ErrorKind::NotFound, "no such component \"{}\"", trigger.component);
  }
  if (trigger.wagi && trigger.wagi->entrypoint && *trigger.wagi->entrypoint != "_start") {
    return fail(
        ErrorKind::InvalidInput,
        "Wagi component '{}' cannot use deprecated 'entrypoint' field",
        trigger.component
    );
  }
  return {};
}

Error globals_error(std::string_view reason) {
  return fail(
      ErrorKind::InvalidInput,
      "metadata error: invalid metadata value for \"http\": Error(\"{}\", line: 0, column: 0)",
      reason
  );
}

}  // namespace

Result<void> check_http_globals(const LockedApp& app) {
  const Value* globals = app.trigger_globals.find(kType);
  if (globals == nullptr || globals->as_table() == nullptr) {
    return {};
  }
  for (const Member& member : *globals->as_table()) {
    if (member.name != "base") {
      return globals_error(fmt::format("unknown field `{}`, expected `base`", member.name));
    }
    const std::string* base = member.value.as_string();
    if (base == nullptr) {
      return globals_error(
          fmt::format("invalid type: {}, expected a string", member.value.describe())
      );
    }
    if (*base != "/") {
      return fail(
          ErrorKind::InvalidInput,
          "This application is using the deprecated trigger 'base' field. The base must be "
          "prepended to each [[trigger.http]]'s 'route'."
      );
    }
  }
  return {};
}

Result<std::vector<HttpTrigger>> http_triggers(const LockedApp& app) {
  std::vector<HttpTrigger> out;
  for (const Trigger& trigger : app.triggers) {
    if (trigger.type == kType) {
      WHORL_TRY(HttpTrigger read, read_trigger(trigger));
      out.push_back(std::move(read));
    }
  }
  Ids components;
  for (const Component& component : app.components) {
    components.insert(component.id);
  }
  for (const HttpTrigger& trigger : out) {
    WHORL_CHECKED(check_target(trigger, components));
  }
  return out;
}

}  // namespace whorl::app
