#include "wasi/p2/hosts.hpp"

#include "base/check.hpp"

namespace whorl::wasi::p2 {
namespace {

// In the order of P2Hosts::objects().
constexpr std::array<const component::HostInterface*, kInterfaceCount> kInterfaces{
    &wit::wasi_cli_environment::kInterface,
    &wit::wasi_cli_exit::kInterface,
    &wit::wasi_cli_stdin::kInterface,
    &wit::wasi_cli_stdout::kInterface,
    &wit::wasi_cli_stderr::kInterface,
    &wit::wasi_cli_terminal_input::kInterface,
    &wit::wasi_cli_terminal_output::kInterface,
    &wit::wasi_cli_terminal_stdin::kInterface,
    &wit::wasi_cli_terminal_stdout::kInterface,
    &wit::wasi_cli_terminal_stderr::kInterface,
    &wit::wasi_clocks_monotonic_clock::kInterface,
    &wit::wasi_clocks_wall_clock::kInterface,
    &wit::wasi_filesystem_preopens::kInterface,
    &wit::wasi_filesystem_types::kInterface,
    &wit::wasi_http_types::kInterface,
    &wit::wasi_http_outgoing_handler::kInterface,
    &wit::wasi_io_error::kInterface,
    &wit::wasi_io_poll::kInterface,
    &wit::wasi_io_streams::kInterface,
    &wit::wasi_random_random::kInterface,
    &wit::wasi_random_insecure::kInterface,
    &wit::wasi_random_insecure_seed::kInterface,
    &wit::wasi_sockets_instance_network::kInterface,
    &wit::wasi_sockets_ip_name_lookup::kInterface,
    &wit::wasi_sockets_network::kInterface,
    &wit::wasi_sockets_tcp::kInterface,
    &wit::wasi_sockets_tcp_create_socket::kInterface,
    &wit::wasi_sockets_udp::kInterface,
    &wit::wasi_sockets_udp_create_socket::kInterface,
};

/// The thunks of an interface expect a pointer to its Host class.
template <class Host>
void* as(Host& host) noexcept {
  return &host;
}

}  // namespace

Slots register_p2(component::HostRegistry& registry) {
  Slots registered;
  for (std::size_t i = 0; i < kInterfaceCount; ++i) {
    registered.slots[i] = registry.add(*kInterfaces[i]);
    for (std::size_t j = 0; j < kCandidateCount; ++j) {
      registered.candidate_slots[j][i] =
          registry.add(in_candidate(static_cast<Candidate>(j), *kInterfaces[i]));
    }
  }
  registered.october_timezone = registry.add(october_timezone());
  return registered;
}

P2Hosts::P2Hosts(const InstanceContext& context)
    : context_(context),
      surroundings_{context.timers, memory_},
      environment_(context_),
      stdin_(context_),
      stdout_(context_),
      stderr_(context_),
      monotonic_clock_(context.timers),
      wall_clock_(context.timers),
      preopens_(surroundings_, context_),
      http_types_(surroundings_),
      outgoing_handler_(surroundings_, context_),
      poll_(context.timers),
      random_(secure_random_),
      insecure_random_(secure_random_),
      insecure_seed_(secure_random_),
      socket_access_(context_),
      ip_name_lookup_(surroundings_, socket_access_),
      tcp_create_socket_(surroundings_, socket_access_),
      udp_create_socket_(surroundings_, socket_access_) {}

std::array<void*, kInterfaceCount> P2Hosts::objects() noexcept {
  return {
      as<wit::wasi_cli_environment::Host>(environment_),
      as<wit::wasi_cli_exit::Host>(exit_),
      as<wit::wasi_cli_stdin::Host>(stdin_),
      as<wit::wasi_cli_stdout::Host>(stdout_),
      as<wit::wasi_cli_stderr::Host>(stderr_),
      nullptr,
      nullptr,
      as<wit::wasi_cli_terminal_stdin::Host>(terminal_stdin_),
      as<wit::wasi_cli_terminal_stdout::Host>(terminal_stdout_),
      as<wit::wasi_cli_terminal_stderr::Host>(terminal_stderr_),
      as<wit::wasi_clocks_monotonic_clock::Host>(monotonic_clock_),
      as<wit::wasi_clocks_wall_clock::Host>(wall_clock_),
      as<wit::wasi_filesystem_preopens::Host>(preopens_),
      as<wit::wasi_filesystem_types::Host>(filesystem_types_),
      as<wit::wasi_http_types::Host>(http_types_),
      as<wit::wasi_http_outgoing_handler::Host>(outgoing_handler_),
      nullptr,
      as<wit::wasi_io_poll::Host>(poll_),
      nullptr,
      as<wit::wasi_random_random::Host>(random_),
      as<wit::wasi_random_insecure::Host>(insecure_random_),
      as<wit::wasi_random_insecure_seed::Host>(insecure_seed_),
      as<wit::wasi_sockets_instance_network::Host>(instance_network_),
      as<wit::wasi_sockets_ip_name_lookup::Host>(ip_name_lookup_),
      nullptr,
      nullptr,
      as<wit::wasi_sockets_tcp_create_socket::Host>(tcp_create_socket_),
      nullptr,
      as<wit::wasi_sockets_udp_create_socket::Host>(udp_create_socket_),
  };
}

void P2Hosts::reset() noexcept {
  socket_access_.reset();
  insecure_random_.reset();
  insecure_seed_.reset();
}

void P2Hosts::fill(const Slots& slots, std::span<void*> hosts) {
  const auto all = objects();
  for (std::size_t i = 0; i < kInterfaceCount; ++i) {
    WHORL_CHECK(slots.slots[i] < hosts.size(), "a host slot beyond the registry");
    if (all[i] != nullptr) {
      hosts[slots.slots[i]] = all[i];
      for (const auto& candidate : slots.candidate_slots) {
        hosts[candidate[i]] = all[i];
      }
    }
  }
  hosts[slots.october_timezone] = as<wit::wasi_clocks_wall_clock::Host>(wall_clock_);
}

}  // namespace whorl::wasi::p2
