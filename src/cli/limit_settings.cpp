#include "cli/limit_settings.hpp"

#include "cli/edge_flags.hpp"
#include "cli/up_flags.hpp"
#include "cli/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace whorl::cli {
namespace {

using host::runtime_config::LimitTable;
using std::chrono::milliseconds;

Result<std::uint32_t> parse_count(std::string_view text) {
  constexpr std::uint64_t kMost = 1'000'000;
  WHORL_TRY(const std::uint64_t number, parse_number(text));
  if (number > kMost) {
    return whorl::fail(ErrorKind::InvalidInput, "{} is not in 0..={}", number, kMost);
  }
  return static_cast<std::uint32_t>(number);
}

/// `max_request_cpu` is what `--max-request-cpu` is on the command line.
const FlagSpec& flag_of(std::string_view key) {
  std::string name(key);
  std::ranges::replace(name, '_', '-');
  return up_flag(name);
}

/// Adds the uses of flags that a table stands for.
void add_uses(ScannedArguments& arguments, const LimitTable& table) {
  for (const auto& [key, value] : table) {
    arguments.uses.push_back({.spec = &flag_of(key), .value = value});
  }
}

Result<> checked(FlagReader& reader, std::string_view table) {
  if (reader.error()) {
    return fail(ErrorKind::InvalidInput, "{}", reader.error()->message)
        .context(fmt::format("in [{}]", table));
  }
  return {};
}

}  // namespace

void read_budget_flags(FlagReader& reader, RequestBudgets& out) {
  reader.read("max-instance-memory", parse_number, [&](std::uint64_t bytes) {
    out.instance_memory = bytes;
  });
  reader.read("max-request-cpu", parse_duration, [&](milliseconds time) { out.cpu = time; });
  reader.read("max-response-delay", parse_duration, [&](milliseconds time) {
    out.response_delay = time;
  });
  reader.read("max-component-instances", parse_count, [&](std::uint32_t count) {
    out.component_instances = count;
  });
  reader.read("max-queued-requests", parse_count, [&](std::uint32_t count) {
    out.queued_requests = count;
  });
}

void read_reuse_flags(FlagReader& reader, InstanceReuse& out) {
  reader.read("max-instance-reuse-count", parse_counts, [&](auto counts) { out.events = counts; });
  reader.read("max-instance-concurrent-reuse-count", parse_counts, [&](auto counts) {
    out.at_once = counts;
  });
  reader.read("idle-instance-timeout", parse_durations, [&](auto times) { out.idle = times; });
  reader.read("request-timeout", parse_durations, [&](auto times) { out.request_timeout = times; });
}

Result<> apply_limit_tables(
    const ScannedArguments& arguments,
    const host::runtime_config::RuntimeConfig& config,
    UpRequest& request
) {
  ScannedArguments all = arguments;
  LimitTable unsaid = config.limits;
  std::erase_if(unsaid, [&](const auto& entry) {
    return given(arguments, flag_of(entry.first)).has_value();
  });
  add_uses(all, unsaid);
  FlagReader reader(all);
  read_budget_flags(reader, request.budgets);
  read_edge_limits(reader, request.edge);
  WHORL_CHECKED(checked(reader, "limits"));
  if (!request.budgets.instance_memory) {
    request.budgets.instance_memory = config.max_instance_memory;
  }
  for (const auto& [id, table] : config.component_limits) {
    ScannedArguments own = all;
    add_uses(own, table);
    FlagReader own_reader(own);
    RequestBudgets budgets = request.budgets;
    read_budget_flags(own_reader, budgets);
    WHORL_CHECKED(checked(own_reader, fmt::format("component_limits.{}", id)));
    request.component_budgets.insert_or_assign(id, budgets);
  }
  return {};
}

}  // namespace whorl::cli
