#include "run_options.hpp"

#include "fs/file.hpp"
#include "http/connection_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace whorl {

component::LoadOptions load_options() {
  component::LoadOptions options;
  const auto is_off = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && std::string_view(value) == "0";
  };
  if (is_off("WHORL_NATIVE_PREVIEW1")) {
    options.adapters = component::AdapterMode::AsShipped;
  }
  if (is_off("WHORL_ELIDE_SHIMS")) {
    options.shims = component::ShimMode::Faithful;
  }
  return options;
}

std::uint32_t default_instances_of(std::size_t components, std::uint32_t instances) noexcept {
  return components < 2 ? 0 : std::max(instances / 4 * 3, 1U);
}

namespace {

/// What Spin does where one of the two flags is given.
constexpr std::uint32_t kReusedByDefault = 128;
constexpr std::uint32_t kAtOnceByDefault = 16;

template <class T>
runtime::Between<T> between(const cli::DrawnFrom<T>& drawn) {
  return {drawn.least, drawn.most};
}

runtime::ReuseLimits reuse_of(const cli::InstanceReuse& asked) {
  runtime::ReuseLimits reuse;
  reuse.idle = between(asked.idle);
  if (asked.request_timeout) {
    reuse.timeout = between(*asked.request_timeout);
  }
  if (asked.events || asked.at_once) {
    const cli::DrawnFrom<std::uint32_t> all{kReusedByDefault, kReusedByDefault};
    const cli::DrawnFrom<std::uint32_t> at_once{kAtOnceByDefault, kAtOnceByDefault};
    reuse.events = between(asked.events.value_or(all));
    reuse.at_once = between(asked.at_once.value_or(at_once));
  }
  return reuse;
}

}  // namespace

runtime::Limits limits_of(const cli::RequestBudgets& budgets, std::uint32_t default_instances) {
  runtime::Limits limits;
  limits.cpu = budgets.cpu;
  limits.response_delay = budgets.response_delay;
  limits.component_instances = budgets.component_instances.value_or(default_instances);
  limits.queued = budgets.queued_requests;
  limits.reuse = reuse_of(budgets.reuse);
  if (budgets.instance_memory) {
    limits.memory_bytes = *budgets.instance_memory;
  }
  // For who wants to measure, or doubts, what a reset restores.
  const char* keep = std::getenv("WHORL_KEEP_INSTANCES");
  limits.keep_instances = keep == nullptr || std::string_view(keep) != "0";
  if (const char* audit = std::getenv("WHORL_AUDIT_RESETS")) {
    (void)std::from_chars(audit, audit + std::strlen(audit), limits.audit_every);
  }
  return limits;
}

http::ClientOptions client_options(const cli::UpRequest& request) {
  http::ClientOptions options;
  // As with Spin: the one place that guests reach by HTTP/2 without TLS.
  if (const char* authority = std::getenv("SPIN_OUTBOUND_H2C_PRIOR_KNOWLEDGE")) {
    options.http2_authority = authority;
  }
  if (request.runtime_config != nullptr) {
    options.blocked = request.runtime_config->blocked_networks;
    if (!request.runtime_config->http_connection_pooling) {
      options.max_idle = 0;
    }
    if (const auto most = request.runtime_config->max_connections.http) {
      options.limits = {std::make_shared<http::ConnectionLimit>(*most)};
    }
    for (const auto& tls : request.runtime_config->client_tls) {
      // The system's roots stand for both sets that Spin knows (docs/differences.md).
      options.tls_rules.push_back(
          {.component_ids = tls.component_ids,
           .hosts = tls.hosts,
           .tls =
               {
                   .system_roots = tls.use_platform_roots || tls.use_webpki_roots,
                   .extra_roots_file = tls.roots_file.value_or(""),
                   .certificate_file = tls.certificate_file.value_or(""),
                   .private_key_file = tls.private_key_file.value_or(""),
               }}
      );
    }
  }
  return options;
}

std::string runtime_config_lines(const cli::UpRequest& request) {
  std::string lines;
  if (request.runtime_config == nullptr) {
    return lines;
  }
  for (const std::string& warning : request.runtime_config->warnings) {
    lines += "Warning: " + warning + "\n";
  }
  if (!request.runtime_config->summary.empty()) {
    lines += fmt::format(
        "Using runtime config {} from {}\n",
        request.runtime_config->summary,
        fs::quote_path(request.runtime_config_file)
    );
  }
  return lines;
}

log::GuestOutputOptions output_options(const cli::UpRequest& request) {
  return log::GuestOutputOptions{
      .directory = request.log_dir,
      .truncate = request.log_files == cli::LogFiles::Truncate,
      .quiet = request.is_quiet,
      .follow = request.follow,
  };
}

}  // namespace whorl
