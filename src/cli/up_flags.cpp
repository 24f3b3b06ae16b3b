#include "cli/up_flags.hpp"

#include "cli/edge_flags.hpp"
#include "cli/engine_environment.hpp"
#include "cli/flag_reader.hpp"
#include "cli/limit_settings.hpp"
#include "cli/values.hpp"
#include "cli/variable_flags.hpp"
#include "fs/file.hpp"
#include "log/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace whorl::cli {
namespace {

constexpr std::uint64_t kMaxThreads = 1024;

void read_limits(FlagReader& reader, UpRequest& request) {
  read_budget_flags(reader, request.budgets);
  read_reuse_flags(reader, request.budgets.reuse);
  const auto parse_threads = [](std::string_view text) -> Result<std::uint64_t> {
    WHORL_TRY(const std::uint64_t number, parse_number(text));
    if (number < 1 || number > kMaxThreads) {
      return whorl::fail(ErrorKind::InvalidInput, "{} is not in 1..={}", number, kMaxThreads);
    }
    return number;
  };
  reader.read("threads", parse_threads, [&](std::uint64_t number) {
    request.threads = static_cast<unsigned>(number);
  });
}

/// Two flags that exclude each other, the one that was said first in front.
UsageError conflict_in(
    const ScannedArguments& arguments, std::string_view one, std::string_view other
) {
  const auto first = std::ranges::find_if(arguments.uses, [&](const FlagUse& use) {
    return use.spec->name == one || use.spec->name == other;
  });
  if (first != arguments.uses.end() && first->spec->name == other) {
    std::swap(one, other);
  }
  return conflict(up_flag(one), up_flag(other), std::string(kTriggerUsage));
}

void read_output(FlagReader& reader, const ScannedArguments& arguments, UpRequest& request) {
  request.format = arguments.values("format") == std::vector<std::string>{"json"}
                       ? StartupFormat::Json
                       : StartupFormat::Plain;
  request.log_files = reader.is_on("truncate-logs") ? LogFiles::Truncate : LogFiles::Append;
  request.follow = arguments.values("follow");
  request.is_quiet = arguments.has("quiet");
  if (request.is_quiet && !request.follow.empty()) {
    reader.fail(conflict_in(arguments, "quiet", "follow"));
  }
}

/// A folder of the runtime config; an empty text means none.
Result<std::optional<std::string>> absolute_or_none(const std::string& path) {
  if (path.empty()) {
    return std::optional<std::string>();
  }
  WHORL_TRY(std::string absolute, fs::absolute(path));
  return std::optional(std::move(absolute));
}

/// Smaller than what servers and clients take for granted makes no sense, larger invites abuse.
Result<std::uint64_t> parse_head_size(std::string_view text) {
  constexpr std::uint64_t kLeast = 8192;
  constexpr std::uint64_t kMost = std::uint64_t{16} << 20;
  WHORL_TRY(const std::uint64_t bytes, parse_number(text));
  if (bytes < kLeast || bytes > kMost) {
    return whorl::fail(ErrorKind::InvalidInput, "{} is not in {}..={}", bytes, kLeast, kMost);
  }
  return bytes;
}

void read_telemetry(FlagReader& reader, const ScannedArguments& arguments, UpRequest& request) {
  TelemetryRequest& telemetry = request.telemetry;
  if (given(arguments, up_flag("access-log")) == "-") {
    telemetry.access_log = "-";
  } else {
    telemetry.access_log = reader.path("access-log").value_or("");
  }
  const auto parse_format = [](std::string_view text) -> Result<AccessLogFormat> {
    if (text == "text") {
      return AccessLogFormat::Text;
    }
    if (text == "json") {
      return AccessLogFormat::Json;
    }
    return whorl::fail(ErrorKind::InvalidInput, "it is text or json");
  };
  reader.read("access-log-format", parse_format, [&](AccessLogFormat format) {
    telemetry.access_log_format = format;
  });
  reader.read("metrics-listen", parse_listen_address, [&](ListenAddress address) {
    telemetry.metrics_listen = std::move(address);
  });
  telemetry.has_guest_otel = arguments.has("experimental-wasi-otel");
}

/// What is put into stores and databases before anything is served.
void read_state_flags(FlagReader& reader, const ScannedArguments& arguments, UpRequest& request) {
  const FlagSpec& spec = up_flag("key-value");
  for (const std::string& text : arguments.values(spec.name)) {
    auto pair = parse_key_value(text);
    if (pair) {
      request.key_values.push_back(*std::move(pair));
    } else {
      reader.fail(invalid_value(spec, text, pair.error().message()));
    }
  }
  request.sqlite_statements = arguments.values("sqlite");
}

/// Checks the form; what files hold is read later.
void read_variable_flags(FlagReader& reader, const ScannedArguments& arguments, TriggerFlags& out) {
  const FlagSpec& spec = up_flag("variable");
  out.variables = arguments.values(spec.name);
  for (const std::string& text : out.variables) {
    if (const auto known = check_variable(text); !known) {
      reader.fail(invalid_value(spec, text, known.error().message()));
    }
  }
}

}  // namespace

Understood<OwnFlags> read_own_flags(const ScannedArguments& arguments) {
  OwnFlags out;
  const FlagSpec* source = nullptr;
  for (const FlagUse& use : arguments.uses) {
    const std::string_view name = use.spec->name;
    const bool is_source = name == "from" || name == "from-file" || name == "from-registry";
    if (is_source && source != nullptr) {
      return conflict(
          *source,
          *use.spec,
          source->name == "from" ? fmt::format("whorl up {}", source->to_text())
                                 : std::string(kUpUsage)
      );
    }
    if (is_source) {
      source = use.spec;
      out.from = use.value;
      out.source = name == "from"        ? OwnFlags::Source::Any
                   : name == "from-file" ? OwnFlags::Source::File
                                         : OwnFlags::Source::Registry;
    } else if (name == "env") {
      auto pair = parse_environment(use.value);
      if (!pair) {
        return invalid_value(*use.spec, use.value, pair.error().message());
      }
      out.environment.push_back(*std::move(pair));
    }
  }
  const auto last_of = [&](std::string_view name) {
    auto values = arguments.values(name);
    return values.empty() ? std::string() : std::move(values.back());
  };
  out.components = arguments.values("component-id");
  out.profile = last_of("profile");
  out.temp = last_of("temp");
  out.cache_dir = last_of("cache-dir");
  out.direct_mounts = arguments.has("direct-mounts");
  out.transient_write = arguments.has("allow-transient-write");
  FlagReader reader(arguments);
  out.build = reader.is_on("build");
  if (reader.error()) {
    return *std::move(reader.error());
  }
  return out;
}

Understood<TriggerFlags> read_trigger_flags(const ScannedArguments& arguments) {
  TriggerFlags out;
  out.arguments = arguments;
  UpRequest& request = out.request;
  FlagReader reader(arguments);
  read_output(reader, arguments, request);
  request.port_search = reader.is_on("find-free-port") ? PortSearch::FindFree : PortSearch::Off;
  request.code_cache = reader.is_on("disable-cache") ? CodeCache::Disabled : CodeCache::Enabled;
  request.allocation = reader.is_on("disable-pooling") ? Allocation::OnDemand : Allocation::Pooling;
  request.purpose = arguments.has("precompile") ? Purpose::Precompile : Purpose::Serve;
  request.debug_info = reader.is_on("debug-info") ? DebugInfo::On : DebugInfo::Off;
  read_limits(reader, request);
  read_telemetry(reader, arguments, request);
  read_variable_flags(reader, arguments, out);
  read_state_flags(reader, arguments, request);
  const auto keep = [](std::string& out) {
    return [&out](std::string text) { out = std::move(text); };
  };
  const auto as_text = [](std::string_view text) { return Result<std::string>(std::string(text)); };
  reader.read("runtime-config-file", as_text, keep(out.runtime_config_file));
  reader.read("cache", as_text, keep(out.cache_file));
  if (arguments.has("cache") && arguments.has("disable-cache")) {
    reader.fail(conflict_in(arguments, "cache", "disable-cache"));
  }
  if (arguments.has("precompile") && request.code_cache == CodeCache::Disabled) {
    reader.fail(
        conflict(up_flag("precompile"), up_flag("disable-cache"), std::string(kTriggerUsage))
    );
  }
  reader.read("http1-max-buf-size", parse_head_size, [&](std::uint64_t bytes) {
    request.max_head_bytes = bytes;
  });
  read_edge_flags(reader, request.edge);
  for (const ListenTarget& target : request.edge.listen) {
    if (target.unix_path.empty()) {
      request.listen = target.address;
      break;
    }
  }
  request.log_dir = reader.path("log-dir");
  request.state_dir = reader.path("state-dir");
  out.has_state_dir = request.state_dir.has_value();
  if (request.state_dir && request.state_dir->empty()) {
    request.state_dir.reset();
  }
  if (reader.error()) {
    return *std::move(reader.error());
  }
  return out;
}

Result<void> apply_settings(TriggerFlags& flags) {
  UpRequest& request = flags.request;
  WHORL_TRY(const EngineEnvironment engine, read_engine_environment());
  request.max_instances = engine.max_instances;
  if (engine.allocation && request.allocation == Allocation::Pooling) {
    request.allocation = *engine.allocation;
  }
  for (const std::string& name : engine.ignored) {
    log::write_all(
        2, fmt::format("Warning: the environment variable {} has no effect here\n", name)
    );
  }
  if (!flags.cache_file.empty() && request.code_cache == CodeCache::Enabled) {
    WHORL_TRY(CacheConfig cache, read_cache_config(flags.cache_file));
    request.code_cache = cache.is_enabled ? CodeCache::Enabled : CodeCache::Disabled;
    request.code_cache_dir = std::move(cache.directory);
  }
  if (flags.runtime_config_file.empty()) {
    return {};
  }
  WHORL_TRY(RuntimeConfig config, read_runtime_config(flags.runtime_config_file));
  flags.providers = std::move(config.providers);
  request.runtime_config = std::move(config.all);
  request.runtime_config_file = flags.runtime_config_file;
  WHORL_CHECKED(apply_limit_tables(flags.arguments, *request.runtime_config, request));
  if (config.state_dir && !flags.has_state_dir) {
    flags.has_state_dir = true;
    WHORL_TRY(request.state_dir, absolute_or_none(*config.state_dir));
  }
  if (config.log_dir && !request.log_dir) {
    WHORL_TRY(request.log_dir, absolute_or_none(*config.log_dir));
    flags.has_log_dir = true;
  }
  return {};
}

void apply_default_folders(TriggerFlags& flags, const app::LockedApp& app) {
  UpRequest& request = flags.request;
  if (!flags.has_state_dir && app.app_dir) {
    request.state_dir = fs::join(*app.app_dir, ".spin");
  }
  if (!request.log_dir && !flags.has_log_dir && request.state_dir) {
    request.log_dir = fs::join(*request.state_dir, "logs");
  }
}

}  // namespace whorl::cli
