/// ClientCensus: how many connections each client has open, over all shards.
///
/// A client is an IPv4 address, or the /64 of an IPv6 one: who has one address of it has them all.
/// Counted when connections begin and end, not by request. @thread any
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>

namespace whorl::http {

class ClientCensus {
 public:
  /// What connections of one client have in common.
  using Key = std::array<std::uint8_t, 8>;

  /// @param most  connections of one client at once
  explicit ClientCensus(std::size_t most) noexcept : most_(most) {}
  ClientCensus(const ClientCensus&) = delete;
  ClientCensus& operator=(const ClientCensus&) = delete;

  /// @param address  "1.2.3.4:80" or "[::1]:80"
  /// @return         nothing for anything else and for 0.0.0.0, as which clients of a Unix socket
  ///                 go: those are not counted
  [[nodiscard]] static std::optional<Key> key_of(std::string_view address) noexcept;

  [[nodiscard]] std::size_t most() const noexcept { return most_; }
  [[nodiscard]] bool is_full(const Key& client) const;
  void enter(const Key& client);
  void leave(const Key& client) noexcept;
  /// Clients with a connection.
  [[nodiscard]] std::size_t clients() const;

 private:
  std::size_t most_;
  mutable std::mutex mutex_;
  std::map<Key, std::size_t> open_;  ///< under mutex_; no entry is 0
};

}  // namespace whorl::http
