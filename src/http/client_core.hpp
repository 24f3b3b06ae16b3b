/// ClientCore: what the requests of one client share. Private to the client.
/// @thread shard
#pragma once

#include "async/blocking_pool.hpp"
#include "async/deadline.hpp"
#include "async/event.hpp"
#include "http/client.hpp"
#include "net/channel.hpp"

#include <deque>
#include <memory>
#include <string_view>
#include <vector>

namespace whorl::http {

class Http2ClientConnection;

class ClientCore final : private IdleHolder::Owner {
 public:
  ClientCore(async::Shard& on, ClientOptions with);
  ~ClientCore();
  ClientCore(const ClientCore&) = delete;
  ClientCore& operator=(const ClientCore&) = delete;

  /// A connection and its place among those that may be open.
  struct Connection {
    std::unique_ptr<net::Channel> channel;
    ConnectionPermit permit;
  };
  /// An idle connection to a place; without a channel when there is no good one.
  [[nodiscard]] Connection take_idle(const Destination& to);
  void keep_idle(const Destination& to, Connection connection);
  [[nodiscard]] std::size_t idle() const noexcept;
  /// Closes idle connections, and those of HTTP/2 whatever they carry.
  void close_all();
  /// Closes the idle connections used longest ago until there are no more than may be.
  void trim_idle();

  // --- HTTP/2 ----------------------------------------------------------------------------------
  /// The connection to a place that takes requests; null: there is none.
  [[nodiscard]] std::shared_ptr<Http2ClientConnection> http2(const Destination& to) const;
  /// A connection on which HTTP/2 is spoken: kept for other requests, where connections are.
  [[nodiscard]] std::shared_ptr<Http2ClientConnection> add_http2(
      std::shared_ptr<ClientCore> self, const Destination& to, Connection connection
  );
  [[nodiscard]] bool keeps(const Http2ClientConnection& connection) const noexcept;
  void forget(const Http2ClientConnection& connection);
  [[nodiscard]] std::size_t http2_connections() const noexcept;

  /// Somebody makes a connection that may turn out to carry everybody's requests: others to the
  /// same place wait for it instead of making their own.
  struct Attempt {
    Destination to;
    async::Event over;
    bool is_over = false;
  };
  /// The attempt under way to a place; null: there is none.
  [[nodiscard]] std::shared_ptr<Attempt> attempt(const Destination& to) const;
  /// Begins one; null where no connection could be shared: HTTP/1.1 is known to be spoken there.
  [[nodiscard]] std::shared_ptr<Attempt> begin_attempt(const Destination& to);
  void end_attempt(Attempt& attempt);
  /// HTTP/1.1 is what a place speaks, until it says otherwise.
  void note_http1(const Destination& to);
  /// A place wants HTTP/1.1 for everything, and is asked so for a while.
  void require_http1(const Destination& to);
  [[nodiscard]] bool requires_http1(const Destination& to) const noexcept;
  /// Settings of TLS, made when first needed and on another thread: certificates are read for
  /// them, which is longer than others' requests should wait.
  struct TlsSettings {
    std::optional<Result<std::shared_ptr<const net::TlsClientContext>>> made;
    async::Event over;  ///< `made` has a value
  };
  /// Those for a place, or those that are being made. @return Overloaded: they cannot be
  [[nodiscard]] Result<std::shared_ptr<TlsSettings>> tls(const Destination& to);

  /// The settings that a component's requests to a host are made under.
  [[nodiscard]] std::size_t tls_profile(std::string_view component_id, std::string_view host)
      const noexcept;
  /// Closes the idle connection that was used longest ago. @return false if there is none
  bool evict_idle();

  async::Shard& shard;
  const ClientOptions options;
  async::BlockingPool resolver;

 private:
  struct Idle {
    Destination to;
    Connection connection;
    async::Deadline until;
  };

  struct Http1Place {
    Destination to;
    async::Deadline until;
  };

  void close_idle_one() noexcept override { static_cast<void>(evict_idle()); }

  [[nodiscard]] std::size_t idle_http2() const noexcept;
  [[nodiscard]] std::shared_ptr<Http2ClientConnection> oldest_idle_http2() const;

  std::shared_ptr<IdleHolder> holder_;
  std::deque<Idle> idle_;  ///< the one used last at the back
  std::vector<std::shared_ptr<Http2ClientConnection>> http2_;
  std::vector<std::shared_ptr<Attempt>> attempts_;
  std::deque<Destination> http1_;  ///< places that speak HTTP/1.1 over TLS; the newest at the back
  std::deque<Http1Place> http1_required_;  ///< those that want nothing else; the newest at the back
  std::vector<std::shared_ptr<TlsSettings>> tls_;  ///< two of each profile
};

}  // namespace whorl::http
