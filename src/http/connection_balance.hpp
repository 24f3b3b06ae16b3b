/// ConnectionBalance: keeps a few long-lived connections from meeting on one shard.
///
/// The kernel spreads new connections over the shards' listeners by their addresses: evenly in the
/// long run, but eight kept connections may well be seven and one. A shard that has more than the
/// least busy one, by more than is in the nature of many, passes what it accepts on to that one.
/// @thread any, but for what says otherwise
#pragma once

#include "async/shard.hpp"
#include "fs/file.hpp"
#include "net/address.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace whorl::http {

class ConnectionBalance {
 public:
  /// A server that takes part.
  class Member {
   public:
    /// A connection that another shard accepted. Called on this server's shard.
    virtual void adopt(fs::Fd socket, const net::SocketAddress& peer) = 0;

   protected:
    ~Member() = default;
  };

  /// What the others know of a member.
  class Seat {
   public:
    Seat(async::Shard& shard, Member& member) noexcept : shard_(shard), member_(member) {}
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

    /// How many connections it has. @thread its shard
    void set_load(std::size_t count) noexcept {
      load_.store(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
    }
    /// Nothing more is to be passed on to it; what is on its way still comes.
    void close() noexcept { state_.fetch_or(kClosed); }
    /// Something is on its way. Cannot become true again after close().
    [[nodiscard]] bool is_expecting() const noexcept { return (state_.load() & ~kClosed) != 0; }

   private:
    friend class ConnectionBalance;
    static constexpr std::uint32_t kClosed = 0x8000'0000;

    /// Counts one that is on its way. @return false when it is closed
    [[nodiscard]] bool try_expect() noexcept;
    [[nodiscard]] std::size_t load() const noexcept {
      return load_.load(std::memory_order_relaxed) +
             (state_.load(std::memory_order_relaxed) & ~kClosed);
    }

    async::Shard& shard_;
    Member& member_;
    std::atomic<std::uint32_t> load_{0};
    std::atomic<std::uint32_t> state_{0};  ///< connections on their way, and whether it is closed
  };

  /// Before any shard runs. Members outlive the shards' threads. @thread main
  [[nodiscard]] Seat& join(async::Shard& shard, Member& member);
  /// Gives the socket to the least busy member where that is worth a message.
  /// @param from  who has accepted it  @return false: it stays where it is
  [[nodiscard]] bool try_pass_on(const Seat& from, fs::Fd& socket, const net::SocketAddress& peer);

 private:
  std::vector<std::unique_ptr<Seat>> seats_;
};

}  // namespace whorl::http
