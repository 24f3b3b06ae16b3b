// The first half of a request: a place among the open connections, the host's addresses, TCP, TLS.
#include "http/client_run.hpp"
#include "http/connection_stats.hpp"
#include "net/connect.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace whorl::http {
namespace {

/// What metrics call its connections.
constexpr std::string_view kMetricKind = "http";

/// How often a request that waits for its place looks again.
constexpr std::chrono::milliseconds kPlaceInterval{10};

}  // namespace

async::Awaitable<ClientRun::Step<>> ClientRun::wait_connecting(async::Deadline deadline) {
  if (exchange_->is_abandoned()) {
    co_return gone();
  }
  on_abandoned_.listen(exchange_->abandoned_event());
  static_cast<void>(co_await async::wait_event(core_->shard, wake_, deadline));
  if (exchange_->is_abandoned()) {
    co_return gone();
  }
  if (deadline.is_expired()) {
    co_return failed(ClientFailure::ConnectionTimeout, "no connection in time");
  }
  co_return Step<>();
}

async::Awaitable<ClientRun::Step<>> ClientRun::enter(async::Deadline deadline) {
  const ConnectionLimits& limits = core_->options.limits;
  const bool is_closed =
      std::ranges::any_of(limits, [](const auto& limit) { return limit->most() == 0; });
  if (is_closed) {
    count_no_place(kMetricKind, limits);
    co_return failed(ClientFailure::ConnectionLimit, "no connection is allowed");
  }
  on_abandoned_.listen(exchange_->abandoned_event());
  std::optional<std::chrono::steady_clock::time_point> waits_since;
  while (!permit_.try_take(limits)) {
    if (core_->evict_idle()) {
      continue;
    }
    if (exchange_->is_abandoned()) {
      co_return gone();
    }
    if (deadline.is_expired()) {
      count_no_place(kMetricKind, limits);
      co_return failed(ClientFailure::ConnectionTimeout, "no room for another connection in time");
    }
    // A place may be given back on another shard, which has no way to tell this one.
    reclaim_places(limits);
    if (!waits_since) {
      waits_since = std::chrono::steady_clock::now();
    }
    const auto retry = deadline.earlier(async::Deadline::after(kPlaceInterval));
    static_cast<void>(co_await async::wait_event(core_->shard, wake_, retry));
  }
  count_place(
      kMetricKind,
      limits,
      waits_since ? std::chrono::steady_clock::now() - *waits_since : std::chrono::nanoseconds(0)
  );
  co_return Step<>();
}

async::Awaitable<ClientRun::Step<ClientRun::Addresses>> ClientRun::lookup(async::Deadline deadline
) {
  struct Lookup {
    std::optional<Result<Addresses>> result;
    async::Event done;
  };
  auto shared = std::make_shared<Lookup>();
  if (auto address = net::SocketAddress::from_ip(to_.host, to_.port)) {
    shared->result.emplace(Addresses{*address});
  } else {
    async::BlockingPool::Job job = [&shard = core_->shard,
                                    shared,
                                    host = to_.host,
                                    port = to_.port](async::BlockingPool::Fate fate) {
      if (fate == async::BlockingPool::Fate::Dropped) {
        return;  // the client is gone
      }
      auto found = net::resolve_host(host, port);
      shard.post([shared, found = std::move(found)]() mutable {
        shared->result.emplace(std::move(found));
        shared->done.notify();
      });
    };
    if (auto queued = core_->resolver.submit(std::move(job)); !queued) {
      co_return failed(ClientFailure::ConnectionLimit, queued.error().to_line());
    }
  }
  while (!shared->result) {
    on_socket_.listen(shared->done);
    if (auto waited = co_await wait_connecting(deadline); !waited) {
      co_return std::unexpected(std::move(waited.error()));
    }
  }
  if (!*shared->result) {
    co_return failed(ClientFailure::NameNotFound, shared->result->error().to_line());
  }
  Addresses addresses = **std::move(shared->result);
  const bool found_any = !addresses.empty();
  std::erase_if(addresses, [&](const auto& each) { return core_->options.blocked.blocks(each); });
  if (addresses.empty()) {
    co_return found_any ? failed(ClientFailure::AddressProhibited, "the address is blocked")
                        : failed(ClientFailure::NameNotFound, "the name has no address");
  }
  co_return Step<Addresses>(std::move(addresses));
}

async::Awaitable<ClientRun::Step<std::unique_ptr<net::WatchedSocket>>> ClientRun::connect_to(
    net::SocketAddress address, async::Deadline deadline, async::Deadline share
) {
  const auto refused = [](int number) {
    return failed(
        number == ECONNREFUSED ? ClientFailure::ConnectionRefused
        : number == ETIMEDOUT  ? ClientFailure::ConnectionTimeout
                               : ClientFailure::ConnectionFailed,
        std::system_category().message(number)
    );
  };
  auto started = net::start_connect(address);
  if (!started) {
    co_return refused(started.error());
  }
  auto socket = std::make_unique<net::WatchedSocket>(core_->shard, *std::move(started));
  while (true) {
    const int outcome = net::connect_outcome(socket->fd());
    if (outcome == 0) {
      co_return Step<std::unique_ptr<net::WatchedSocket>>(std::move(socket));
    }
    if (outcome != EINPROGRESS) {
      co_return refused(outcome);
    }
    socket->watch_writable();
    on_socket_.listen(socket->changed());
    auto waited = co_await wait_connecting(deadline.earlier(share));
    on_socket_.stop();
    if (!waited) {
      co_return std::unexpected(std::move(waited.error()));
    }
  }
}

async::Awaitable<ClientRun::Step<ClientRun::Channel>> ClientRun::secure(
    std::unique_ptr<net::WatchedSocket> socket, async::Deadline deadline
) {
  auto asked = core_->tls(to_);
  if (!asked) {
    co_return failed(ClientFailure::ConnectionLimit, asked.error().to_line());
  }
  const std::shared_ptr<ClientCore::TlsSettings> settings = *std::move(asked);
  while (!settings->made) {
    on_socket_.listen(settings->over);
    auto waited = co_await wait_connecting(deadline);
    on_socket_.stop();
    if (!waited) {
      co_return std::unexpected(std::move(waited.error()));
    }
  }
  const auto& context = *settings->made;
  if (!context) {
    co_return failed(ClientFailure::Tls, context.error().to_line());
  }
  auto made = (*context)->make_channel(std::move(socket), to_.host);
  if (!made) {
    co_return failed(ClientFailure::Tls, made.error().to_line());
  }
  Channel channel = *std::move(made);
  while (true) {
    const net::Tried tried = channel->try_handshake();
    if (tried.outcome == net::Tried::Outcome::Done) {
      co_return Step<Channel>(std::move(channel));
    }
    if (tried.outcome == net::Tried::Outcome::Closed ||
        tried.outcome == net::Tried::Outcome::Failed) {
      co_return failed(ClientFailure::Tls, channel->failure_text());
    }
    channel->watch(tried.outcome);
    on_socket_.listen(channel->socket().changed());
    auto waited = co_await wait_connecting(deadline);
    on_socket_.stop();
    if (!waited) {
      co_return std::unexpected(std::move(waited.error()));
    }
  }
}

async::Awaitable<ClientRun::Step<ClientRun::Channel>> ClientRun::connect(async::Deadline deadline) {
  auto addresses = co_await lookup(deadline);
  if (!addresses) {
    co_return std::unexpected(std::move(addresses.error()));
  }
  Failed last;
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    // An address that does not answer leaves time for those behind it.
    const auto left = static_cast<std::int64_t>(addresses->size() - i);
    const auto share = deadline.is_never() ? async::Deadline::never()
                                           : async::Deadline::after(deadline.remaining() / left);
    auto socket = co_await connect_to((*addresses)[i], deadline, share);
    if (socket && !to_.is_tls) {
      co_return Step<Channel>(net::make_plain_channel(*std::move(socket)));
    }
    if (socket) {
      auto secured = co_await secure(*std::move(socket), deadline);
      co_return secured;
    }
    if (!socket.error() || deadline.is_expired()) {
      co_return std::unexpected(std::move(socket.error()));
    }
    last = std::move(socket.error());
  }
  co_return std::unexpected(std::move(last));
}

}  // namespace whorl::http
