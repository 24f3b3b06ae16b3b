#include "host/net_policy/network.hpp"

#include "async/timer.hpp"
#include "net/connect.hpp"

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

namespace whorl::host::net_policy {
namespace {

constexpr unsigned kResolverThreads = 2;
constexpr std::size_t kResolverQueue = 64;

Error in_vain(int number) {
  return Error(ErrorKind::Unavailable, system_message(number));
}

/// Waits for the socket. @return errors: DeadlineExceeded, Cancelled
Result<> wait_for(Caller caller, net::WatchedSocket& socket, async::Deadline deadline) {
  return async::wait_on(caller.shard, caller.fiber, socket.changed(), deadline);
}

Result<std::unique_ptr<net::WatchedSocket>> connect_to(
    Caller caller, const net::SocketAddress& address, async::Deadline deadline
) {
  auto started = net::start_connect(address);
  if (!started) {
    return in_vain(started.error());
  }
  auto socket = std::make_unique<net::WatchedSocket>(caller.shard, *std::move(started));
  while (true) {
    const int outcome = net::connect_outcome(socket->fd());
    if (outcome == 0) {
      return socket;
    }
    if (outcome != EINPROGRESS) {
      return in_vain(outcome);
    }
    socket->watch_writable();
    WHORL_CHECKED(wait_for(caller, *socket, deadline));
  }
}

Error timed_out() {
  return fail(ErrorKind::DeadlineExceeded, "the server did not answer in time");
}

}  // namespace

std::string system_message(int number) {
  return fmt::format("{} (os error {})", std::system_category().message(number), number);
}

template <class F>
std::invoke_result_t<F> Network::beside(Caller caller, async::Deadline deadline, F work) {
  struct Shared {
    std::optional<std::invoke_result_t<F>> result;
    async::Event done;
  };
  auto shared = std::make_shared<Shared>();
  auto& pool = resolvers_.get(caller.shard, [] {
    return std::make_shared<async::BlockingPool>(kResolverThreads, kResolverQueue);
  });
  WHORL_CHECKED(pool.submit([&shard = caller.shard,
                             shared,
                             work = std::move(work)](async::BlockingPool::Fate fate) mutable {
    if (fate == async::BlockingPool::Fate::Dropped) {
      return;
    }
    auto result = work();
    shard.post([shared, result = std::move(result)]() mutable {
      shared->result.emplace(std::move(result));
      shared->done.notify();
    });
  }));
  while (!shared->result) {
    WHORL_CHECKED(async::wait_on(caller.shard, caller.fiber, shared->done, deadline));
  }
  return *std::move(shared->result);
}

Result<std::vector<net::SocketAddress>> Network::resolve(
    Caller caller, const std::string& host, std::uint16_t port, async::Deadline deadline
) {
  using Addresses = std::vector<net::SocketAddress>;
  const auto address = net::SocketAddress::from_ip(host, port);
  WHORL_TRY(
      Addresses addresses,
      address ? Result<Addresses>(Addresses{*address})
              : beside(caller, deadline, [host, port] { return net::resolve_host(host, port); })
  );
  const bool found_any = !addresses.empty();
  std::erase_if(addresses, [&](const auto& each) { return options_.blocked.blocks(each); });
  if (addresses.empty()) {
    return found_any ? fail(ErrorKind::PermissionDenied, "the destination's network is blocked")
                     : fail(ErrorKind::NotFound, "the name has no address");
  }
  return addresses;
}

std::shared_ptr<const net::TlsClientContext> Network::made_tls() {
  const std::scoped_lock lock(tls_mutex_);
  return tls_;
}

Result<std::shared_ptr<const net::TlsClientContext>> Network::make_tls() {
  const std::scoped_lock making(making_tls_);
  if (auto made = made_tls()) {
    return made;
  }
  WHORL_TRY(auto made, net::TlsClientContext::create(options_.tls));
  const std::scoped_lock lock(tls_mutex_);
  return tls_ = std::move(made);
}

Result<std::shared_ptr<const net::TlsClientContext>> Network::tls(
    Caller caller, async::Deadline deadline
) {
  if (auto made = made_tls()) {
    return made;
  }
  return beside(caller, deadline, [this] { return make_tls(); });
}

Result<std::unique_ptr<net::Channel>> Network::secure(
    Caller caller,
    std::unique_ptr<net::WatchedSocket> socket,
    const std::string& host,
    async::Deadline deadline
) {
  WHORL_TRY(const auto context, tls(caller, deadline));
  WHORL_TRY(auto channel, context->make_channel(std::move(socket), host));
  while (true) {
    const net::Tried tried = channel->try_handshake();
    switch (tried.outcome) {
      case net::Tried::Outcome::Done:
        return channel;
      case net::Tried::Outcome::Closed:
      case net::Tried::Outcome::Failed:
        return fail(ErrorKind::Unauthenticated, "TLS: {}", channel->failure_text());
      default:
        channel->watch(tried.outcome);
        WHORL_CHECKED(wait_for(caller, channel->socket(), deadline));
    }
  }
}

Result<std::unique_ptr<net::Channel>> Network::connect(
    Caller caller,
    const std::string& host,
    std::uint16_t port,
    Security security,
    async::Deadline deadline
) {
  WHORL_TRY(const auto addresses, resolve(caller, host, port, deadline));
  std::optional<Error> last;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    // An address that does not answer leaves time for those behind it.
    const auto left = static_cast<std::int64_t>(addresses.size() - i);
    const auto share = async::Deadline::after(deadline.remaining() / left);
    auto socket = connect_to(caller, addresses[i], deadline.is_never() ? deadline : share);
    if (socket) {
      return security == Security::Tls ? secure(caller, *std::move(socket), host, deadline)
                                       : net::make_plain_channel(*std::move(socket));
    }
    if (socket.error().kind() == ErrorKind::Cancelled) {
      return socket.take_error();
    }
    last = socket.take_error();
  }
  return last->kind() == ErrorKind::DeadlineExceeded ? timed_out() : *std::move(last);
}

Result<> send_all(Caller caller, net::Channel& channel, ByteView bytes, async::Deadline deadline) {
  while (!bytes.empty()) {
    const net::Tried tried = channel.try_write({&bytes, 1});
    switch (tried.outcome) {
      case net::Tried::Outcome::Done:
        bytes = bytes.subspan(tried.count);
        break;
      case net::Tried::Outcome::Closed:
      case net::Tried::Outcome::Failed:
        return fail(ErrorKind::Disconnected, "the connection to the server is broken");
      default:
        channel.watch(tried.outcome);
        if (auto waited = wait_for(caller, channel.socket(), deadline); !waited) {
          return waited.error().kind() == ErrorKind::DeadlineExceeded ? timed_out()
                                                                      : waited.take_error();
        }
    }
  }
  return {};
}

Result<std::size_t> receive(
    Caller caller, net::Channel& channel, MutableByteView into, async::Deadline deadline
) {
  while (true) {
    const net::Tried tried = channel.try_read(into);
    switch (tried.outcome) {
      case net::Tried::Outcome::Done:
        return tried.count;
      case net::Tried::Outcome::Closed:
        return std::size_t{0};
      case net::Tried::Outcome::Failed:
        return fail(ErrorKind::Disconnected, "the connection to the server is broken");
      default:
        channel.watch(tried.outcome);
        if (auto waited = wait_for(caller, channel.socket(), deadline); !waited) {
          return waited.error().kind() == ErrorKind::DeadlineExceeded ? timed_out()
                                                                      : waited.take_error();
        }
    }
  }
}

}  // namespace whorl::host::net_policy
