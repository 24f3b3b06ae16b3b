#include "wasi/random_hosts.hpp"

namespace whorl::wasi {
namespace {

std::unexpected<component::HostTrap> too_many() {
  return component::trap("a guest may ask for at most 16 MiB of random bytes at once");
}

}  // namespace

component::HostResult<Bytes> RandomHost::get_random_bytes(component::Call&, std::uint64_t len) {
  if (len > kMaxRandomBytes) {
    return too_many();
  }
  Bytes bytes(static_cast<std::size_t>(len));
  source_.fill(bytes);
  return bytes;
}

component::HostResult<std::uint64_t> RandomHost::get_random_u64(component::Call&) {
  return source_.next();
}

component::HostResult<Bytes> InsecureRandomHost::get_insecure_random_bytes(
    component::Call&, std::uint64_t len
) {
  if (len > kMaxRandomBytes) {
    return too_many();
  }
  Bytes bytes(static_cast<std::size_t>(len));
  generator_.fill(bytes, seed_);
  return bytes;
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
