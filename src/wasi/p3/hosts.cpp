#include "wasi/p3/hosts.hpp"

#include "base/check.hpp"
#include "wit/wasi_cli_types_p3.hpp"
#include "wit/wasi_clocks_types_p3.hpp"

namespace whorl::wasi::p3 {
namespace {

// In the order of P3Hosts::objects().
constexpr std::array<const component::HostInterface*, kInterfaceCount> kInterfaces{
    &wit::wasi_cli_environment_p3::kInterface,
    &wit::wasi_cli_exit_p3::kInterface,
    &wit::wasi_cli_types_p3::kInterface,
    &wit::wasi_cli_stdin_p3::kInterface,
    &wit::wasi_cli_stdout_p3::kInterface,
    &wit::wasi_cli_stderr_p3::kInterface,
    &wit::wasi_cli_terminal_input_p3::kInterface,
    &wit::wasi_cli_terminal_output_p3::kInterface,
    &wit::wasi_cli_terminal_stdin_p3::kInterface,
    &wit::wasi_cli_terminal_stdout_p3::kInterface,
    &wit::wasi_cli_terminal_stderr_p3::kInterface,
    &wit::wasi_clocks_types_p3::kInterface,
    &wit::wasi_clocks_monotonic_clock_p3::kInterface,
    &wit::wasi_clocks_system_clock_p3::kInterface,
    &wit::wasi_filesystem_preopens_p3::kInterface,
    &wit::wasi_filesystem_types_p3::kInterface,
    &wit::wasi_http_types_p3::kInterface,
    &wit::wasi_http_client_p3::kInterface,
    &wit::wasi_random_random_p3::kInterface,
    &wit::wasi_random_insecure_p3::kInterface,
    &wit::wasi_random_insecure_seed_p3::kInterface,
    &wit::wasi_sockets_types_p3::kInterface,
    &wit::wasi_sockets_ip_name_lookup_p3::kInterface,
};

/// The thunks of an interface expect a pointer to its Host class.
template <class Host>
void* as(Host& host) noexcept {
  return &host;
}

/// The release candidate's: the same functions and resources under another version.
const std::array<component::HostInterface, kInterfaceCount>& candidates() {
  static const auto all = [] {
    std::array<component::HostInterface, kInterfaceCount> made{};
    for (std::size_t i = 0; i < kInterfaceCount; ++i) {
      made[i] = *kInterfaces[i];
      made[i].version = kReleaseCandidate;
    }
    return made;
  }();
  return all;
}

}  // namespace

Slots register_p3(component::HostRegistry& registry) {
  Slots registered;
  for (std::size_t i = 0; i < kInterfaceCount; ++i) {
    registered.slots[i] = registry.add(*kInterfaces[i]);
    registered.candidate[i] = registry.add(candidates()[i]);
  }
  return registered;
}

P3Hosts::P3Hosts(p2::P2Hosts& older)
    : older_(older),
      stdin_(older.context()),
      stdout_(older.context()),
      stderr_(older.context()),
      monotonic_clock_(older.context().timers),
      system_clock_(older.context().timers),
      preopens_(older.surroundings(), older.context()),
      http_types_(older.surroundings()),
      http_client_(older.surroundings(), older.context()),
      socket_types_(older.surroundings(), older.socket_access()),
      ip_name_lookup_(older.socket_access()) {}

std::array<void*, kInterfaceCount> P3Hosts::objects() noexcept {
  return {
      as<wit::wasi_cli_environment_p3::Host>(older_.environment()),
      as<wit::wasi_cli_exit_p3::Host>(older_.exit()),
      nullptr,
      as<wit::wasi_cli_stdin_p3::Host>(stdin_),
      as<wit::wasi_cli_stdout_p3::Host>(stdout_),
      as<wit::wasi_cli_stderr_p3::Host>(stderr_),
      nullptr,
      nullptr,
      as<wit::wasi_cli_terminal_stdin_p3::Host>(terminal_stdin_),
      as<wit::wasi_cli_terminal_stdout_p3::Host>(terminal_stdout_),
      as<wit::wasi_cli_terminal_stderr_p3::Host>(terminal_stderr_),
      nullptr,
      as<wit::wasi_clocks_monotonic_clock_p3::Host>(monotonic_clock_),
      as<wit::wasi_clocks_system_clock_p3::Host>(system_clock_),
      as<wit::wasi_filesystem_preopens_p3::Host>(preopens_),
      nullptr,
      as<wit::wasi_http_types_p3::Host>(http_types_),
      as<wit::wasi_http_client_p3::Host>(http_client_),
      as<wit::wasi_random_random_p3::Host>(older_.random()),
      as<wit::wasi_random_insecure_p3::Host>(older_.insecure_random()),
      as<wit::wasi_random_insecure_seed_p3::Host>(older_.insecure_seed()),
      as<wit::wasi_sockets_types_p3::Host>(socket_types_),
      as<wit::wasi_sockets_ip_name_lookup_p3::Host>(ip_name_lookup_),
  };
}

void P3Hosts::fill(const Slots& slots, std::span<void*> hosts) {
  const auto all = objects();
  for (std::size_t i = 0; i < kInterfaceCount; ++i) {
    for (const std::uint16_t slot : {slots.slots[i], slots.candidate[i]}) {
      WHORL_CHECK(slot < hosts.size(), "a host slot beyond the registry");
      if (all[i] != nullptr) {
        hosts[slot] = all[i];
      }
    }
  }
}

}  // namespace whorl::wasi::p3
