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
#include <optional>

namespace whorl::http {

class ClientCore {
 public:
  ClientCore(async::Shard& on, ClientOptions with) : shard(on), options(std::move(with)) {}
  ClientCore(const ClientCore&) = delete;
  ClientCore& operator=(const ClientCore&) = delete;

  /// An idle connection to a place, if there is a good one.
  [[nodiscard]] std::unique_ptr<net::Channel> take_idle(const Destination& to);
  void keep_idle(const Destination& to, std::unique_ptr<net::Channel> channel);
  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }
  void close_idle() { idle_.clear(); }
  /// The settings of TLS, made when first needed.
  [[nodiscard]] Result<std::shared_ptr<const net::TlsClientContext>> tls();

  /// A connection counts against the limit while this lives.
  class Place {
   public:
    explicit Place(ClientCore& core) noexcept : core_(&core) { ++core.open_; }
    Place(Place&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (core_ != nullptr) {
        --core_->open_;
        core_->room_.notify();
      }
    }

   private:
    ClientCore* core_;  ///< kept alive by the request that holds the place
  };
  /// Room for one more request, closing idle connections where that helps.
  [[nodiscard]] std::optional<Place> try_enter();
  /// Fires when a place is given back.
  [[nodiscard]] async::Event& room_event() noexcept { return room_; }

  async::Shard& shard;
  const ClientOptions options;
  async::BlockingPool resolver;

 private:
  struct Idle {
    Destination to;
    std::unique_ptr<net::Channel> channel;
    async::Deadline until;
  };

  std::deque<Idle> idle_;  ///< the one used last at the back
  std::shared_ptr<const net::TlsClientContext> tls_;
  std::size_t open_ = 0;
  async::Event room_;
};

}  // namespace whorl::http
