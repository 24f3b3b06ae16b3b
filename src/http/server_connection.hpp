/// ServerConnection: what a server knows of each of its connections, whatever they speak.
/// Private to the server. @thread shard
#pragma once

#include "http/client_census.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace whorl::http {

/// Time as connections count it: sweeps since the server began. A connection's deadlines are kept
/// by one timer of the server, not by one each.
using Tick = std::uint32_t;

class ServerConnection {
 public:
  ServerConnection() = default;
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;
  virtual ~ServerConnection() = default;

  virtual void start() = 0;
  /// Called at each tick.
  virtual void sweep(Tick now) = 0;
  /// May be closed without a loss: no request has begun, and it is not being closed.
  [[nodiscard]] virtual bool is_idle() const noexcept = 0;
  /// When it became so.
  [[nodiscard]] virtual Tick idle_since() const noexcept = 0;
  /// Closes, if idle.
  virtual void close_idle() = 0;
  /// ServerCore::draining became true.
  virtual void on_drain() = 0;
  /// Closes now; the core forgets the connection itself.
  virtual void abandon() = 0;

  std::size_t index = 0;  ///< place in ServerCore::connections
  /// Who has to be told of its end; nothing where connections of clients are not counted.
  std::optional<ClientCensus::Key> client{};
};

}  // namespace whorl::http
