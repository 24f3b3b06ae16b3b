// The candidate of October 2023 beside HTTP. What other hosts of services never offered of it
// (locks and permissions of files, datagrams without streams) answers with the interface's own
// error.
#include "component/adapted_function.hpp"
#include "wasi/p2/candidate_table.hpp"
#include "wasi/p2/candidates.hpp"
#include "wasi/p2/tcp_socket.hpp"
#include "wasi/p2/udp_socket.hpp"
#include "wit/wasi_clocks_monotonic_clock_abi.hpp"
#include "wit/wasi_clocks_wall_clock_abi.hpp"
#include "wit/wasi_filesystem_types_abi.hpp"
#include "wit/wasi_io_poll_abi.hpp"
#include "wit/wasi_io_streams_abi.hpp"
#include "wit/wasi_sockets_ip_name_lookup_abi.hpp"
#include "wit/wasi_sockets_tcp_abi.hpp"
#include "wit/wasi_sockets_udp_abi.hpp"

#include <array>
#include <string>
#include <vector>

namespace whorl::wasi::p2 {

namespace clocks = wit::wasi_clocks_monotonic_clock;
namespace files_wit = wit::wasi_filesystem_types;
namespace poll_wit = wit::wasi_io_poll;
namespace streams = wit::wasi_io_streams;
namespace sockets = wit::wasi_sockets_network;
namespace tcp = wit::wasi_sockets_tcp;
namespace udp = wit::wasi_sockets_udp;

/// `modes` of wasi:filesystem: what a new file may be used for, beside its owner.
struct OctoberModes {
  std::uint32_t bits = 0;
};

/// The variant `access-type`.
struct OctoberAccess {
  enum class Tag : std::uint8_t { Access, Exists };
  Tag tag{};
  std::variant<std::monostate, OctoberModes> payload;
};

/// The record `datagram` of wasi:sockets.
struct OctoberDatagram {
  Bytes data{};
  sockets::IpSocketAddress remote_address{};
};

/// The record `timezone-display` of wasi:clocks.
struct OctoberTimezone {
  std::int32_t utc_offset = 0;
  std::string name;
  bool in_daylight_saving_time = false;
};

}  // namespace whorl::wasi::p2

namespace whorl::component {

inline constexpr std::array<const char*, 3> kLabels_october_modes = {
    "readable", "writable", "executable"
};
template <>
struct Abi<wasi::p2::OctoberModes> : FlagsAbi<wasi::p2::OctoberModes, kLabels_october_modes> {};

inline constexpr std::array<const char*, 2> kLabels_october_access = {"access", "exists"};
template <>
struct Abi<wasi::p2::OctoberAccess>
    : VariantAbi<wasi::p2::OctoberAccess, kLabels_october_access, wasi::p2::OctoberModes, void> {};

inline constexpr std::array<const char*, 2> kLabels_october_datagram = {"data", "remote-address"};
template <>
struct Abi<wasi::p2::OctoberDatagram> : RecordAbi<
                                            wasi::p2::OctoberDatagram,
                                            kLabels_october_datagram,
                                            &wasi::p2::OctoberDatagram::data,
                                            &wasi::p2::OctoberDatagram::remote_address> {};

inline constexpr std::array<const char*, 3> kLabels_october_timezone = {
    "utc-offset", "name", "in-daylight-saving-time"
};
template <>
struct Abi<wasi::p2::OctoberTimezone> : RecordAbi<
                                            wasi::p2::OctoberTimezone,
                                            kLabels_october_timezone,
                                            &wasi::p2::OctoberTimezone::utc_offset,
                                            &wasi::p2::OctoberTimezone::name,
                                            &wasi::p2::OctoberTimezone::in_daylight_saving_time> {};

}  // namespace whorl::component

namespace whorl::wasi::p2 {
namespace {

using component::Call;
using component::HostResult;
using component::Own;

// --- wasi:io, wasi:clocks ------------------------------------------------------------------------

HostResult<> poll_one(poll_wit::Host&, Call& call, poll_wit::Pollable& pollable) {
  return pollable.block(call);
}

using Spliced = std::expected<std::uint64_t, streams::StreamError>;

HostResult<Spliced> splice(
    streams::OutputStream& to, Call& call, Own<streams::InputStream> src, std::uint64_t len
) {
  return to.splice(call, *src, len);
}

HostResult<Spliced> blocking_splice(
    streams::OutputStream& to, Call& call, Own<streams::InputStream> src, std::uint64_t len
) {
  return to.blocking_splice(call, *src, len);
}

/// All that the source still gives. Each step waits, so that a deadline or the end of the guest
/// ends this too.
HostResult<Spliced> forward(streams::OutputStream& to, Call& call, Own<streams::InputStream> src) {
  constexpr std::uint64_t kStep = 65'536;
  std::uint64_t total = 0;
  for (;;) {
    auto step = to.blocking_splice(call, *src, kStep);
    if (!step) {
      return step;
    }
    if (!*step) {
      if (step->error().tag == streams::StreamError::Tag::Closed) {
        return Spliced(total);
      }
      return step;
    }
    total += **step;
  }
}

HostResult<Own<clocks::Pollable>> subscribe(
    clocks::Host& host, Call& call, std::uint64_t when, bool absolute
) {
  return absolute ? host.subscribe_instant(call, when) : host.subscribe_duration(call, when);
}

HostResult<OctoberTimezone> display(
    wit::wasi_clocks_wall_clock::Host&, Call&, wit::wasi_clocks_wall_clock::Datetime
) {
  return OctoberTimezone{0, "UTC", false};
}

HostResult<std::int32_t> utc_offset(
    wit::wasi_clocks_wall_clock::Host&, Call&, wit::wasi_clocks_wall_clock::Datetime
) {
  return 0;
}

// --- wasi:filesystem -----------------------------------------------------------------------------

using Done = std::expected<void, files_wit::ErrorCode>;

HostResult<std::expected<Own<files_wit::Descriptor>, files_wit::ErrorCode>> open_at(
    files_wit::Descriptor& folder,
    Call& call,
    files_wit::PathFlags path_flags,
    std::string_view path,
    files_wit::OpenFlags open_flags,
    files_wit::DescriptorFlags flags,
    OctoberModes
) {
  return folder.open_at(call, path_flags, path, open_flags, flags);
}

HostResult<Done> access_at(
    files_wit::Descriptor& folder,
    Call& call,
    files_wit::PathFlags path_flags,
    std::string_view path,
    OctoberAccess type
) {
  if (type.tag == OctoberAccess::Tag::Access) {
    return Done(std::unexpect, files_wit::ErrorCode::Unsupported);
  }
  auto found = folder.stat_at(call, path_flags, path);
  if (!found) {
    return std::unexpected(std::move(found.error()));
  }
  return *found ? Done() : Done(std::unexpect, found->error());
}

HostResult<Done> change_permissions_at(
    files_wit::Descriptor&, Call&, files_wit::PathFlags, std::string_view, OctoberModes
) {
  return Done(std::unexpect, files_wit::ErrorCode::Unsupported);
}

HostResult<Done> lock(files_wit::Descriptor&, Call&) {
  return Done(std::unexpect, files_wit::ErrorCode::Unsupported);
}

// --- wasi:sockets --------------------------------------------------------------------------------

template <class T = void>
using SocketOutcome = std::expected<T, sockets::ErrorCode>;
constexpr auto kNotSupported = sockets::ErrorCode::NotSupported;

HostResult<SocketOutcome<bool>> no_delay(tcp::TcpSocket&, Call&) {
  return SocketOutcome<bool>(std::unexpect, kNotSupported);
}
HostResult<SocketOutcome<>> set_no_delay(tcp::TcpSocket&, Call&, bool) {
  return SocketOutcome<>(std::unexpect, kNotSupported);
}
HostResult<SocketOutcome<>> udp_start_connect(
    udp::UdpSocket&, Call&, sockets::Network&, sockets::IpSocketAddress
) {
  return SocketOutcome<>(std::unexpect, kNotSupported);
}
HostResult<SocketOutcome<>> udp_finish_connect(udp::UdpSocket&, Call&) {
  return SocketOutcome<>(std::unexpect, kNotSupported);
}
HostResult<SocketOutcome<std::vector<OctoberDatagram>>> udp_receive(
    udp::UdpSocket&, Call&, std::uint64_t
) {
  return SocketOutcome<std::vector<OctoberDatagram>>(std::unexpect, kNotSupported);
}
HostResult<SocketOutcome<std::uint64_t>>
udp_send(udp::UdpSocket&, Call&, std::vector<OctoberDatagram>) {
  return SocketOutcome<std::uint64_t>(std::unexpect, kNotSupported);
}

/// Which family is wanted, and whether unreachable ones too, is left to the guest to sort out.
HostResult<SocketOutcome<Own<wit::wasi_sockets_ip_name_lookup::ResolveAddressStream>>>
resolve_addresses(
    wit::wasi_sockets_ip_name_lookup::Host& host,
    Call& call,
    sockets::Network& network,
    std::string_view name,
    std::optional<sockets::IpAddressFamily>,
    bool
) {
  return host.resolve_addresses(call, network, name);
}

// --- the table -----------------------------------------------------------------------------------

constexpr std::array<const char*, 1> kSelf = {"self"};
constexpr std::array<const char*, 1> kIn = {"in"};
constexpr std::array<const char*, 1> kWhen = {"when"};
constexpr std::array<const char*, 2> kSelfSrc = {"self", "src"};
constexpr std::array<const char*, 3> kSelfSrcLen = {"self", "src", "len"};
constexpr std::array<const char*, 2> kWhenAbsolute = {"when", "absolute"};
constexpr std::array<const char*, 6> kOpenAt = {
    "self", "path-flags", "path", "open-flags", "flags", "modes"
};
constexpr std::array<const char*, 4> kAccessAt = {"self", "path-flags", "path", "type"};
constexpr std::array<const char*, 4> kModesAt = {"self", "path-flags", "path", "modes"};
constexpr std::array<const char*, 2> kSelfValue = {"self", "value"};
constexpr std::array<const char*, 3> kConnect = {"self", "network", "remote-address"};
constexpr std::array<const char*, 2> kReceive = {"self", "max-results"};
constexpr std::array<const char*, 2> kSend = {"self", "datagrams"};
constexpr std::array<const char*, 4> kResolve = {
    "network", "name", "address-family", "include-unavailable"
};

constexpr std::string_view kPoll = "wasi:io/poll";
constexpr std::string_view kStreams = "wasi:io/streams";
constexpr std::string_view kMonotonic = "wasi:clocks/monotonic-clock";
constexpr std::string_view kFiles = "wasi:filesystem/types";
constexpr std::string_view kTcp = "wasi:sockets/tcp";
constexpr std::string_view kUdp = "wasi:sockets/udp";

/// A function that 0.2 has not.
template <auto kFunction, const auto& kNames>
consteval Change more(std::string_view interface, const char* name) {
  return {interface, {}, name, component::host_function<kFunction, kNames>(name)};
}
/// A function of another form.
template <auto kFunction, const auto& kNames>
consteval Change instead(std::string_view interface, const char* name) {
  return {interface, name, name, component::host_function<kFunction, kNames>(name)};
}
consteval Change without(std::string_view interface, const char* name) {
  return {interface, name};
}

constexpr std::array kChanges = {
    Change{kPoll, "poll", "poll-list"},
    more<&poll_one, kIn>(kPoll, "poll-one"),
    without(kPoll, "[method]pollable.ready"),
    without(kPoll, "[method]pollable.block"),
    without("wasi:io/error", "[method]error.to-debug-string"),
    more<&streams::Error::to_debug_string, kSelf>(kStreams, "[method]error.to-debug-string"),
    instead<&splice, kSelfSrcLen>(kStreams, "[method]output-stream.splice"),
    instead<&blocking_splice, kSelfSrcLen>(kStreams, "[method]output-stream.blocking-splice"),
    more<&forward, kSelfSrc>(kStreams, "[method]output-stream.forward"),
    more<&subscribe, kWhenAbsolute>(kMonotonic, "subscribe"),
    without(kMonotonic, "subscribe-instant"),
    without(kMonotonic, "subscribe-duration"),
    instead<&open_at, kOpenAt>(kFiles, "[method]descriptor.open-at"),
    more<&access_at, kAccessAt>(kFiles, "[method]descriptor.access-at"),
    more<&change_permissions_at, kModesAt>(kFiles, "[method]descriptor.change-file-permissions-at"),
    more<&change_permissions_at, kModesAt>(
        kFiles, "[method]descriptor.change-directory-permissions-at"
    ),
    more<&lock, kSelf>(kFiles, "[method]descriptor.lock-shared"),
    more<&lock, kSelf>(kFiles, "[method]descriptor.lock-exclusive"),
    more<&lock, kSelf>(kFiles, "[method]descriptor.try-lock-shared"),
    more<&lock, kSelf>(kFiles, "[method]descriptor.try-lock-exclusive"),
    more<&lock, kSelf>(kFiles, "[method]descriptor.unlock"),
    instead<&resolve_addresses, kResolve>("wasi:sockets/ip-name-lookup", "resolve-addresses"),
    Change{kTcp, "[method]tcp-socket.keep-alive-enabled", "[method]tcp-socket.keep-alive"},
    Change{kTcp, "[method]tcp-socket.set-keep-alive-enabled", "[method]tcp-socket.set-keep-alive"},
    without(kTcp, "[method]tcp-socket.keep-alive-idle-time"),
    without(kTcp, "[method]tcp-socket.set-keep-alive-idle-time"),
    without(kTcp, "[method]tcp-socket.keep-alive-interval"),
    without(kTcp, "[method]tcp-socket.set-keep-alive-interval"),
    without(kTcp, "[method]tcp-socket.keep-alive-count"),
    without(kTcp, "[method]tcp-socket.set-keep-alive-count"),
    without(kTcp, "[method]tcp-socket.is-listening"),
    Change{kTcp, "[method]tcp-socket.hop-limit", "[method]tcp-socket.unicast-hop-limit"},
    Change{kTcp, "[method]tcp-socket.set-hop-limit", "[method]tcp-socket.set-unicast-hop-limit"},
    more<&TcpSocket::ipv6_only, kSelf>(kTcp, "[method]tcp-socket.ipv6-only"),
    more<&TcpSocket::set_ipv6_only, kSelfValue>(kTcp, "[method]tcp-socket.set-ipv6-only"),
    more<&no_delay, kSelf>(kTcp, "[method]tcp-socket.no-delay"),
    more<&set_no_delay, kSelfValue>(kTcp, "[method]tcp-socket.set-no-delay"),
    without(kUdp, "[method]udp-socket.stream"),
    without(kUdp, "[method]incoming-datagram-stream.receive"),
    without(kUdp, "[method]incoming-datagram-stream.subscribe"),
    without(kUdp, "[method]outgoing-datagram-stream.check-send"),
    without(kUdp, "[method]outgoing-datagram-stream.send"),
    without(kUdp, "[method]outgoing-datagram-stream.subscribe"),
    more<&udp_start_connect, kConnect>(kUdp, "[method]udp-socket.start-connect"),
    more<&udp_finish_connect, kSelf>(kUdp, "[method]udp-socket.finish-connect"),
    more<&udp_receive, kReceive>(kUdp, "[method]udp-socket.receive"),
    more<&udp_send, kSend>(kUdp, "[method]udp-socket.send"),
    more<&UdpSocket::ipv6_only, kSelf>(kUdp, "[method]udp-socket.ipv6-only"),
    more<&UdpSocket::set_ipv6_only, kSelfValue>(kUdp, "[method]udp-socket.set-ipv6-only"),
};

constexpr std::array kResources = {
    ResourceChange{"wasi:io/error", &streams::Error::kTag},
    ResourceChange{kStreams, nullptr, component::host_resource<streams::Error>()},
    ResourceChange{"wasi:http/types", &wit::wasi_http_types::RequestOptions::kTag},
    ResourceChange{kUdp, &udp::IncomingDatagramStream::kTag},
    ResourceChange{kUdp, &udp::OutgoingDatagramStream::kTag},
};

constexpr std::array kTimezone = {
    component::host_function<&display, kWhen>("display"),
    component::host_function<&utc_offset, kWhen>("utc-offset"),
};
constinit const component::HostInterface kTimezoneInterface{
    "wasi:clocks/timezone", kCandidateVersions[0].data(), kTimezone, {}
};

}  // namespace

const CandidateTable& october_table() {
  static const std::vector<Change> changes = [] {
    std::vector<Change> all(kChanges.begin(), kChanges.end());
    const auto http = october_http_changes();
    all.insert(all.end(), http.begin(), http.end());
    return all;
  }();
  static const CandidateTable table{kCandidateVersions[0].data(), changes, kResources};
  return table;
}

const component::HostInterface& october_timezone() {
  return kTimezoneInterface;
}

}  // namespace whorl::wasi::p2
