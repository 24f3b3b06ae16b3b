#include "component/thunk.hpp"
#include "wasi/p2/candidate_table.hpp"
#include "wasi/p2/candidates.hpp"
#include "wasi/p2/http_body.hpp"
#include "wasi/p2/tcp_socket.hpp"
#include "wasi/p2/udp_socket.hpp"
#include "wit/wasi_http_types_abi.hpp"
#include "wit/wasi_sockets_network_abi.hpp"

#include <array>

namespace whorl::wasi::p2 {
namespace {

constexpr std::array<const char*, 1> kSelf = {"self"};
constexpr std::array<const char*, 2> kSelfAndValue = {"self", "value"};

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

constexpr CandidateTable kNovember{"0.2.0-rc-2023-11-10", kChanges};

}  // namespace

const CandidateTable& november_table() {
  return kNovember;
}

}  // namespace whorl::wasi::p2
