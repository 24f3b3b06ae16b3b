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
  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }
  void close_idle() { idle_.clear(); }
  /// The settings of TLS of a profile, made when first needed.
  [[nodiscard]] Result<std::shared_ptr<const net::TlsClientContext>> tls(std::size_t profile);

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

  void close_idle_one() noexcept override { static_cast<void>(evict_idle()); }

  std::shared_ptr<IdleHolder> holder_;
  std::deque<Idle> idle_;  ///< the one used last at the back
  std::vector<std::shared_ptr<const net::TlsClientContext>> tls_;  ///< by profile
};

}  // namespace whorl::http
