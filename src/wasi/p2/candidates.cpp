#include "wasi/p2/candidates.hpp"

#include "component/thunk.hpp"
#include "wasi/p2/http_body.hpp"
#include "wasi/p2/tcp_socket.hpp"
#include "wasi/p2/udp_socket.hpp"
#include "wit/wasi_http_types_abi.hpp"
#include "wit/wasi_sockets_network_abi.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace whorl::wasi::p2 {
namespace {

constexpr std::array<const char*, 1> kSelf = {"self"};
constexpr std::array<const char*, 2> kSelfAndValue = {"self", "value"};

/// What is different of a function. @spec WASI 0.2.0-rc-2023-11-10 against 0.2.0
struct Change {
  std::string_view interface;
  std::string_view name;                 ///< in 0.2; empty for one that 0.2 has not
  const char* candidate_name = nullptr;  ///< null: the candidate has no such function
  component::HostFunction instead = {};  ///< unless the function itself is the same
};

constexpr std::array kChanges = {
    Change{"wasi:http/types", "[method]fields.has"},
    Change{
        "wasi:http/types",
        "[method]request-options.connect-timeout",
        "[method]request-options.connect-timeout-ms"
    },
    Change{
        "wasi:http/types",
        "[method]request-options.set-connect-timeout",
        "[method]request-options.set-connect-timeout-ms"
    },
    Change{
        "wasi:http/types",
        "[method]request-options.first-byte-timeout",
        "[method]request-options.first-byte-timeout-ms"
    },
    Change{
        "wasi:http/types",
        "[method]request-options.set-first-byte-timeout",
        "[method]request-options.set-first-byte-timeout-ms"
    },
    Change{
        "wasi:http/types",
        "[method]request-options.between-bytes-timeout",
        "[method]request-options.between-bytes-timeout-ms"
    },
    Change{
        "wasi:http/types",
        "[method]request-options.set-between-bytes-timeout",
        "[method]request-options.set-between-bytes-timeout-ms"
    },
    Change{
        "wasi:http/types",
        "[method]future-trailers.get",
        "[method]future-trailers.get",
        component::host_function<&FutureTrailers::get_in_candidate, kSelf>(
            "[method]future-trailers.get"
        )
    },
    Change{
        "wasi:sockets/tcp",
        {},
        "[method]tcp-socket.ipv6-only",
        component::host_function<&TcpSocket::ipv6_only, kSelf>("[method]tcp-socket.ipv6-only")
    },
    Change{
        "wasi:sockets/tcp",
        {},
        "[method]tcp-socket.set-ipv6-only",
        component::host_function<&TcpSocket::set_ipv6_only, kSelfAndValue>(
            "[method]tcp-socket.set-ipv6-only"
        )
    },
    Change{
        "wasi:sockets/udp",
        {},
        "[method]udp-socket.ipv6-only",
        component::host_function<&UdpSocket::ipv6_only, kSelf>("[method]udp-socket.ipv6-only")
    },
    Change{
        "wasi:sockets/udp",
        {},
        "[method]udp-socket.set-ipv6-only",
        component::host_function<&UdpSocket::set_ipv6_only, kSelfAndValue>(
            "[method]udp-socket.set-ipv6-only"
        )
    },
};

std::vector<component::HostFunction>
functions_in_candidate(const component::HostInterface& interface) {
  const std::string_view name = interface.name;
  std::vector<component::HostFunction> out;
  for (const component::HostFunction& function : interface.functions) {
    const auto change = std::ranges::find_if(kChanges, [&](const Change& each) {
      return each.interface == name && each.name == function.name;
    });
    if (change == kChanges.end()) {
      out.push_back(function);
    } else if (change->candidate_name != nullptr) {
      out.push_back(change->instead.thunk != nullptr ? change->instead : function);
      out.back().name = change->candidate_name;
    }
  }
  for (const Change& change : kChanges) {
    if (change.interface == name && change.name.empty()) {
      out.push_back(change.instead);
    }
  }
  return out;
}

struct Candidate {
  std::vector<component::HostFunction> functions;
  component::HostInterface interface;
};

}  // namespace

const component::HostInterface& in_candidate(const component::HostInterface& interface) {
  static std::mutex mutex;
  static std::map<const component::HostInterface*, Candidate> made;
  const std::scoped_lock lock(mutex);
  const auto [at, is_new] = made.try_emplace(&interface);
  Candidate& candidate = at->second;
  if (is_new) {
    candidate.functions = functions_in_candidate(interface);
    candidate.interface = interface;
    candidate.interface.version = kCandidateVersion.data();
    candidate.interface.functions = candidate.functions;
  }
  return candidate.interface;
}

}  // namespace whorl::wasi::p2
