#include "wasi/random_hosts.hpp"

#include "engine/store.hpp"

#include <algorithm>
#include <expected>

namespace whorl::wasi {
namespace {

std::unexpected<component::HostTrap> too_many() {
  return component::trap("a guest may ask for at most 16 MiB of random bytes at once");
}

/// Made in pieces, between which others get their turn.
///
/// @param fill  (MutableByteView) -> void
template <class Fill>
component::HostResult<Bytes> random_bytes(component::Call& call, std::uint64_t len, Fill fill) {
  if (len > kMaxRandomBytes) {
    return too_many();
  }
  Bytes bytes;
  bytes.reserve(static_cast<std::size_t>(len));
  while (bytes.size() < len) {
    if (!bytes.empty() && call.fiber != nullptr && !call.store.give_way_if_due()) {
      return std::unexpected(component::being_ended());
    }
    const std::size_t done = bytes.size();
    bytes.resize(
        done + static_cast<std::size_t>(std::min<std::uint64_t>(len - done, kRandomPiece))
    );
    fill(MutableByteView(bytes).subspan(done));
  }
  return bytes;
}

}  // namespace

component::HostResult<Bytes> RandomHost::get_random_bytes(
    component::Call& call, std::uint64_t len
) {
  return random_bytes(call, len, [this](MutableByteView room) { source_.fill(room); });
}

component::HostResult<std::uint64_t> RandomHost::get_random_u64(component::Call&) {
  return source_.next();
}

component::HostResult<Bytes> InsecureRandomHost::get_insecure_random_bytes(
    component::Call& call, std::uint64_t len
) {
  return random_bytes(call, len, [this](MutableByteView room) { generator_.fill(room, seed_); });
}

component::HostResult<std::uint64_t> InsecureRandomHost::get_insecure_random_u64(component::Call&) {
  return generator_.next(seed_);
}

component::HostResult<std::tuple<std::uint64_t, std::uint64_t>>
InsecureSeedHost::insecure_seed(component::Call&) {
  if (!seed_) {
    seed_.emplace(source_.next(), source_.next());
  }
  return *seed_;
}

component::HostResult<std::tuple<std::uint64_t, std::uint64_t>> InsecureSeedHost::get_insecure_seed(
    component::Call& call
) {
  return insecure_seed(call);
}

}  // namespace whorl::wasi
