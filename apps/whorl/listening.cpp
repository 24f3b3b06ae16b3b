#include "listening.hpp"

#include "app/startup_output.hpp"
#include "log/log.hpp"
#include "log/terminal.hpp"
#include "net/last_call.hpp"
#include "net/listener_sources.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace whorl {
namespace {

// How long is waited for clients in the middle of a handshake: a round trip around the world takes
// a quarter of a second.
constexpr async::Milliseconds kHandshakeTime{500};
// How often is looked whether there are any. At least once: a packet that is being looked at while
// the filter comes may pass it.
constexpr async::Milliseconds kHandshakeLook{5};

StopSignals::Cause wait_out(StopSignals& signals, async::Milliseconds time) {
  const auto deadline = async::Deadline::after(time);
  auto cause = StopSignals::Cause::Notified;
  while (cause != StopSignals::Cause::TimedOut && cause != StopSignals::Cause::Stop) {
    cause = signals.wait(deadline);
  }
  return cause;
}

}  // namespace

Result<Listening> Listening::open(const cli::UpRequest& request, unsigned shards) {
  Listening listening(request.edge.takeover_path);
  if (!listening.takeover_path_.empty()) {
    WHORL_TRY(listening.takeover_, net::take_over(listening.takeover_path_));
    listening.sockets_ = std::exchange(listening.takeover_.listeners, {});
  }
  if (!listening.sockets_.empty()) {
    WHORL_CHECKED(listening.check_taken(request));
  } else {
    WHORL_CHECKED(listening.bind(request, shards));
  }
  for (const net::Listeners& listeners : listening.sockets_) {
    if (!listeners.unix_path.empty()) {
      listening.unix_paths_.push_back(listeners.unix_path);
    }
  }
  return listening;
}

Result<> Listening::bind(const cli::UpRequest& request, unsigned shards) {
  WHORL_TRY(sockets_, net::inherited_listeners(shards));
  for (const cli::ListenTarget& target : request.edge.listen) {
    WHORL_CHECKED(bind(target, request.port_search, shards));
  }
  if (sockets_.empty()) {
    const cli::ListenTarget target{.address = request.listen, .is_localhost = false};
    WHORL_CHECKED(bind(target, request.port_search, shards));
  }
  return {};
}

Result<> Listening::bind(const cli::ListenTarget& target, cli::PortSearch search, unsigned shards) {
  if (!target.unix_path.empty()) {
    WHORL_TRY(auto bound, net::listen_on_unix(target.unix_path, shards));
    sockets_.push_back(std::move(bound));
    return {};
  }
  WHORL_TRY(
      const auto address, net::SocketAddress::from_ip(target.address.ip, target.address.port)
  );
  WHORL_TRY(
      auto bound,
      search == cli::PortSearch::FindFree ? net::listen_on_free_port(address, shards)
                                          : net::listen_on(address, shards)
  );
  if (target.is_localhost && target.address.ip == "127.0.0.1") {
    WHORL_TRY(const auto six, net::SocketAddress::from_ip("::1", bound.address.port()));
    // A system without IPv6, or where the port is taken there, serves the other family.
    if (auto both = net::listen_on(six, shards)) {
      sockets_.push_back(std::move(bound));
      bound = *std::move(both);
    }
  }
  sockets_.push_back(std::move(bound));
  return {};
}

/// A successor that would listen on something else than it is told would be a surprise.
Result<> Listening::check_taken(const cli::UpRequest& request) const {
  const auto has = [&](const std::string& name) {
    return std::ranges::any_of(sockets_, [&](const auto& one) { return one.to_string() == name; });
  };
  for (const cli::ListenTarget& target : request.edge.listen) {
    const std::string name =
        target.unix_path.empty() ? target.address.to_text() : "unix:" + target.unix_path;
    if (!has(name) && !(target.unix_path.empty() && target.address.port == 0)) {
      std::vector<std::string> names;
      std::ranges::transform(sockets_, std::back_inserter(names), &net::Listeners::to_string);
      return fail(
          ErrorKind::InvalidInput,
          "the running process listens on {}, not on {}",
          fmt::join(names, ", "),
          name
      );
    }
  }
  return {};
}

Result<std::vector<net::Listeners>> Listening::take() {
  std::vector<net::Listeners> copies;
  for (const net::Listeners& listeners : sockets_) {
    WHORL_TRY(auto copy, net::duplicate(listeners));
    copies.push_back(std::move(copy));
  }
  return std::exchange(sockets_, std::move(copies));
}

Result<> Listening::serving() {
  if (takeover_path_.empty()) {
    return {};
  }
  WHORL_TRY(auto offer, net::HandoverOffer::open(takeover_path_));
  offer_.emplace(std::move(offer));
  takeover_.finish();
  return {};
}

bool Listening::on_handover() {
  if (!offer_->on_readable(sockets_)) {
    return false;
  }
  log::info("whorl::trigger", "a successor serves on the same sockets");
  unix_paths_.clear();
  has_successor_ = true;
  return true;
}

Listening::Haste Listening::last_call(StopSignals& signals) {
  if (has_successor_ || (offer_ && offer_->has_successor())) {
    return Haste::None;
  }
  std::vector<net::SocketAddress> closing;
  for (const net::Listeners& listeners : sockets_) {
    if (!listeners.is_shared && net::drop_new_handshakes(listeners)) {
      closing.push_back(listeners.address);
    }
  }
  const auto deadline = async::Deadline::after(kHandshakeTime);
  auto cause = StopSignals::Cause::TimedOut;
  bool waits = !closing.empty();
  while (waits) {
    cause = wait_out(signals, kHandshakeLook);
    waits = cause != StopSignals::Cause::Stop && !deadline.is_expired() &&
            std::ranges::any_of(closing, [](const net::SocketAddress& address) {
              return net::has_open_handshakes(address).value_or(true);
            });
  }
  for (const net::Listeners& listeners : sockets_) {
    if (!listeners.is_shared) {
      net::refuse_unix_clients(listeners);
    }
  }
  return cause == StopSignals::Cause::Stop ? Haste::Hurry : Haste::None;
}

void Listening::release() noexcept {
  sockets_.clear();
  offer_.reset();
}

Listening::~Listening() {
  for (const std::string& path : unix_paths_) {
    ::unlink(path.c_str());
  }
}

void print_startup(
    cli::StartupFormat format,
    const trigger::HttpApp& app,
    http::Scheme scheme,
    std::span<const net::Listeners> listeners
) {
  const auto url_of = [&](const net::Listeners& one) {
    const std::string_view prefix = scheme == http::Scheme::Https ? "https://" : "http://";
    return one.unix_path.empty() ? fmt::format("{}{}", prefix, one.to_string()) : one.to_string();
  };
  const std::string base_url = url_of(listeners.front());
  const auto routes = app::list_routes(*app.app, app.triggers, app.routes);
  const auto colour = log::wants_colour(1) ? app::Colour::Ansi : app::Colour::Never;
  log::write_all(
      1,
      format == cli::StartupFormat::Json ? app::startup_json(base_url, routes)
                                         : app::startup_plain(base_url, routes, colour)
  );
  for (const net::Listeners& more : listeners.subspan(1)) {
    log::write_all(2, fmt::format("Also serving {}\n", url_of(more)));
  }
}

}  // namespace whorl
