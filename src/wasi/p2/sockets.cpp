#include "wasi/p2/sockets.hpp"

#include "net/connect.hpp"
#include "wasi/p2/poll.hpp"
#include "wasi/p2/tcp_socket.hpp"
#include "wasi/p2/udp_socket.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

namespace whorl::wasi::p2 {
namespace {

namespace lookup_wit = wit::wasi_sockets_ip_name_lookup;

/// A name being looked up; shared with the thread that does it.
struct Lookup {
  Result<std::vector<net::SocketAddress>> addresses;
  bool is_done = false;
  async::Event done;
};

class LookupReadiness final : public Readiness {
 public:
  explicit LookupReadiness(std::shared_ptr<Lookup> lookup) noexcept : lookup_(std::move(lookup)) {}
  [[nodiscard]] bool is_ready() override { return lookup_->is_done; }
  [[nodiscard]] async::Event* event() noexcept override { return &lookup_->done; }

 private:
  std::shared_ptr<Lookup> lookup_;
};

class ResolveAddressStream final : public lookup_wit::ResolveAddressStream {
 public:
  ResolveAddressStream(
      const Surroundings& around,
      SocketAccess& access,
      std::string name,
      std::shared_ptr<Lookup> lookup
  ) noexcept
      : around_(around), access_(access), name_(std::move(name)), lookup_(std::move(lookup)) {}

  [[nodiscard]] component::HostResult<SocketOutcome<std::optional<net_wit::IpAddress>>>
  resolve_next_address(component::Call&) override {
    using Outcome = SocketOutcome<std::optional<net_wit::IpAddress>>;
    if (!lookup_->is_done) {
      return Outcome(std::unexpect, SocketError::WouldBlock);
    }
    if (!lookup_->addresses) {
      return Outcome(std::unexpect, SocketError::NameUnresolvable);
    }
    if (next_ == 0) {
      access_.learn(name_, *lookup_->addresses);
    }
    if (next_ == lookup_->addresses->size()) {
      return Outcome(std::nullopt);
    }
    return Outcome(to_wit_ip((*lookup_->addresses)[next_++]));
  }

  [[nodiscard]] component::HostResult<component::Own<lookup_wit::Pollable>>
  subscribe(component::Call&) override {
    return std::make_unique<Pollable>(around_.timers, make_local<LookupReadiness>(lookup_));
  }

 private:
  const Surroundings& around_;
  SocketAccess& access_;
  std::string name_;
  std::shared_ptr<Lookup> lookup_;
  std::size_t next_ = 0;
};

/// Runs a lookup; where there are no threads for it, at once.
bool start_lookup(BlockingWork* blocking, const std::shared_ptr<Lookup>& lookup, std::string name) {
  auto work = [lookup, name = std::move(name)] { lookup->addresses = net::resolve_host(name, 0); };
  auto done = [lookup] {
    lookup->is_done = true;
    lookup->done.notify();
  };
  if (blocking == nullptr) {
    work();
    done();
    return true;
  }
  return blocking->start(std::move(work), std::move(done)).has_value();
}

}  // namespace

component::HostResult<component::Own<wit::wasi_sockets_network::Network>>
InstanceNetworkHost::instance_network(component::Call&) {
  return std::make_unique<wit::wasi_sockets_network::Network>();
}

component::HostResult<std::expected<component::Own<lookup_wit::ResolveAddressStream>, SocketError>>
IpNameLookupHost::resolve_addresses(
    component::Call&, wit::wasi_sockets_network::Network&, std::string_view name
) {
  using Outcome = SocketOutcome<component::Own<lookup_wit::ResolveAddressStream>>;
  auto wanted = SocketAccess::parse_name(name);
  if (!wanted) {
    return Outcome(std::unexpect, wanted.error());
  }
  auto lookup = std::make_shared<Lookup>();
  if (wanted->address) {
    lookup->addresses = std::vector{*wanted->address};
    lookup->is_done = true;
  } else if (!access_.may_look_up(wanted->text)) {
    return Outcome(std::unexpect, SocketError::PermanentResolverFailure);
  } else if (!start_lookup(access_.blocking(), lookup, wanted->text)) {
    return Outcome(std::unexpect, SocketError::TemporaryResolverFailure);
  }
  return Outcome(std::make_unique<ResolveAddressStream>(
      around_, access_, std::move(wanted->text), std::move(lookup)
  ));
}

component::HostResult<std::expected<component::Own<wit::wasi_sockets_tcp::TcpSocket>, SocketError>>
TcpCreateSocketHost::create_tcp_socket(
    component::Call&, wit::wasi_sockets_network::IpAddressFamily address_family
) {
  using Outcome = SocketOutcome<component::Own<wit::wasi_sockets_tcp::TcpSocket>>;
  if (access_.network() == nullptr) {
    return Outcome(std::unexpect, SocketError::AccessDenied);
  }
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(kSocketCharge)) {
    return Outcome(std::unexpect, SocketError::NewSocketLimit);
  }
  const bool is_v6 = address_family == net_wit::IpAddressFamily::Ipv6;
  auto fd = make_socket(SOCK_STREAM, is_v6);
  if (!fd) {
    return Outcome(std::unexpected(fd.error()));
  }
  auto connection =
      std::make_shared<TcpConnection>(access_.network()->shard, *std::move(fd), std::move(charge));
  return Outcome(std::make_unique<TcpSocket>(around_, access_, std::move(connection), is_v6));
}

component::HostResult<std::expected<component::Own<wit::wasi_sockets_udp::UdpSocket>, SocketError>>
UdpCreateSocketHost::create_udp_socket(
    component::Call&, wit::wasi_sockets_network::IpAddressFamily address_family
) {
  using Outcome = SocketOutcome<component::Own<wit::wasi_sockets_udp::UdpSocket>>;
  if (access_.network() == nullptr) {
    return Outcome(std::unexpect, SocketError::AccessDenied);
  }
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(kSocketCharge)) {
    return Outcome(std::unexpect, SocketError::NewSocketLimit);
  }
  const bool is_v6 = address_family == net_wit::IpAddressFamily::Ipv6;
  auto fd = make_socket(SOCK_DGRAM, is_v6);
  if (!fd) {
    return Outcome(std::unexpected(fd.error()));
  }
  auto endpoint = std::make_shared<UdpEndpoint>(
      access_.network()->shard, *std::move(fd), is_v6, std::move(charge)
  );
  if (!endpoint->permit.try_take(access_.network()->limits)) {
    http::reclaim_places(access_.network()->limits);  // idle ones of clients, for the next try
    return Outcome(std::unexpect, SocketError::NewSocketLimit);
  }
  return Outcome(std::make_unique<UdpSocket>(around_, access_, std::move(endpoint)));
}

}  // namespace whorl::wasi::p2
