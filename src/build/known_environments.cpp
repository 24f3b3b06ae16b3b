#include "build/known_environments.hpp"

#include "component/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <span>

namespace whorl::build {
namespace {

using Names = std::span<const std::string_view>;

/// WASI 0.2: any of its versions may stand for any other.
constexpr std::array<std::string_view, 31> kWasi2 = {
    "wasi:cli/environment@0.2.6",
    "wasi:cli/exit@0.2.6",
    "wasi:cli/stderr@0.2.6",
    "wasi:cli/stdin@0.2.6",
    "wasi:cli/stdout@0.2.6",
    "wasi:cli/terminal-input@0.2.6",
    "wasi:cli/terminal-output@0.2.6",
    "wasi:cli/terminal-stderr@0.2.6",
    "wasi:cli/terminal-stdin@0.2.6",
    "wasi:cli/terminal-stdout@0.2.6",
    "wasi:clocks/monotonic-clock@0.2.6",
    "wasi:clocks/wall-clock@0.2.6",
    "wasi:filesystem/preopens@0.2.6",
    "wasi:filesystem/types@0.2.6",
    "wasi:http/outgoing-handler@0.2.6",
    "wasi:http/types@0.2.6",
    "wasi:io/error@0.2.6",
    "wasi:io/poll@0.2.6",
    "wasi:io/streams@0.2.6",
    "wasi:random/insecure@0.2.6",
    "wasi:random/insecure-seed@0.2.6",
    "wasi:random/random@0.2.6",
    "wasi:sockets/instance-network@0.2.6",
    "wasi:sockets/ip-name-lookup@0.2.6",
    "wasi:sockets/network@0.2.6",
    "wasi:sockets/tcp@0.2.6",
    "wasi:sockets/tcp-create-socket@0.2.6",
    "wasi:sockets/udp@0.2.6",
    "wasi:sockets/udp-create-socket@0.2.6",
    "wasi:config/store@0.2.0-draft-2024-09-27",
    "spin:postgres/postgres@3.0.0",
};
/// fermyon:spin@2.0.0 and the key-value interfaces of WASI: in every platform since 3.0.
constexpr std::array<std::string_view, 12> kSpin2 = {
    "fermyon:spin/key-value@2.0.0",
    "fermyon:spin/llm@2.0.0",
    "fermyon:spin/mqtt@2.0.0",
    "fermyon:spin/mysql@2.0.0",
    "fermyon:spin/postgres@2.0.0",
    "fermyon:spin/rdbms-types@2.0.0",
    "fermyon:spin/redis@2.0.0",
    "fermyon:spin/sqlite@2.0.0",
    "fermyon:spin/variables@2.0.0",
    "wasi:keyvalue/atomics@0.2.0-draft2",
    "wasi:keyvalue/batch@0.2.0-draft2",
    "wasi:keyvalue/store@0.2.0-draft2",
};
constexpr std::array<std::string_view, 1> kSince32 = {"spin:sqlite/sqlite@3.0.0"};
constexpr std::array<std::string_view, 1> kSince34 = {"spin:postgres/postgres@4.0.0"};
constexpr std::array<std::string_view, 7> kSince40 = {
    "spin:key-value/key-value@3.0.0",
    "spin:mqtt/mqtt@3.0.0",
    "spin:mysql/mysql@3.0.0",
    "spin:postgres/postgres@4.2.0",
    "spin:redis/redis@3.0.0",
    "spin:sqlite/sqlite@3.1.0",
    "spin:variables/variables@3.0.0",
};
/// WASI 0.3; its version follows.
constexpr std::array<std::string_view, 23> kWasi3 = {
    "wasi:cli/environment",     "wasi:cli/exit",
    "wasi:cli/stderr",          "wasi:cli/stdin",
    "wasi:cli/stdout",          "wasi:cli/terminal-input",
    "wasi:cli/terminal-output", "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",  "wasi:cli/terminal-stdout",
    "wasi:cli/types",           "wasi:clocks/monotonic-clock",
    "wasi:clocks/system-clock", "wasi:clocks/types",
    "wasi:filesystem/preopens", "wasi:filesystem/types",
    "wasi:http/client",         "wasi:http/types",
    "wasi:random/insecure",     "wasi:random/insecure-seed",
    "wasi:random/random",       "wasi:sockets/ip-name-lookup",
    "wasi:sockets/types",
};

constexpr std::string_view kHandler2 = "wasi:http/incoming-handler@0.2.0";
constexpr std::string_view kHandler3 = "wasi:http/handler@";
constexpr std::string_view kRedis1 = "fermyon:spin/inbound-redis";
constexpr std::string_view kRedis3 = "spin:redis/inbound-redis@3.0.0";

/// A version of Spin: what its platform has beside that of the version before it.
struct Release {
  std::string_view name;     ///< "3.6"
  std::string_view package;  ///< version of its package `spin:up`
  Names added;
  std::string_view wasi3;  ///< version of WASI 0.3; empty: none
  bool keeps_wasi3;        ///< the version before's is there as well
  bool has_redis;          ///< its worlds name the Redis trigger
};
constexpr std::array kReleases{
    Release{"3.2", "3.2.0", kSince32, "", false, false},
    Release{"3.4", "3.4.0", kSince34, "", false, false},
    Release{"3.5", "3.5.0", {}, "0.3.0-rc-2025-09-16", false, false},
    Release{"3.6", "3.6.0", {}, "0.3.0-rc-2026-01-06", false, false},
    Release{"4.0", "4.0.0", kSince40, "0.3.0-rc-2026-03-15", false, true},
    Release{"4.1", "4.1.0", {}, "0.3.0", true, true},
};
constexpr std::string_view kEnvironmentName = "spin-up";

/// The versions of WASI 0.3 of a release.
std::vector<std::string_view> wasi3_of(std::size_t release) {
  std::vector<std::string_view> out;
  if (kReleases[release].keeps_wasi3) {
    out.push_back(kReleases[release - 1].wasi3);
  }
  if (!kReleases[release].wasi3.empty()) {
    out.push_back(kReleases[release].wasi3);
  }
  return out;
}

std::vector<std::string> platform_of(std::size_t release) {
  std::vector<std::string> out;
  const auto add = [&out](Names names) { out.insert(out.end(), names.begin(), names.end()); };
  add(kWasi2);
  add(kSpin2);
  for (std::size_t i = 0; i <= release; ++i) {
    add(kReleases[i].added);
  }
  for (const std::string_view version : wasi3_of(release)) {
    for (const std::string_view name : kWasi3) {
      out.push_back(fmt::format("{}@{}", name, version));
    }
  }
  return out;
}

component::TypedWorld make_world(const std::vector<std::string>& imports, Names exports) {
  const std::vector<std::string_view> names(imports.begin(), imports.end());
  return component::make_target(names, exports);
}

std::map<std::string, Environment, std::less<>> make_environments() {
  std::map<std::string, Environment, std::less<>> out;
  for (const Release& release : kReleases) {
    const auto world = [&release](std::string_view name) {
      return WorldReference{.world = fmt::format("spin:up/{}@{}", name, release.package)};
    };
    Environment environment;
    environment.triggers["http"] = {{world("http-trigger")}, {"local_service_chaining"}};
    if (release.has_redis) {
      environment.triggers["redis"] = {{world("redis-trigger")}, {}};
    }
    environment.others = TriggerEnvironment{{world("platform")}, {}};
    out.emplace(fmt::format("{}@{}", kEnvironmentName, release.name), std::move(environment));
  }
  return out;
}

}  // namespace

const Environment* known_environment(std::string_view name) {
  static const auto kEnvironments = make_environments();
  const auto found = kEnvironments.find(name);
  return found == kEnvironments.end() ? nullptr : &found->second;
}

std::vector<std::string> known_environment_names() {
  std::vector<std::string> out;
  out.reserve(kReleases.size());
  for (const Release& release : kReleases) {
    out.push_back(fmt::format("{}@{}", kEnvironmentName, release.name));
  }
  return out;
}

std::vector<component::TypedWorld> known_worlds(std::string_view name) {
  const auto parsed = component::parse_interface_name(name);
  if (!parsed) {
    return {};
  }
  const auto release = std::ranges::find(kReleases, parsed->version, &Release::package);
  if (release == kReleases.end()) {
    return {};
  }
  const auto index = static_cast<std::size_t>(release - kReleases.begin());
  const std::vector<std::string> imports = platform_of(index);
  std::vector<component::TypedWorld> out;
  if (parsed->interface == "spin:up/platform") {
    out.push_back(make_world(imports, {}));
  } else if (parsed->interface == "spin:up/http-trigger") {
    // The one that a message is to speak of is the last.
    out.push_back(make_world(imports, std::array{kHandler2}));
    for (const std::string_view version : wasi3_of(index)) {
      const std::string handler = fmt::format("{}{}", kHandler3, version);
      out.push_back(make_world(imports, std::array{std::string_view(handler)}));
    }
  } else if (parsed->interface == "spin:up/redis-trigger" && release->has_redis) {
    out.push_back(make_world(imports, std::array{kRedis1}));
    out.push_back(make_world(imports, std::array{kRedis3}));
  }
  return out;
}

}  // namespace whorl::build
