#include "http/client.hpp"

#include "async/awaitable.hpp"
#include "http/client_run.hpp"
#include "http/http2_client_connection.hpp"
#include "wire/http1/request.hpp"
#include "wire/http1/syntax.hpp"

#include <algorithm>
#include <charconv>

namespace whorl::http {

std::optional<Destination> parse_destination(Scheme scheme, std::string_view authority) {
  if (!wire::http1::is_host(authority) || authority.find('%') != std::string_view::npos) {
    return std::nullopt;
  }
  Destination to{.is_tls = scheme == Scheme::Https, .host = {}, .port = 0};
  to.port = to.is_tls ? 443 : 80;
  const std::size_t close = authority.starts_with('[') ? authority.find(']') : 0;
  const std::size_t colon = authority.find(':', close);
  std::string_view host = authority.substr(0, colon);
  if (close != 0) {
    host = authority.substr(1, close - 1);
  }
  to.host.resize(host.size());
  std::ranges::transform(host, to.host.begin(), wire::http1::to_lower);
  if (colon != std::string_view::npos && colon + 1 < authority.size()) {
    const std::string_view digits = authority.substr(colon + 1);
    const char* end = digits.data() + digits.size();
    const auto [at, code] = std::from_chars(digits.data(), end, to.port);
    if (code != std::errc() || at != end) {
      return std::nullopt;
    }
  }
  return to;
}

ClientCore::ClientCore(async::Shard& on, ClientOptions with)
    : shard(on),
      options(std::move(with)),
      holder_(std::make_shared<IdleHolder>(on, static_cast<IdleHolder::Owner&>(*this))) {
  for (const auto& limit : options.limits) {
    limit->add_holder(holder_);
  }
}

ClientCore::~ClientCore() {
  holder_->detach();
  close_all();
}

ClientCore::Connection ClientCore::take_idle(const Destination& to) {
  std::erase_if(idle_, [](const Idle& idle) { return idle.until.is_expired(); });
  while (true) {
    // The one used last is the least likely to be closed by its server.
    const auto found =
        std::find_if(idle_.rbegin(), idle_.rend(), [&](const Idle& idle) { return idle.to == to; });
    if (found == idle_.rend()) {
      return {};
    }
    Connection connection = std::move(found->connection);
    idle_.erase(std::next(found).base());
    if (connection.channel->is_quiet()) {
      return connection;
    }
  }
}

void ClientCore::keep_idle(const Destination& to, Connection connection) {
  if (options.max_idle == 0) {
    connection.channel->shutdown();
    return;
  }
  idle_.push_back({to, std::move(connection), async::Deadline::after(options.idle_time)});
  trim_idle();
}

bool ClientCore::evict_idle() {
  const auto http2 = oldest_idle_http2();
  if (http2 != nullptr &&
      (idle_.empty() ||
       async::Deadline(http2->idle_since() + options.idle_time) < idle_.front().until)) {
    http2->close("its place was needed");
    return true;
  }
  if (idle_.empty()) {
    return false;
  }
  idle_.pop_front();
  return true;
}

void ClientCore::trim_idle() {
  while (idle() > options.max_idle && evict_idle()) {
  }
}

std::size_t ClientCore::idle() const noexcept {
  return idle_.size() + idle_http2();
}

void ClientCore::close_all() {
  idle_.clear();
  while (!http2_.empty()) {
    // It leaves the list by itself.
    const auto connection = http2_.back();
    connection->close("the client is gone");
  }
}

std::size_t ClientCore::tls_profile(std::string_view component_id, std::string_view host)
    const noexcept {
  const auto has = [](const std::vector<std::string>& list, std::string_view item) {
    return std::ranges::find(list, item) != list.end();
  };
  for (std::size_t i = 0; i < options.tls_rules.size(); ++i) {
    const TlsRule& rule = options.tls_rules[i];
    if (has(rule.component_ids, component_id) && has(rule.hosts, host)) {
      return i + 1;
    }
  }
  return 0;
}

Result<std::shared_ptr<ClientCore::TlsSettings>> ClientCore::tls(const Destination& to) {
  tls_.resize(std::max(tls_.size(), 2 * (options.tls_rules.size() + 1)));
  const bool offers_http2 = options.offers_http2 && !to.only_http1;
  auto& kept = tls_[2 * to.tls_profile + (offers_http2 ? 1 : 0)];
  const bool has_failed = kept != nullptr && kept->made && !*kept->made;
  if (kept != nullptr && !has_failed) {
    return kept;
  }
  net::TlsClientOptions wanted =
      to.tls_profile == 0 ? options.tls : options.tls_rules[to.tls_profile - 1].tls;
  wanted.offers_http2 = offers_http2;
  auto settings = std::make_shared<TlsSettings>();
  WHORL_CHECKED(resolver.submit(
      [&on = shard, settings, wanted = std::move(wanted)](async::BlockingPool::Fate fate) {
        if (fate == async::BlockingPool::Fate::Dropped) {
          return;  // the client is gone
        }
        auto made = net::TlsClientContext::create(wanted);
        on.post([settings, made = std::move(made)]() mutable {
          settings->made.emplace(std::move(made));
          settings->over.notify();
        });
      }
  ));
  kept = settings;
  return settings;
}

Client::Client(async::Shard& shard, ClientOptions options)
    : core_(std::make_shared<ClientCore>(shard, std::move(options))) {}

Client::~Client() {
  // Requests that still wait on the loop keep the core; what it owns of threads and sockets ends
  // here, while the shard is alive.
  core_->resolver.stop();
  core_->close_all();
}

void Client::send(std::shared_ptr<ClientExchange> exchange) {
  // Posted: whoever asks may be on a fiber, where no coroutine of the loop belongs.
  core_->shard.post([core = core_, exchange = std::move(exchange)]() mutable {
    async::Shard& shard = core->shard;
    async::spawn(shard, ClientRun::run(std::move(core), std::move(exchange)));
  });
}

async::Shard& Client::shard() noexcept {
  return core_->shard;
}

std::size_t Client::idle_connections() const noexcept {
  return core_->idle();
}

std::size_t Client::http2_connections() const noexcept {
  return core_->http2_connections();
}

}  // namespace whorl::http
