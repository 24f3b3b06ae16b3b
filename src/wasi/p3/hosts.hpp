/// P3Hosts: every WASI 0.3 host object of one instance; register_p3(): the interfaces they
/// implement, as 0.3.0 and as the release candidate of March 2026, which has the same signatures.
#pragma once

#include "component/host.hpp"
#include "wasi/p2/hosts.hpp"
#include "wasi/p3/cli.hpp"
#include "wasi/p3/clocks.hpp"
#include "wasi/p3/descriptor.hpp"
#include "wasi/p3/http_hosts.hpp"
#include "wasi/p3/sockets.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace whorl::wasi::p3 {

/// How many interfaces register_p3() registers.
inline constexpr std::size_t kInterfaceCount = 23;

inline constexpr const char* kReleaseCandidate = "0.3.0-rc-2026-03-15";

/// Where the registry has put them. @thread any
struct Slots {
  std::array<std::uint16_t, kInterfaceCount> slots{};
  std::array<std::uint16_t, kInterfaceCount> candidate{};  ///< the same, of the release candidate
};

/// Registers the interfaces of WASI 0.3. Once, at start.
[[nodiscard]] Slots register_p3(component::HostRegistry& registry);

/// The host objects of one instance. Outlives the instance and what its handle tables hold. What an
/// instance has once, whichever version it asks (its account of memory, the names it looked up, its
/// seeds), is of its P2Hosts. @thread shard
class P3Hosts {
 public:
  /// @param older  of the same instance; outlives this object
  explicit P3Hosts(p2::P2Hosts& older);
  P3Hosts(const P3Hosts&) = delete;
  P3Hosts& operator=(const P3Hosts&) = delete;

  /// Writes the host objects to their places in `hosts`, which has one per slot of the registry.
  /// Interfaces that consist of types only have none; their places stay as they are.
  void fill(const Slots& slots, std::span<void*> hosts);

 private:
  [[nodiscard]] std::array<void*, kInterfaceCount> objects() noexcept;

  p2::P2Hosts& older_;
  StdinHost stdin_;
  StdoutHost stdout_;
  StderrHost stderr_;
  TerminalStdinHost terminal_stdin_;
  TerminalStdoutHost terminal_stdout_;
  TerminalStderrHost terminal_stderr_;
  MonotonicClockHost monotonic_clock_;
  SystemClockHost system_clock_;
  PreopensHost preopens_;
  HttpTypesHost http_types_;
  HttpClientHost http_client_;
  SocketTypesHost socket_types_;
  IpNameLookupHost ip_name_lookup_;
};

}  // namespace whorl::wasi::p3
