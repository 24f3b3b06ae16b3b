#include "http/connection_balance.hpp"

#include <utility>

namespace whorl::http {
namespace {

/// Of many connections some difference is natural and no loss; of few none is worth less than a
/// message between threads.
constexpr std::size_t tolerated(std::size_t least) noexcept {
  return least / 4;
}

}  // namespace

bool ConnectionBalance::Seat::try_expect() noexcept {
  if ((state_.fetch_add(1) & kClosed) == 0) {
    return true;
  }
  state_.fetch_sub(1);
  return false;
}

ConnectionBalance::Seat& ConnectionBalance::join(async::Shard& shard, Member& member) {
  return *seats_.emplace_back(std::make_unique<Seat>(shard, member));
}

bool ConnectionBalance::try_pass_on(
    const Seat& from, fs::Fd& socket, const net::SocketAddress& peer
) {
  const std::size_t mine = from.load();
  if (mine == 0) {
    return false;
  }
  Seat* least = nullptr;
  for (const auto& seat : seats_) {
    if (least == nullptr || seat->load() < least->load()) {
      least = seat.get();
    }
  }
  if (mine <= least->load() + tolerated(least->load()) || !least->try_expect()) {
    return false;
  }
  least->shard_.post([least, fd = std::move(socket), peer]() mutable {
    least->state_.fetch_sub(1);
    least->member_.adopt(std::move(fd), peer);
  });
  return true;
}

}  // namespace whorl::http
