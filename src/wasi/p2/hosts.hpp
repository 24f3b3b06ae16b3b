/// P2Hosts: every WASI 0.2 host object of one instance; register_p2(): the interfaces they
/// implement.
#pragma once

#include "component/host.hpp"
#include "wasi/cli_hosts.hpp"
#include "wasi/context.hpp"
#include "wasi/p2/candidates.hpp"
#include "wasi/p2/cli.hpp"
#include "wasi/p2/clocks.hpp"
#include "wasi/p2/filesystem.hpp"
#include "wasi/p2/http_hosts.hpp"
#include "wasi/p2/poll.hpp"
#include "wasi/p2/sockets.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wasi/random_hosts.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace whorl::wasi::p2 {

/// How many interfaces register_p2() registers.
inline constexpr std::size_t kInterfaceCount = 29;

/// Where the registry has put them. @thread any
struct Slots {
  std::array<std::uint16_t, kInterfaceCount> slots{};
  /// Of the release candidates (p2/candidates.hpp); the same objects.
  std::array<std::array<std::uint16_t, kInterfaceCount>, kCandidateCount> candidate_slots{};
  std::uint16_t october_timezone = 0;
};

/// Registers the interfaces of WASI 0.2. Once, at start.
[[nodiscard]] Slots register_p2(component::HostRegistry& registry);

/// The host objects of one instance. Outlives the instance and what its handle tables hold.
/// @thread shard
class P2Hosts {
 public:
  /// @param context  what it borrows outlives this object
  explicit P2Hosts(const InstanceContext& context);
  P2Hosts(const P2Hosts&) = delete;
  P2Hosts& operator=(const P2Hosts&) = delete;

  /// Writes the host objects to their places in `hosts`, which has one per slot of the registry.
  /// Interfaces that consist of resources only have none; their places stay as they are.
  void fill(const Slots& slots, std::span<void*> hosts);
  /// Forgets what the last event left behind, so that the next one starts like the first. The
  /// handle tables are empty by then.
  void reset() noexcept;
  /// False while something of the last event still holds host memory.
  [[nodiscard]] bool is_clean() const noexcept { return memory_.used() == 0; }
  [[nodiscard]] const Surroundings& surroundings() const noexcept { return surroundings_; }

  // What an instance has once, whichever version of WASI it asks.
  [[nodiscard]] const InstanceContext& context() const noexcept { return context_; }
  [[nodiscard]] SocketAccess& socket_access() noexcept { return socket_access_; }
  [[nodiscard]] EnvironmentHost& environment() noexcept { return environment_; }
  [[nodiscard]] ExitHost& exit() noexcept { return exit_; }
  [[nodiscard]] RandomHost& random() noexcept { return random_; }
  [[nodiscard]] InsecureRandomHost& insecure_random() noexcept { return insecure_random_; }
  [[nodiscard]] InsecureSeedHost& insecure_seed() noexcept { return insecure_seed_; }

 private:
  [[nodiscard]] std::array<void*, kInterfaceCount> objects() noexcept;

  InstanceContext context_;
  HostMemory memory_;
  Surroundings surroundings_;
  SecureRandom secure_random_;

  EnvironmentHost environment_;
  ExitHost exit_;
  StdinHost stdin_;
  StdoutHost stdout_;
  StderrHost stderr_;
  TerminalStdinHost terminal_stdin_;
  TerminalStdoutHost terminal_stdout_;
  TerminalStderrHost terminal_stderr_;
  MonotonicClockHost monotonic_clock_;
  WallClockHost wall_clock_;
  PreopensHost preopens_;
  FilesystemTypesHost filesystem_types_;
  HttpTypesHost http_types_;
  OutgoingHandlerHost outgoing_handler_;
  PollHost poll_;
  RandomHost random_;
  InsecureRandomHost insecure_random_;
  InsecureSeedHost insecure_seed_;
  SocketAccess socket_access_;
  InstanceNetworkHost instance_network_;
  IpNameLookupHost ip_name_lookup_;
  TcpCreateSocketHost tcp_create_socket_;
  UdpCreateSocketHost udp_create_socket_;
};

}  // namespace whorl::wasi::p2
